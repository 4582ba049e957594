"""The secret from which all random draws for a submission are derived."""

import functools
import hashlib
import hmac
from pathlib import Path

from autograder.training.seeds import derive

ROOT = Path(__file__).resolve().parents[2]
SUITE = (ROOT / "tests" / "public", ROOT / "tests" / "hidden")


def seed_of(sha256: str, key: bytes = b"") -> int:
    """The seed from which the tests of a submission draw weights and inputs."""
    return derive(secret_of(sha256, key), "tests")


def secret_of(sha256: str, key: bytes = b"") -> bytes:
    """The secret of a submission: the same submission, hidden tests and key always give the same one.

    Nobody can compute it without the hidden tests and the key, and so nobody can try variants of a file at home until a
    lucky one passes.

    Args:
        sha256: of the submission.
        key: of the results folder, see `autograder.grading.classroom.grading_key`.
    """
    return hmac.digest(_hash(SUITE[1]) + key, sha256.encode(), "sha256")


def seed_fingerprint(sha256: str, key: bytes) -> str:
    """What a result says about its secret: the same secret gives the same, and nothing can be computed from it."""
    return hashlib.sha256(b"fingerprint" + secret_of(sha256, key)).hexdigest()[:16]


@functools.cache
def suite_version() -> str:
    """A hash of the tests."""
    return hashlib.sha256(b"".join(map(_hash, SUITE))).hexdigest()[:16]


@functools.cache
def _hash(folder: Path) -> bytes:
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()
