"""Read the code cells of one file: a notebook or a Python file.

The file is untrusted: nothing of it is executed, and every size has a limit.
"""

import codecs
import contextlib
import io
import json
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MEGABYTE = 1_000_000
LARGEST_FILE = 50 * MEGABYTE
"""Bytes of a submission, and of each file inside a zip. Notebooks hold plots."""
LARGEST_CODE = 200_000
"""Characters of code in all cells together."""
TEXT_CELLS = {"raw": "a raw cell", "markdown": "a Markdown cell"}
MOST_CELLS = 2000
"""Cells of a notebook, text cells and empty ones included."""


@dataclass(frozen=True)
class Cell:
    """One code cell.

    Cells are numbered from 1, counting code cells only (empty ones too), from the top of the notebook.

    Args:
        label: its name in messages: "cell 7", or the name of a `.py` file.
        source: its text.
        module: the name by which other code imports it, if it is a file beside the one that is graded.
    """

    label: str
    source: str
    module: str = ""


@dataclass(frozen=True)
class Submission:
    """The code that is graded.

    Args:
        name: what was handed in: the name of a file or a folder.
        cells: the code cells.
        text: the cells of a notebook that hold no code: "a raw cell", "a Markdown cell".
        file: the file that was chosen among those handed in; "" if only one was.
        note: a line about files that were not chosen, although they hold such code.
    """

    name: str
    cells: tuple[Cell, ...]
    text: tuple[Cell, ...] = ()
    file: str = ""
    note: str = ""


class UnreadableSubmission(Exception):
    """No code can be read from the file; `str()` is one line for the student."""


def shown(text: str, longest: int = 80) -> str:
    """Return a student's text as part of one line: without unprintable characters, and shortened."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= longest else text[: longest - 3] + "..."


class Refused(Exception):
    """Why a file cannot be used, without its name; becomes an `UnreadableSubmission`."""


def too_large(what: str) -> str:
    return (
        f"{what} is larger than {LARGEST_FILE // MEGABYTE} MB:"
        " clear the notebook's outputs and leave out data and weights."
    )


def read_cells(name: str, data: bytes) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """Return the cells of code, and those of a notebook that hold none.

    Raises:
        Refused: the file is no Python and no notebook, or holds no code.
    """
    if not data:
        raise Refused("the file is empty (0 bytes): was it saved before it was handed in?")
    if len(data) > LARGEST_FILE:
        raise Refused(too_large("the file"))
    content = _decode(data, is_script=not name.lower().endswith(".ipynb"))
    label = shown(name.rpartition("/")[2], longest=255)
    cells, text = _notebook_cells(content) if name.lower().endswith(".ipynb") else _cells_of_text(label, content)
    if not any(cell.source.strip() for cell in cells):
        raise Refused("there is no code in it.")
    if sum(len(cell.source) for cell in cells) > LARGEST_CODE:
        kilobytes = LARGEST_CODE // 1000
        raise Refused(f"it holds more than {kilobytes} kB of code: leave data out of the code cells.")
    return tuple(Cell(cell.label, _clean(cell.source)) for cell in cells), text


def _cells_of_text(label: str, content: str) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """The cells of a script, or of a notebook that is not called so: some browsers save it as `.txt`."""
    if content.lstrip().startswith("{") and '"cells"' in content:
        with contextlib.suppress(Refused):
            return _notebook_cells(content)
    return (Cell(label, content),), ()


def _decode(data: bytes, is_script: bool) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as PowerShell writes what it redirects to a file
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError:
            raise Refused("it is no valid UTF-16: save it as UTF-8.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        with contextlib.suppress(SyntaxError, LookupError, ValueError):  # no such encoding, or it does not fit
            if is_script and (encoding := tokenize.detect_encoding(io.BytesIO(data).readline)[0]) != "utf-8":
                return data.decode(encoding)
        raise Refused(f"it is not a text file in UTF-8 (byte {error.start}): save it as UTF-8.") from None


def _clean(source: str) -> str:
    """Normalize line ends to those that Python counts, and replace unpaired surrogates, which JSON can contain."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    return source.encode("utf-8", "replace").decode()


def _notebook_cells(text: str) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    try:
        notebook = json.loads(text)
    except RecursionError:
        raise Refused("it is not a notebook: its JSON is nested too deeply.") from None
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Refused(f"it is not a notebook: the file is not valid JSON{where}.") from None
    every = list(_all_cells(notebook))
    cells = [cell for cell in every if cell.get("cell_type") == "code"]
    _require_python(notebook, cells)
    code = tuple(Cell(f"cell {number}", _source(cell)) for number, cell in enumerate(cells, start=1))
    return code, tuple(_text_cells(every))


def _text_cells(cells: list[dict[str, Any]]) -> Iterator[Cell]:
    for cell in cells:
        label, source = TEXT_CELLS.get(str(cell.get("cell_type"))), cell.get("source")
        if label and isinstance(source, (str, list)):
            yield Cell(label, "".join(map(str, source)))


def _all_cells(notebook: Any) -> Iterator[dict[str, Any]]:
    """Yield every cell of a notebook of format 4, or of the older formats with worksheets."""
    if not isinstance(notebook, dict):
        raise Refused("it is JSON, but not a notebook.")
    sheets = [notebook] if "cells" in notebook else notebook.get("worksheets")
    if not isinstance(sheets, list):
        raise Refused("it is JSON, but not a notebook: it has no cells.")
    for sheet in sheets:
        cells = sheet.get("cells") if isinstance(sheet, dict) else None
        if isinstance(cells, list) and len(cells) > MOST_CELLS:
            raise Refused(f"it holds more than {MOST_CELLS} cells: delete those that are not needed.")
        if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
            raise Refused("it is JSON, but not a notebook: its list of cells is broken.")
        yield from cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    if isinstance(source, str):
        return source
    raise Refused("it is a broken notebook: the source of a code cell is not text.")


def _require_python(notebook: dict[str, Any], cells: list[dict[str, Any]]) -> None:
    language = _language(notebook.get("metadata")) or next(
        (cell["language"] for cell in cells if isinstance(cell.get("language"), str)), ""
    )
    if language and not re.match("i?python", language, re.IGNORECASE):
        raise Refused(f"it is a notebook for {shown(language, 30)}, not for Python: choose a Python kernel.")


def _language(metadata: Any) -> str:
    for section, key in (("kernelspec", "language"), ("language_info", "name")):
        part = metadata.get(section) if isinstance(metadata, dict) else None
        value = part.get(key) if isinstance(part, dict) else None
        if isinstance(value, str) and value:
            return value
    return ""
