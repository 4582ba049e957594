"""The files in a zip. Nothing is extracted to disk, and every size has a limit."""

import contextlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator

from autograder.submission.read import LARGEST_FILE, Refused, shown, too_large
from autograder.submission.upload import MOST_FILES, is_empty_package, is_hidden, with_slashes

_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError)


class Archive:
    """The members of a zip that are files and not hidden.

    Raises:
        Refused: it is no zip, or one with links, with paths that lead out of it, or with too many files.
    """

    def __init__(self, data: bytes):
        # Each entry of the directory starts with this signature. Count them before zipfile creates an object for each.
        if data.count(b"PK\x01\x02") > MOST_FILES:
            raise Refused(f"it holds more than {MOST_FILES} files.")
        with _refuse_what_is_broken():
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            members = self._archive.infolist()
            for member in members:
                _check(member)
            if twice := [name for name, n in Counter(with_slashes(m.filename) for m in members).items() if n > 1]:
                raise Refused(f"it holds `{shown(twice[0])}` twice.")
            files = [member for member in members if not member.is_dir() and not is_hidden(member.filename)]
            files = [member for member in files if not is_empty_package(member.filename, member.file_size)]
        self._members = {with_slashes(member.filename): member for member in files}

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def read(self, path: str) -> bytes:
        """The bytes of a member.

        Raises:
            Refused: it is encrypted, too large or damaged.
        """
        member = self._members[path]
        if member.flag_bits & 0x1:
            raise Refused("it is encrypted: make the zip without a password.")
        # The other methods decompress without a limit on what one read returns.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused("it is compressed in an unusual way: make an ordinary zip.")
        if member.file_size > LARGEST_FILE:
            raise Refused(too_large("the file"))
        with _refuse_what_is_broken(), self._archive.open(member) as file:
            return file.read(LARGEST_FILE + 1)


@contextlib.contextmanager
def _refuse_what_is_broken() -> Iterator[None]:
    try:
        yield
    except _BROKEN:
        raise Refused("it is not a zip file that can be opened: export it again.") from None


def _check(member: zipfile.ZipInfo) -> None:
    name = shown(member.filename)
    parts = re.split(r"[/\\]", member.filename)
    if member.filename.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", member.filename) or ".." in parts:
        raise Refused(f"it holds `{name}`, a path that leads out of the archive.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Refused(f"it holds `{name}`, a link or a device instead of a file.")
