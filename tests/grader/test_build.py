"""The build: same bytes twice, nothing stale, nothing that a student must not see."""

import json
import zipfile
from pathlib import Path

import pytest
import yaml

from autograder.maintain.build import INSTRUCTOR, NOTEBOOK, BuildError, build
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
    for part in ("hidden", "oracle", "sandbox", "solutions", "grade.py", "platforms", "remote", "gallery"):
        assert not [name for name in files if part in name.replace("hidden=", "")], part
    for secret in ("self.shortcut = nn.Sequential", "judge_block"):
        assert not [name for name, text in files.items() if secret in text], secret


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
