"""Turn a cell with IPython magics into plain Python with the same line numbers.

IPython's own transformer replaces magics by calls of IPython and can change the number of lines. Here no magic may run,
and messages must refer to the lines that the student sees.
"""

import re
from collections.abc import Collection

TRANSPARENT = {
    *("capture", "debug", "memit", "memray_flamegraph", "mprun", "prun", "pyinstrument", "scalene", "snakeviz"),
    *("ipytest", "time", "timeit", "wandb"),
}
"""Cell magics that run the rest of the cell as Python; with any other (`%%bash`) it is most likely not Python."""
ELSEWHERE = {"file", "pypy", "python", "python2", "python3", "script", "skip", "writefile"}
"""Cell magics with Python code that the notebook itself does not run."""

_MARKER = re.compile(r"(^#[ ]?%%.*\n)", re.MULTILINE)
_CELL_MAGIC = re.compile(r"%%\s*(\w*)")
_ADD_TO = re.compile(r"%%\s*add_to\s+(?P<name>\w+)\s*")
"""The magic of jdc: the functions of the cell become methods of a class."""
_FUNCTION = re.compile(r"(?:async )?def[ \t]+(\w+)")
_TIMED = re.compile(r"(?P<indent>\s*)%time\s+(?P<code>[^-\s].*)")
_RUN = re.compile(
    r"(?P<indent>\s*)(?:%run\s+(?:-\w\s+)*|exec\(\s*open\(\s*[\"'])(?:\./)?(?P<path>[\w/]+)(?:\.py)?"
    r"(?:\s*|[\"'].*\)\s*\.read\(\s*\)\s*\)\s*)"
)
_ESCAPED = re.compile(r"(?P<indent>\s*)[%!?]")
_HELP = re.compile(r"(?P<indent>\s*)%{0,2}[\w.*]+(\[.*\])?\?{1,2}\s*$")
_ASSIGNED = re.compile(r"(?P<targets>[\w\s.,*()\[\]]+=\s*)(?P<mark>[!%])")
_AUTOMAGIC = re.compile(r"(pip|conda|mamba|uv|ls|ll|cd|pwd|cp|mv|mkdir|cat|matplotlib|load_ext|autoreload)( [^=(]*)?")
"""A cell of only such a line runs in Jupyter without % or !."""
_WRITTEN = re.compile(r"%%\s*(?:writefile|file)\s+(?:-a\s+|--append\s+)?[\"']?(?:\./)?(?P<path>[\w/]+)\.py[\"']?\s*")
_PROMPTS = [
    (re.compile(r"\s*>>>( |$)"), re.compile(r"^\s*(>>>|\.\.\.)( |$)")),
    (re.compile(r"\s*In \[\d+\]:( |$)"), re.compile(r"^\s*(In \[\d+\]:|\.{3,}:)( |$)")),
]
"""How the first line begins, and what to remove from each: the prompts of Python, and those of IPython."""
_PIECE = re.compile(r"'''|\"\"\"|\\.|['\"#()\[\]{}]")


def neutralise(source: str, written: Collection[str] = (), unknown: bool = False) -> str:
    """Return the cell without its magics, shell commands and help requests; each line stays where it was.

    A `.py` file with `# %%` between its cells, as editors write it, is treated cell by cell.

    `%%time` and similar magics are removed; a cell of another language becomes blank. `x = !ls` becomes `x = []` and
    `x = %magic` becomes `x = None`, so that `x` stays defined. `%run net.py` becomes `from net import *`, if `net` is
    one of the `written` modules, and so does
    `exec(open("net.py").read())`. With `unknown`, magics that are not known run the cell as Python, too.
    """
    if _MARKER.search(source):
        parts = _MARKER.split(source)
        return "".join(part if _MARKER.fullmatch(part) else neutralise(part, written, unknown) for part in parts)
    lines = _without_indent(_without_prompts(source.split("\n")))
    start = _first_line(lines)
    if _AUTOMAGIC.fullmatch("\n".join(lines).strip()):
        return "\n" * (len(lines) - 1)
    while start < len(lines) and (magic := _CELL_MAGIC.match(lines[start])):
        if added := _ADD_TO.fullmatch(lines[start]):
            names = [function[1] for line in lines if (function := _FUNCTION.match(line))]
            lines += [f"{added['name']}.{name} = {name}" for name in names]
        elif magic[1] not in TRANSPARENT and (magic[1] in ELSEWHERE or not unknown):
            return "\n" * (len(lines) - 1)
        lines[start] = ""
        start = _first_line(lines)
    return "\n".join(_neutralise_lines(lines, written) if re.search(r"[%!?]|exec\(", source) else lines)


def written_module(source: str) -> tuple[str, str]:
    """Return the name of the module that a `%%writefile net.py` cell writes, and its code without the magic.

    Return ("", "") for any other cell.
    """
    lines = source.split("\n")
    start = _first_line(lines)
    match = _WRITTEN.fullmatch(lines[start]) if start < len(lines) else None
    if match is None:
        return "", ""
    lines[start] = ""
    return match["path"].replace("/", ".").removesuffix(".__init__"), "\n".join(lines)


def other_language(source: str) -> str:
    """Return the cell magic that makes a cell something other than Python (`%%bash`), or ""."""
    lines = [line for line in source.split("\n") if line.strip()]
    for line in lines:
        magic = _CELL_MAGIC.match(line)
        if magic is None:
            return ""
        if magic[1] not in TRANSPARENT and not _ADD_TO.fullmatch(line):
            return line.strip()
    return ""


def _first_line(lines: list[str]) -> int:
    return next((index for index, line in enumerate(lines) if line.strip()), len(lines))


def _without_indent(lines: list[str]) -> list[str]:
    """Remove the indentation of the first line from every line that has it, as IPython does."""
    start = _first_line(lines)
    indent = re.match(r"[ \t]*", lines[start])[0] if start < len(lines) else ""
    return [line.removeprefix(indent) for line in lines] if indent else lines


def _without_prompts(lines: list[str]) -> list[str]:
    """Remove the prompts from a cell that was pasted with them, as IPython does."""
    start = _first_line(lines)
    for begin, each in _PROMPTS:
        if start < len(lines) and begin.match(lines[start]):
            return [each.sub("", line) for line in lines]
    return lines


def _neutralise_lines(lines: list[str], written: Collection[str]) -> list[str]:
    out: list[str] = []
    inside = _Inside()
    swallow = False  # the line before was a magic that continues on this line
    for line in lines:
        if swallow:
            out.append("")
        elif inside.statement or (plain := _plain(line, written)) is None:
            out.append(line)
            inside.read(line)
            continue
        else:
            out.append(plain)
        swallow = line.endswith("\\")
    return out


def _plain(line: str, written: Collection[str]) -> str | None:
    """Return the replacement for a line that starts a statement; None if it is Python already."""
    if (run := _RUN.fullmatch(line)) and (module := run["path"].replace("/", ".")) in written:
        return f"{run['indent']}from {module} import *"
    if timed := _TIMED.match(line):
        return timed["indent"] + timed["code"]
    if match := _ESCAPED.match(line) or _HELP.match(line):
        return match["indent"] + "pass"
    if assigned := _ASSIGNED.match(line):
        return assigned["targets"] + ("[]" if assigned["mark"] == "!" else "None")
    return None


class _Inside:
    """Whether the next line continues a statement: open bracket or string, or backslash at the end."""

    def __init__(self):
        self._depth = 0
        self._quote = ""
        self._backslash = False

    @property
    def statement(self) -> bool:
        return bool(self._depth > 0 or self._quote or self._backslash)

    def read(self, line: str) -> None:
        self._backslash = line.endswith("\\")
        for piece in _PIECE.findall(line):
            if self._quote:
                self._quote = "" if self._closes(piece) else self._quote
            elif piece == "#":
                self._backslash = False
                break
            elif piece[0] in "'\"":
                self._quote = piece
            elif piece in "([{":
                self._depth += 1
            elif piece in ")]}":
                self._depth = max(0, self._depth - 1)
        if len(self._quote) == 1 and not self._backslash:
            self._quote = ""  # not closed: a syntax error, which the parser reports

    def _closes(self, piece: str) -> bool:
        # Three quotes in a string with single quotation marks: its end, and an empty string.
        return piece in (self._quote, self._quote * 3)
