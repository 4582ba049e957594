"""Entries of the gallery that are a change of right code: `right/*.diff` and `wrong/q1.diff` to `q3.diff`.

A paragraph is an entry. It has the entry's name and title, its labels, and what it changes in a style: lines with a
minus go, lines with a plus come, lines with a space stay and say where. They must be in the style exactly once:

    = solution

    q1_relu_before_add: ReLU before the addition, and none after it.
      evidence: the output is negative wherever x is negative and F(x) is not positive
    -        return F.relu(out + self.shortcut(x))
    +        return F.relu(out) + self.shortcut(x)

`= NAME` is the style of the entries below it: the solution, or a right entry that is a file. A change may have
several places: one ends before the next line that is searched for, or at `...`. The question is the name of the file.
The misconception is the entry's name without its question, unless `misconception:` says another one, or `none`.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from autograder.contract import REQUIRED
from autograder.maintain.build import solved_source
from autograder.submission import Cell, Submission, slice_submission
from autograder.submission.slice import start_of

SOLUTION = "solution"
CHANGED = {"q1": ("BasicBlock",), "q2": ("Bottleneck",), "q3": ("ResNet",)}
"""The code of the style that an entry holds, by question; a right one holds all required names."""
_TITLE = re.compile(r"(?P<name>\w+): (?P<title>\S.*)")
_LABEL = re.compile(r"  (?P<key>misconception|evidence): (?P<value>\S.*)")


class BadDiff(ValueError):
    """A diff that cannot be applied; `str()` is one line without the file's name."""


def read_diffs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each entry of a `.diff` file: its name, and its text as it would stand in a `.py` file.

    Raises:
        BadDiff: a paragraph is no entry, or its lines are not in the style exactly once.
    """
    question = path.stem if path.stem in CHANGED else ""
    style = ""
    for text in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        lines = [line.rstrip() for line in text.split("\n") if line.strip() and not line.startswith("#")]
        if lines and lines[0].startswith("= "):
            style = lines.pop(0).removeprefix("= ")
        if lines:
            code = _style_code(path.parent.parent, style, CHANGED.get(question, REQUIRED))
            yield _entry(lines, question, code, style)


def _entry(paragraph: Sequence[str], question: str, code: str, style: str) -> tuple[str, str]:
    match = _TITLE.fullmatch(paragraph[0])
    if not match:
        raise BadDiff(f"`{paragraph[0]}` is no first line of an entry: write `name: Title.`")
    name = match["name"]
    labels = {"question": question, "misconception": name.removeprefix(f"{question}_")} if question else {}
    changes = list(paragraph[1:])
    while changes and (label := _LABEL.fullmatch(changes[0])):
        labels[label["key"]] = label["value"]
        del changes[0]
    if labels.get("misconception") == "none":
        del labels["misconception"]
    lines = code.split("\n")
    for old, new in _places(name, changes):
        found = [start for start in range(len(lines)) if lines[start : start + len(old)] == old]
        if len(found) != 1:
            raise BadDiff(f"{name}: `{old[0].strip()}` and what follows are {len(found)} times in {style}, not once")
        lines[found[0] : found[0] + len(old)] = new
    if "\n".join(lines) == code:
        raise BadDiff(f"{name}: it changes nothing")
    docstring, headers = f'"""{match["title"]}"""', "\n".join(f"# {key}: {value}" for key, value in labels.items())
    return name, "\n\n".join(part for part in (docstring, headers, "\n".join(lines)) if part) + "\n"


def _places(name: str, changes: Sequence[str]) -> Iterator[tuple[list[str], list[str]]]:
    """The lines to look for and those to put there, place by place."""
    old: list[str] = []
    new: list[str] = []
    before = ""
    for line in [*changes, "..."]:
        sign, text = line[0], line[1:]
        if line == "..." or (old and before == "+" and sign != "+"):
            if old:
                yield old, new
            elif new:
                raise BadDiff(f"{name}: `{new[0].strip()}` has no place: show a line next to it, after a space")
            old, new = [], []
        if line == "...":
            continue
        if sign not in "+- ":
            raise BadDiff(f"{name}: `{line}` begins with none of plus, minus and space")
        before = sign
        if sign != "+":
            old.append(text)
        if sign != "-":
            new.append(text)


@cache
def _style_code(gallery: Path, style: str, names: tuple[str, ...]) -> str:
    """What a style defines `names` with, and nothing else."""
    file = gallery / "right" / f"{style}.py"
    if style == SOLUTION:
        source = solved_source()
    elif file.is_file():
        source = file.read_text(encoding="utf-8")
    else:
        raise BadDiff(f"there is no style `{style}`: write `= {SOLUTION}` or the name of a file in right/")
    lines = source.split("\n")
    text = ""
    for _, node in slice_submission(Submission(file.name, (Cell(file.name, source),)), names).nodes:
        kept = "\n".join(lines[start_of(node)[0] : node.end_lineno])
        text += f"{kept}\n" if isinstance(node, (ast.Import, ast.ImportFrom)) else f"\n\n{kept}\n"
    return text.strip("\n")
