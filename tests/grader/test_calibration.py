"""The shipped recipes and thresholds: complete, and nothing counts before it was measured."""

import dataclasses
import json
import shutil

import pytest

from autograder.maintain import build
from autograder.training import calibration
from autograder.training.calibration import BadCalibration, Calibration, calibrated, calibration_for, recipe_of, save
from autograder.training.inside.fit import Recipe

MEASURED = Calibration(Recipe(7, 256, 0.3), 0.915, 0.94, 0.004, 24, "a GPU", "CIFAR-10", "2026-01-02")


@pytest.fixture
def file(tmp_path):
    return shutil.copy(calibration.FILE, tmp_path / "calibration.json")


def test_shipped_file_is_whole():
    for budget in ("full", "short", "tiny"):
        recipe = recipe_of(budget)
        assert dataclasses.asdict(recipe) == json.loads(calibration.FILE.read_text())[budget]["recipe"]
        measured = calibrated(budget)
        assert measured is None or (measured.recipe == recipe and 0.1 < measured.threshold < measured.mean)
    assert recipe_of("tiny") == calibration.TINY
    assert recipe_of("tiny").epochs <= 3


def test_nothing_counts_before_it_was_measured(file):
    content = json.loads(file.read_text())
    for budget in ("full", "short"):
        content[budget]["calibrated"] = None
        assert recipe_of(budget, file).epochs > 0
    file.write_text(json.dumps(content))
    assert calibrated("full", file) is None
    assert calibration_for("cuda", file) is calibration_for("cpu", file) is None
    assert "python -m benchmarks.calibrate_training" in calibration.NOT_CALIBRATED


def test_a_gpu_has_the_full_budget_once_it_is_measured(file):
    short = dataclasses.replace(MEASURED, seeds=25)
    content = json.loads(file.read_text())
    content["full"]["calibrated"] = None
    file.write_text(json.dumps(content))
    save("short", short, file)
    assert calibration_for("cuda", file) == calibration_for("cpu", file) == short
    save("full", MEASURED, file)
    assert (calibration_for("cuda", file), calibration_for("cpu", file)) == (MEASURED, short)


def test_what_is_saved_comes_back(file):
    tiny = calibrated("tiny", file), recipe_of("tiny", file)
    save("full", MEASURED, file)
    assert calibrated("full", file) == MEASURED
    assert recipe_of("full", file) == MEASURED.recipe
    assert (calibrated("tiny", file), recipe_of("tiny", file)) == tiny
    assert not list(file.parent.glob("*.tmp"))


@pytest.mark.parametrize(
    "content", ["", "{}", '{"full": {}}', '{"full": {"recipe": {"epoch": 1}, "calibrated": {"a": 1}}}']
)
def test_a_broken_file_is_said_in_one_line(tmp_path, content):
    file = tmp_path / "calibration.json"
    file.write_text(content)
    for read in (calibrated, recipe_of):
        with pytest.raises(BadCalibration) as caught:
            read("full", file)
        assert str(caught.value).startswith(str(file))
        assert "\n" not in str(caught.value)


def test_grader_zip_has_it_and_the_handout_has_not():
    assert "autograder/training/calibration.json" in build._collect(build.ROOT, build.GRADER_FILES)
    shipped = build._collect(build.ROOT, build.STUDENT_FILES)
    assert not [name for name in shipped if "calibration" in name or "heldout" in name]
