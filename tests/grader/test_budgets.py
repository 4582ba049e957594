"""The shipped recipes and what was measured of them: complete, and stored without a loss."""

import dataclasses
import json
import shutil

import pytest

from autograder.course.settings import MinimumAccuracy
from autograder.maintain import build
from autograder.training import budgets
from autograder.training.budgets import BadBudget, Study, budget_for, load_budget, save_study
from autograder.training.right_networks import STYLES

MEASURED = Study(0.004, 24, "a GPU", "CIFAR-10", "2026-01-02")


@pytest.fixture
def file(tmp_path):
    return shutil.copy(budgets.FILE, tmp_path / "budgets.json")


def test_shipped_file_is_whole():
    for name in ("full", "short", "tiny"):
        budget = load_budget(name)
        assert dataclasses.asdict(budget.recipe) == json.loads(budgets.FILE.read_text())[name]["recipe"]
        assert 0.1 < budget.floor < 1
        assert budget.study is None or (0 < budget.study.std < 0.1 and budget.study.freedom > 7)
    assert load_budget("tiny").recipe.epochs <= 3
    assert load_budget("full").recipe.epochs <= 6


def test_what_counts_is_calibrated_with_eight_trainings_of_four_styles():
    assert len(STYLES) == 4
    assert load_budget("full").trainings == load_budget("short").trainings == 8


def test_each_kind_of_device_has_its_budget_and_its_minimum():
    assert (budget_for("cuda").name, budget_for("cpu").name) == ("full", "short")
    for name, minimum in MinimumAccuracy().model_dump().items():
        assert load_budget(name).floor < minimum, "the course asks for more than wrong networks reach"


def test_what_is_saved_comes_back(file):
    before = {name: load_budget(name, file) for name in ("full", "tiny")}
    save_study("full", MEASURED, 0.66, file)
    assert load_budget("full", file) == dataclasses.replace(before["full"], study=MEASURED, floor=0.66)
    assert load_budget("tiny", file) == before["tiny"]
    assert not list(file.parent.glob("*.tmp"))


@pytest.mark.parametrize("content", ["", "{}", '{"full": {}}', '{"full": {"recipe": {"epoch": 1}, "study": null}}'])
def test_a_broken_file_is_said_in_one_line(tmp_path, content):
    file = tmp_path / "budgets.json"
    file.write_text(content)
    with pytest.raises(BadBudget) as caught:
        load_budget("full", file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_grader_zip_has_it_and_the_handout_has_not():
    assert "autograder/training/budgets.json" in build._collect(build.ROOT, build.GRADER_FILES)
    shipped = build._collect(build.ROOT, build.STUDENT_FILES)
    assert not [name for name in shipped if "budgets" in name or "heldout" in name]
