"""The build: same bytes twice, nothing stale, nothing that a student must not see."""

import importlib
import json
import zipfile
from pathlib import Path

import pytest
import yaml
from torch import nn

from autograder.course.settings import Course
from autograder.maintain import build as build_module
from autograder.maintain.build import INSTRUCTOR, NOTEBOOK, BuildError, build, student_files
from autograder.oracle import judge_block, judge_network
from autograder.student.local import LocalStudent
from tests.grader.conftest import ROOT, copy_sources

ZIPS = ("resnet-student.zip", "autograder.zip")


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def test_committed_notebook_is_what_build_writes(built):
    assert (ROOT / NOTEBOOK).read_bytes() == (built / NOTEBOOK).read_bytes(), "run `make build` and commit assignment/"


def test_building_twice_gives_the_same_bytes(built, tmp_path):
    copy_sources(tmp_path / "again")
    build(tmp_path / "again", validate=False)
    for name in (NOTEBOOK, *(Path("dist") / name for name in ZIPS)):
        assert (built / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_notebook_holds_stubs_only(built):
    text = (built / NOTEBOOK).read_text()
    cells = json.loads(text)["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for name in ("BasicBlock", "Bottleneck", "ResNet"):
        assert f"class {name}(nn.Module):" in code
    assert code.count("raise NotImplementedError") >= 6
    for secret in (
        "nn.Conv2d(in_planes",
        "self.conv1 =",
        "SOLUTION",
        "hidden",
        "judge_block",
        "ASSIGNMENT CONFIG",
    ):
        assert secret not in text.replace("hidden=False", ""), secret  # Otter's own word about its tests


def test_instructors_edition_has_the_solutions_and_model_answers_and_students_have_neither(built):
    student, instructor = ((built / path).read_text() for path in (NOTEBOOK, INSTRUCTOR))
    questions, answers = student.count("*Think about it:*"), instructor.count("**Model answer.**")
    assert questions == answers >= 5
    assert "Model answer" not in student
    assert "self.shortcut = nn.Sequential" in instructor
    assert "NotImplementedError(" not in instructor
    assert "SOLUTION" not in instructor
    assert "resnet-instructor" not in str(contents(built / "dist" / "resnet-student.zip").keys())


def test_student_zip_holds_nothing_more(built):
    files = contents(built / "dist" / "resnet-student.zip")
    assert {name.split("/")[0] for name in files} == {"resnet"}
    for name in (
        "assignment/resnet.ipynb",
        "utils.py",
        "lab/trainer.py",
        "lab/experiments/depth.py",
        "lab/diagrams/network.svg",
        "README.md",
        "pytest.ini",
        "environment.yml",
        "conftest.py",
    ):
        assert f"resnet/{name}" in files
    for part in ("hidden", "sandbox", "solutions", "grade.py", "platforms", "remote", "gallery"):
        assert not [name for name in files if part in name.replace("hidden=", "")], part
    assert not [name for name, text in files.items() if "self.shortcut = nn.Sequential" in text]


def test_no_class_in_the_student_zip_solves_a_question(built):
    """Each class of the zip that is a network is judged as if a student had handed it in."""
    files = contents(built / "dist" / "resnet-student.zip")
    modules = [name.removeprefix("resnet/").removesuffix(".py").replace("/", ".") for name in files if is_module(name)]
    classes = {
        value
        for module in map(importlib.import_module, modules)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ in modules
    }
    assert classes, "there are probes at least"
    for name in ("BasicBlock", "Bottleneck", "ResNet"):
        for solution in classes:
            student = LocalStudent({name: solution})
            try:
                verdict = (
                    judge_network(student, 1, [1, 1, 1, 1], 10, aspect="eval")
                    if name == "ResNet"
                    else judge_block(student, name, 6, 10, 2, aspect="eval")
                )
            except Exception:  # it cannot be built in this way
                continue
            assert not verdict.agrees, f"{solution} solves the question of {name}"


def is_module(name: str) -> bool:
    return name.endswith(".py") and name.startswith(("resnet/autograder/", "resnet/lab/")) and "__main__" not in name


def test_a_course_can_hold_the_names_of_mistakes_back(monkeypatch):
    with_names = student_files(ROOT)
    monkeypatch.setattr(build_module, "load_course", lambda root: Course(name_mistakes=False))
    without = student_files(ROOT)
    assert {name.removeprefix("resnet/autograder/oracle/") for name in with_names.keys() - without.keys()} > {
        *("diagnose.py", "explain.py", "mistakes.toml", "edits/kind.py"),
    }
    assert "resnet/autograder/oracle/judge.py" in without


def test_autograder_zip_has_otters_shape(built):
    files = contents(built / "dist" / "autograder.zip")
    for name in ("run_autograder", "run_otter.py", "setup.sh", "environment.yml", "otter_config.json"):
        assert name in files
    assert "tests/grader/tests/hidden/test_q1_hidden.py" in files
    assert "tests/grader/autograder/oracle/__init__.py" in files
    assert not [name for name in files if Path(name).match("tests/*.py")], "Otter runs these in the student's kernel"
    for program in ("texlive", "pandoc", "playwright"):
        assert program not in files["setup.sh"]
    assert "mamba env create" in files["setup.sh"]
    assert "Miniforge3" in files["setup.sh"]


def test_containers_get_the_versions_of_the_lock(built):
    environment = yaml.safe_load(contents(built / "dist" / "autograder.zip")["environment.yml"])
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    lock = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    cuda = {line for line in lock if line.startswith(("nvidia-", "cuda-", "triton"))}
    assert cuda
    assert pip == ["--extra-index-url https://download.pytorch.org/whl/cpu", *(p for p in lock if p not in cuda)]
    for name in ("torch==", "torchvision==", "otter-grader=="):
        assert sum(line.startswith(name) for line in pip) == 1


def test_broken_master_is_one_clear_error(tmp_path):
    copy_sources(tmp_path / "broken")
    master = tmp_path / "broken" / "solutions" / "resnet.py"
    master.write_text(master.read_text().replace("# END QUESTION", "", 1))
    with pytest.raises(BuildError, match=r"Otter Assign does not accept solutions/resnet\.py"):
        build(tmp_path / "broken", validate=False)
    assert not (tmp_path / "broken" / "dist").exists()
