"""How long the student's network is trained, and what was measured of that recipe once, for every machine.

`budgets.json` holds three budgets: "full" for a CUDA GPU, "short" for a CPU, "tiny" for tests with generated images.
The accuracy that a network must reach is measured where it is graded, see `autograder.training.calibration`; what wrong
networks reach, and how much accuracies vary, is measured by `benchmarks.calibrate_training`, which writes it here.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.submission.atomic_write import atomic_write
from autograder.training.inside.fit import Recipe

FILE = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Study:
    """How much the accuracies of right networks vary, over seeds and styles.

    Args:
        std: their standard deviation.
        freedom: its degrees of freedom: one less than the trainings that were measured.
        hardware: on which device.
        data: on which images.
        date: YYYY-MM-DD.
    """

    std: float
    freedom: int
    hardware: str
    data: str
    date: str


@dataclass(frozen=True)
class Budget:
    """A recipe, and what is known of it.

    Args:
        name: "full", "short" or "tiny".
        recipe: how a network is trained.
        trainings: how many right networks a machine is calibrated with.
        floor: an accuracy that wrong networks reach, from 0 to 1: no machine may ask for less.
        study: the measured spread; None while nobody has measured it.
    """

    name: str
    recipe: Recipe
    trainings: int
    floor: float
    study: Study | None


class BadBudget(ValueError):
    """The file cannot be used; `str()` is one line for the maintainer."""


def budget_for(device: str) -> Budget:
    """The budget of this kind of device, "cuda" or "cpu"; raises `BadBudget`."""
    return load_budget("full" if device == "cuda" else "short")


def load_budget(name: str, file: Path = FILE) -> Budget:
    """The budget of this name.

    Raises:
        BadBudget: the file is not what `save_study` writes.
    """
    try:
        entry = _read(file)[name]
        study = entry["study"] and Study(**entry["study"])
        return Budget(name, Recipe(**entry["recipe"]), int(entry["trainings"]), float(entry["floor"]), study)
    except (KeyError, TypeError, ValueError) as error:
        raise BadBudget(f"{file}: the budget {name!r} is incomplete or has odd fields ({error})") from None


def save_study(name: str, study: Study, floor: float, file: Path = FILE) -> None:
    """Store what was measured of the budget's recipe."""
    content = _read(file)
    content[name] |= {"floor": floor, "study": asdict(study)}
    atomic_write(file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _read(file: Path) -> dict:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadBudget(f"{file}: cannot be read ({error})") from None
