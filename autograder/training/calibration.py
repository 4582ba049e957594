"""How long the student's network is trained, and which accuracy it must reach: measured values.

`calibration.json` holds three budgets. "full" is for a CUDA GPU. "short" is for a CPU, and for a GPU as long as nobody
has measured "full". "tiny" is for tests with stand-in images. `benchmarks.calibrate_training`
measures and writes all of them.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.submission.atomic_write import atomic_write
from autograder.training.inside.fit import Recipe

FILE = Path(__file__).with_suffix(".json")
NOT_CALIBRATED = "its threshold is not calibrated yet: run python -m benchmarks.calibrate_training"


@dataclass(frozen=True)
class Calibration:
    """The accuracy that right networks reach.

    Args:
        recipe: how they were trained.
        threshold: the accuracy, from 0 to 1, that a submission must reach.
        mean: of the accuracies of right networks.
        std: standard deviation of the accuracies.
        seeds: how many trainings were measured.
        hardware: on which device.
        data: on which images.
        date: YYYY-MM-DD.
    """

    recipe: Recipe
    threshold: float
    mean: float
    std: float
    seeds: int
    hardware: str
    data: str
    date: str


class BadCalibration(ValueError):
    """The file cannot be used; `str()` is one line for the maintainer."""


def calibration_for(device: str, file: Path = FILE) -> Calibration | None:
    """The calibration for this kind of device, "cuda" or "cpu"; None while nobody has measured it.

    Raises:
        BadCalibration: the file is not what `save` writes.
    """
    full = calibrated("full", file) if device == "cuda" else None
    return full or calibrated("short", file)


def calibrated(budget: str, file: Path = FILE) -> Calibration | None:
    """The budget's calibration; None while nobody has measured it.

    Raises:
        BadCalibration: the file is not what `save` writes.
    """
    try:
        entry = _read(file)[budget]
        if entry["calibrated"] is None:
            return None
        return Calibration(Recipe(**entry["recipe"]), **entry["calibrated"])
    except (KeyError, TypeError) as error:
        raise BadCalibration(f"{file}: the budget {budget!r} is incomplete or has odd fields ({error})") from None


def recipe_of(budget: str, file: Path = FILE) -> Recipe:
    """The budget's recipe, whether it is calibrated or only proposed.

    Raises:
        BadCalibration: the file is not what `save` writes.
    """
    try:
        return Recipe(**_read(file)[budget]["recipe"])
    except (KeyError, TypeError) as error:
        raise BadCalibration(f"{file}: the recipe {budget!r} is missing or has odd fields ({error})") from None


def save(budget: str, measured: Calibration, file: Path = FILE) -> None:
    """Replace the budget's calibration; the other budgets stay."""
    fields = asdict(measured)
    entry = {"recipe": fields.pop("recipe"), "calibrated": fields}
    atomic_write(file, json.dumps(_read(file) | {budget: entry}, indent=2, ensure_ascii=False) + "\n")


def _read(file: Path) -> dict:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadCalibration(f"{file}: cannot be read ({error})") from None


TINY = recipe_of("tiny")
"""A few seconds of one core, for tests on about a hundred stand-in images."""
