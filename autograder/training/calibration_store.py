"""Where the trainings of a calibration are kept: beside the results, and in the user's cache for other results."""

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from autograder.submission.atomic_write import atomic_write

FOLDER, LOCK = "calibration", ".lock"


@dataclass(frozen=True)
class RightTraining:
    """What a right network of the grader's own reached.

    Args:
        style: which one, see `right_networks`.
        accuracy: on held-out images, 0 to 1.
        seconds: how long it took.
        date: YYYY-MM-DD.
    """

    style: str
    accuracy: float
    seconds: float
    date: str


class CalibrationStore:
    """The trainings under the same circumstances. Each is written as soon as it is known.

    Args:
        results: the results folder.
        circumstances: all that the accuracies depend on, see `machine.circumstances`.
    """

    def __init__(self, results: Path, circumstances: Mapping[str, str]):
        self._circumstances = dict(circumstances)
        name = hashlib.sha256(json.dumps(self._circumstances, sort_keys=True).encode()).hexdigest()[:16]
        self._file, self._copy = results / FOLDER / f"{name}.json", cache_folder() / f"{name}.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other grader calibrate for these results: several nodes of a cluster measure once."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._file.parent / LOCK):
            yield

    def load(self) -> list[RightTraining]:
        """What is known, from wherever more is known."""
        return max((_read(path, self._circumstances) for path in (self._file, self._copy)), key=len)

    def save(self, trainings: list[RightTraining]) -> None:
        """Keep these, in both places; the cache may be read-only."""
        content = {"circumstances": self._circumstances, "trainings": [asdict(training) for training in trainings]}
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        atomic_write(self._file, text)
        with contextlib.suppress(OSError):
            self._copy.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._copy, text)


def kept_calibrations(results: Path, recipe: str) -> list[list[RightTraining]]:
    """The trainings with this recipe that are kept beside the results, for each machine."""
    found = (_read(path, {"recipe": recipe}) for path in sorted((results / FOLDER).glob("*.json")))
    return [trainings for trainings in found if trainings]


def cache_folder() -> Path:
    """The user's own, as freedesktop.org's base directory specification has it."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    return base / "resnet-assignment" / FOLDER


def _read(path: Path, circumstances: Mapping[str, str]) -> list[RightTraining]:
    """The trainings in a file; none where it is not there, cannot be read or is of other circumstances."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not content["circumstances"].items() >= circumstances.items():
            return []
        trainings = [RightTraining(**entry) for entry in content["trainings"]]
        sound = all(math.isfinite(one.seconds) and 0 <= one.accuracy <= 1 for one in trainings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return trainings if sound else []
