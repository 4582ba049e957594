"""Read a submission: a notebook, a Python file, or the zip that `grader.export()` writes.

The file is untrusted: nothing is extracted to disk, unpickled or executed, and every size has a limit.
"""

import hashlib
import io
import json
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000
LARGEST_FILE = 50 * MEGABYTE
"""Bytes of a submission, and of the notebook inside a zip. Notebooks hold plots."""
LARGEST_CODE = 200_000
"""Characters of code in all cells together."""
MOST_MEMBERS = 1000
"""Files in a zip."""
TEXT_CELLS = {"raw": "a raw cell", "markdown": "a Markdown cell"}
MOST_CELLS = 2000
"""Cells of a notebook, text cells and empty ones included."""


@dataclass(frozen=True)
class Cell:
    """One code cell. `label` is its name in messages: "cell 7", or the name of a `.py` file.

    Cells are numbered from 1, counting code cells only (empty ones too), from the top of the notebook.
    """

    label: str
    source: str


@dataclass(frozen=True)
class Submission:
    """A submitted file. `name` is the name of the file, `sha256` the hash of its bytes.

    `text` are the cells of a notebook that hold no code: "a raw cell", "a Markdown cell".
    """

    name: str
    sha256: str
    cells: tuple[Cell, ...]
    text: tuple[Cell, ...] = ()


class UnreadableSubmission(Exception):
    """No code can be read from the file; `str()` is one line for the student."""


def read_submission(path: Path) -> Submission:
    """Read the code cells of a `.ipynb`, `.py` or `.zip` file.

    Raises:
        UnreadableSubmission: with one line that names the file and what is wrong with it.
    """
    return parse_submission(Path(path).name, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Read the bytes of a file that can be a submission. Its kind and size are checked, not its content.

    Raises:
        UnreadableSubmission: with one line that names the file and what is wrong with it.
    """
    path = Path(path)
    try:
        return _read_bytes(path)
    except _Refused as refused:
        raise UnreadableSubmission(f"{shown(path.name)}: {refused}") from None


def parse_submission(name: str, data: bytes) -> Submission:
    """Read the code cells out of the bytes of a file called `name`.

    Raises:
        UnreadableSubmission: with one line that names the file and what is wrong with it.
    """
    try:
        member, content = _notebook_in_zip(data) if name.lower().endswith(".zip") else (name, data)
        cells, text = _read_cells(member, content)
    except _Refused as refused:
        raise UnreadableSubmission(f"{shown(name)}: {refused}") from None
    return Submission(name, hashlib.sha256(data).hexdigest(), cells, text)


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file that could not be read as a submission; "" if its bytes cannot be read."""
    try:
        if not Path(path).is_file():
            return ""
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def shown(text: str, longest: int = 80) -> str:
    """Return a student's text as part of one line: without unprintable characters, and shortened."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= longest else text[: longest - 3] + "..."


class _Refused(Exception):
    """The reason why a file cannot be used, without its name."""


def _read_bytes(path: Path) -> bytes:
    if path.suffix.lower() not in (".ipynb", ".py", ".zip"):
        raise _Refused("hand in a notebook (.ipynb), a .py file, or the .zip from grader.export().")
    try:
        # A link could refer to a file of the grader, or to another submission.
        if path.is_symlink():
            raise _Refused("is a link: hand in the file itself.")
        if not path.exists():
            raise _Refused("there is no such file.")
        if not path.is_file():
            raise _Refused("is a folder or a device, not a file.")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _Refused(f"cannot be opened ({error.strerror}).") from None
    if not data:
        raise _Refused("the file is empty (0 bytes): was it saved before it was handed in?")
    if len(data) > LARGEST_FILE:
        raise _Refused(_too_large("the file"))
    return data


def _too_large(what: str) -> str:
    return (
        f"{what} is larger than {LARGEST_FILE // MEGABYTE} MB:"
        " clear the notebook's outputs and leave out data and weights."
    )


def _read_cells(name: str, data: bytes) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """The cells of code, and those of a notebook that hold none."""
    content = _decode(data)
    label = shown(name.rpartition("/")[2], longest=255)
    cells, text = ((Cell(label, content),), ()) if name.lower().endswith(".py") else _notebook_cells(content)
    if not any(cell.source.strip() for cell in cells):
        raise _Refused("there is no code in it.")
    if sum(len(cell.source) for cell in cells) > LARGEST_CODE:
        kilobytes = LARGEST_CODE // 1000
        raise _Refused(f"holds more than {kilobytes} kB of code: leave data out of the code cells.")
    return tuple(Cell(cell.label, _clean(cell.source)) for cell in cells), text


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _Refused("is saved as UTF-16: save it as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Refused(f"is not a text file in UTF-8 (byte {error.start}): save it as UTF-8.") from None


def _clean(source: str) -> str:
    """Normalize line ends to those that Python counts, and replace unpaired surrogates, which JSON can contain."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    return source.encode("utf-8", "replace").decode()


def _notebook_cells(text: str) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    try:
        notebook = json.loads(text)
    except RecursionError:
        raise _Refused("is not a notebook: its JSON is nested too deeply.") from None
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise _Refused(f"is not a notebook: the file is not valid JSON{where}.") from None
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
        raise _Refused("is JSON, but not a notebook.")
    sheets = [notebook] if "cells" in notebook else notebook.get("worksheets")
    if not isinstance(sheets, list):
        raise _Refused("is JSON, but not a notebook: it has no cells.")
    for sheet in sheets:
        cells = sheet.get("cells") if isinstance(sheet, dict) else None
        if isinstance(cells, list) and len(cells) > MOST_CELLS:
            raise _Refused(f"holds more than {MOST_CELLS} cells: delete those that are not needed.")
        if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
            raise _Refused("is JSON, but not a notebook: its list of cells is broken.")
        yield from cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    if isinstance(source, str):
        return source
    raise _Refused("is a broken notebook: the source of a code cell is not text.")


def _require_python(notebook: dict[str, Any], cells: list[dict[str, Any]]) -> None:
    language = _language(notebook.get("metadata")) or next(
        (cell["language"] for cell in cells if isinstance(cell.get("language"), str)), ""
    )
    if language and not re.match("i?python", language, re.IGNORECASE):
        raise _Refused(f"is a notebook for {shown(language, 30)}, not for Python: choose a Python kernel.")


def _language(metadata: Any) -> str:
    for section, key in (("kernelspec", "language"), ("language_info", "name")):
        part = metadata.get(section) if isinstance(metadata, dict) else None
        value = part.get(key) if isinstance(part, dict) else None
        if isinstance(value, str) and value:
            return value
    return ""


def _notebook_in_zip(data: bytes) -> tuple[str, bytes]:
    """Find and read the only notebook, or else the only Python file, of a zip."""
    # Each entry of the directory starts with this signature. Count them before zipfile creates an object for each.
    if data.count(b"PK\x01\x02") > MOST_MEMBERS:
        raise _Refused(f"holds more than {MOST_MEMBERS} files.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            for member in members:
                _check_member(member)
            if twice := [name for name, n in Counter(m.filename for m in members).items() if n > 1]:
                raise _Refused(f"holds `{shown(twice[0])}` twice.")
            member = _choose(members)
            with archive.open(member) as file:
                content = file.read(LARGEST_FILE + 1)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError):
        raise _Refused("is not a zip file that can be opened: export it again.") from None
    if len(content) > LARGEST_FILE:
        raise _Refused(_too_large(f"`{shown(member.filename)}` in it"))
    if not content:
        raise _Refused(f"`{shown(member.filename)}` in it is empty (0 bytes).")
    return member.filename, content


def _check_member(member: zipfile.ZipInfo) -> None:
    name = shown(member.filename)
    parts = re.split(r"[/\\]", member.filename)
    if member.filename.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", member.filename) or ".." in parts:
        raise _Refused(f"holds `{name}`, a path that leads out of the archive.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _Refused(f"holds `{name}`, a link or a device instead of a file.")


def _choose(members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    files = [member for member in members if not member.is_dir() and not _is_clutter(member.filename)]
    for suffix, kind in ((".ipynb", "notebooks"), (".py", "Python files")):
        found = [member for member in files if member.filename.lower().endswith(suffix)]
        if len(found) > 1:
            names = ", ".join(f"`{shown(member.filename)}`" for member in found[:5])
            raise _Refused(f"holds {len(found)} {kind} ({names}): hand in one.")
        if found:
            return _check_chosen(found[0])
    raise _Refused("holds no notebook (.ipynb) and no .py file.")


def _is_clutter(name: str) -> bool:
    return any(part == "__MACOSX" or part.startswith(".") for part in re.split(r"[/\\]", name))


def _check_chosen(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    name = shown(member.filename)
    if member.flag_bits & 0x1:
        raise _Refused(f"`{name}` in it is encrypted: make the zip without a password.")
    # The other methods decompress without a limit on what one read returns.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _Refused(f"`{name}` in it is compressed in an unusual way: make an ordinary zip.")
    if member.file_size > LARGEST_FILE:
        raise _Refused(_too_large(f"`{name}` in it"))
    return member
