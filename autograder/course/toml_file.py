"""A TOML file that a person edits: what it says, and on which line."""

import re
import tomllib
from typing import Any


class TomlError(ValueError):
    """A text is no TOML; `str()` is one line."""

    def __init__(self, line: int, said: str) -> None:
        super().__init__(said)
        self.line = line


def parse_toml(text: str) -> dict[str, Any]:
    """What the text of a TOML file says.

    Raises:
        TomlError: it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:  # ValueError: a number of 5000 digits
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        said = "nested too deeply" if isinstance(error, RecursionError) else re.sub(r" [(]at .*[)]$", "", str(error))
        raise TomlError(line, said) from None


def line_of(text: str, loc: tuple[str, ...]) -> int:
    """The line on which a setting stands: `late.of` in the table [late]; that of its table where it is not there."""
    table: tuple[str, ...] = ()
    best = (0, 1)
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            here = table
        elif key := re.match(r"\s*(\"[^\"]*\"|'[^']*'|[\w.\"'-]+)\s*=", line):
            quoted = key[1][0] in "\"'" and key[1].count(key[1][0]) == 2 and key[1].endswith(key[1][0])
            parts = [key[1]] if quoted else key[1].split(".")
            here = (*table, *(part.strip("\"'") for part in parts))
        else:
            continue
        if here == loc[: len(here)] and len(here) > best[0]:
            best = (len(here), number)
    return best[1]
