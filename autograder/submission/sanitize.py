"""Make text from students safe to show: in a terminal, in JSON and in HTML it reads as it is."""

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def sanitize(text: str, length: int | None = None, one_line: bool = False) -> str:
    """Replace characters that a reader cannot see: terminal escapes, changes of writing direction, lone surrogates.

    Messages, titles and file names come from students, and a text that is shown differently than it reads can deceive.

    Args:
        length: cut the text to so many characters.
        one_line: replace tabs and line breaks too.
    """
    if length is not None and len(text) > length:
        text = f"{text[:length]} …"
    text = text.replace("\r\n", "\n").translate(_VISIBLE)
    return text.translate({0x09: "␉", 0x0A: "␊"}) if one_line else text


def utf8(name: str) -> str:
    """A file's name without the bytes that are not UTF-8, which Python keeps as lone surrogates."""
    return name.encode(errors="replace").decode()


class _Visible(dict[int, str]):
    """Character code to what is shown for it; filled as characters occur."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if not (letter.isprintable() or letter in "\n\t" or unicodedata.category(letter) == "Zs"):
            letter = chr(0x2400 + code) if code < 0x20 else "\N{SYMBOL FOR DELETE}" if code == 0x7F else REPLACEMENT
        self[code] = letter
        return letter


_VISIBLE = _Visible()
