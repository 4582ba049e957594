"""Which grader made a result: its version, the code that can change a grade, PyTorch, the processor."""

import functools
import hashlib
import importlib.metadata
import platform
import subprocess
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from autograder import __version__
from autograder.training.machine import processor

ROOT = Path(__file__).resolve().parents[2]
DECIDES = (
    "tests/public",
    "tests/hidden",
    "autograder/contract.py",
    *(f"autograder/{package}" for package in ("submission", "student", "suite", "oracle", "sandbox", "training")),
    "autograder/grading/grade.py",
    "autograder/grading/edited_student.py",
    "autograder/grading/seeds.py",
    "autograder/grading/unreadable.py",
)
"""All that can change a grade, below the root."""


class Provenance(BaseModel):
    """Which grader made a result, where and when; part of its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(description="of the grader: as of git describe, or of the package")
    code: str = Field(description="hash of all files that can change a grade; a result of other code is not reused")
    torch: str = Field(description="version of PyTorch")
    python: str = Field(description="version of Python")
    processor: str
    seed: str = Field(default="", description="fingerprint of the secret that random draws are derived from")
    when: str = Field(default="", description="when it was graded, in ISO 8601")

    def in_words(self) -> str:
        """The version with its code: `v1.2-3-gabcdef (code 0123456789abcdef)`."""
        return f"{self.version} (code {self.code})"


@functools.cache
def provenance() -> Provenance:
    """This grader on this machine; `seed` and `when` are those of one result."""
    return Provenance(
        version=_version(),
        code=code_version(),
        torch=importlib.metadata.version("torch"),
        python=platform.python_version(),
        processor=processor(),
    )


@functools.cache
def code_version(root: Path = ROOT) -> str:
    """A hash of all files that can change a grade, by name and content."""
    digest = hashlib.sha256()
    for path in _files(root):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _files(root: Path) -> list[Path]:
    found = [
        file for name in DECIDES for file in ((root / name).rglob("*") if (root / name).is_dir() else [root / name])
    ]
    return sorted(path for path in found if path.suffix in (".py", ".json", ".toml") and path.is_file())


def _version() -> str:
    if (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"]
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            said = ""
        if said:
            return said
    return __version__
