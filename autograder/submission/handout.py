"""Which Python files that a student hands in are the handout's, and no work of the student.

Many call a helper of their own `utils.py`, as the handout does. So its name is not enough: a file is the student's if
it gives a name that the handout's file does not give. The text of a file is searched, and nothing is parsed.
"""

import re
from pathlib import Path

from autograder.submission.read import MEGABYTE

LARGEST = MEGABYTE
"""Bytes of such a file that are looked at. The handout's largest has 14,000."""
_ROOT = Path(__file__).resolve().parents[2]
_PATH = re.compile(r"(?:.*/)?(?:(?:tests|autograder)/.*\.py|conftest\.py|(?P<module>lab/.*\.py|utils\.py))")
_GIVEN = re.compile(
    r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w[\w, \t]*)(?::[^=\n]*)?=(?!=)"
    r"|^from[ \t]+[\w.]+[ \t]+import[ \t]+([^\n(]+|\([^)]{0,2000}\))",
    re.MULTILINE,
)
"""What stands at the left margin of a file and gives a value to names."""


def has_handout_path(path: str) -> bool:
    """Whether a path, with "/" between its parts, is that of a Python file of the handout in any folder."""
    return _PATH.fullmatch(path) is not None


def is_handout(path: str, data: bytes) -> bool:
    """Whether a file is one of the handout's, perhaps with changes.

    It is by its path alone if it is a test or a part of the grader, which no submission imports.
    """
    match = _PATH.fullmatch(path)
    if match is None or not (module := match["module"]):
        return match is not None
    return _names_given(data) <= _NAMES.get(module, set())


def _names_given(data: bytes) -> set[str]:
    text = data[:LARGEST].decode("utf-8", "replace").replace("\r", "\n")
    names: set[str] = set()
    for defined, assigned, imported in _GIVEN.findall(text):
        for part in re.sub(r"#[^\n]*|[()]", "", ",".join((defined, assigned, imported))).split(","):
            names.update(part.split()[-1:])  # `c` of `from a import b as c`
    return names


def _names_of_handout() -> dict[str, set[str]]:
    """The names that each module of the handout gives, by its path."""
    paths = [_ROOT / "utils.py", *_ROOT.glob("lab/**/*.py")]
    return {path.relative_to(_ROOT).as_posix(): _names_given(path.read_bytes()) for path in paths if path.is_file()}


_NAMES = _names_of_handout()
"""Read at import: a reader process is forked from one that has imported this, and cannot read these files itself."""
