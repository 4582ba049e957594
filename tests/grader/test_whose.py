"""What `grade` and the commands that take a name say about whose a file is."""

from pathlib import Path

import pytest

from autograder.course.origin import Origin, Student
from autograder.report import ResultsError, find_result
from autograder.report.text import NAMESAKES
from tests.grader.class_runs import grade_quickly, run
from tests.grader.test_report import make_grade

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,ResNet (77)
"Doe, Jane",12345,u9001,jdoe,Tutorial 1,
"Roe, John",222,u9002,roejohn@uni.example,Tutorial 1,
"Ñandú, José",333,u9003,jn,Tutorial 2,
"""


@pytest.fixture
def download(tmp_path, monkeypatch) -> Path:
    """A download of Canvas, with its roster beside it."""
    grade_quickly(monkeypatch)
    (tmp_path / "roster.csv").write_text(CANVAS)
    (tmp_path / "download").mkdir()
    for name in ("doejane_12345_1_resnet.py", "roejohn_222_2_resnet.py", "strange_777_3_resnet.py"):
        (tmp_path / "download" / name).write_text("right")
    return tmp_path / "download"


@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_who_is_not_in_the_roster_is_named_before_grading(options, download):
    out = ["--out", download.parent / "results"]
    done = run("grade", download, "--roster", download.parent / "roster.csv", *out, *options)
    assert "not in the roster: strange_777" in done.output.splitlines()
    assert "not in the roster" not in run("grade", download, "--out", download.parent / "new", "--dry-run").output


@pytest.mark.parametrize(
    "name", ["john_roe.py", "roe john/hw3.py", "John Roe_99_assignsubmission_file_/a.py", "johnroe_999_1_resnet.py"]
)
def test_a_name_that_several_students_have_is_said_to_be_one(name, download):
    """It does not say that the student is not in the roster; an id tells them apart, and then nothing is said."""
    out, roster = download.parent / "results", download.parent / "roster.csv"
    roster.write_text(f'{CANVAS}"Roe, John",223,u9004,johnroe2,Tutorial 2,\n')
    (download / name).parent.mkdir(exist_ok=True)
    (download / name).write_text("right")
    done = run("grade", download, "--roster", roster, "--out", out)
    (line,) = [line for line in done.output.splitlines() if line.startswith(NAMESAKES)]
    assert line.startswith(f"{NAMESAKES}: ")
    assert "not in the roster: strange_777" in done.output.splitlines()
    exported = run("export", out, "--out", out / "grades")
    assert line in exported.output.splitlines()
    assert "not in the roster: strange_777" in exported.output.splitlines()
    by_id = download.parent / "by_id"
    by_id.mkdir()
    (by_id / "u9004.py").write_text("right")
    assert NAMESAKES not in run("grade", by_id, "--roster", roster, "--dry-run").output


@pytest.mark.parametrize("name", ["roejohn", "ROEJOHN", "roejohn@uni.example", "John Roe", "roe, john", "u9002", "222"])
def test_a_student_is_found_by_login_and_name(name, download):
    results = download.parent / "results"
    run("grade", download, "--roster", download.parent / "roster.csv", "--out", results)
    assert run("show", results, name).output.startswith("Roe, John: ")


def test_a_part_of_a_name_is_no_name_but_suggested():
    """Points that are meant for one Jane are given to no other."""
    people = {"doejane_1": "Doe, Jane", "roejan_2": "Roe, Jan", "lee_3": "Lee, Lin"}
    grades = [
        make_grade(f"{key}.py").model_copy(update={"name": key, "origin": Origin(key=key, students=(Student(name=n),))})
        for key, n in people.items()
    ]
    assert find_result(grades, "jane doe").name == "doejane_1"
    for said, expected in {
        "jan": "jan: no such result; did you mean doejane_1 or roejan_2?",
        "Jane": "Jane: no such result; did you mean doejane_1?",
        "lee_4": "lee_4: no such result; did you mean lee_3?",
        "?": "?: no such result",
    }.items():
        with pytest.raises(ResultsError) as error:
            find_result(grades, said)
        assert str(error.value) == expected


def test_a_dry_run_into_a_file_is_one_line_a_result(tmp_path):
    """With paths below the folder that was given; what does not count, on the same stream."""
    folder = tmp_path / "a folder with a long name, as downloads have" / ("x" * 60)
    (folder / "jane").mkdir(parents=True)
    for name in ("jane/resnet.py", "jane/resnet-2.py", "notes.pdf"):
        (folder / name).write_text("x = 1")
    done = run("grade", folder, "--dry-run")
    header, line, *others = done.stdout.splitlines()
    assert header.split() == ["result", "student", "file"]
    assert line.split() == ["jane", "jane", "jane/resnet-2.py"]
    assert [other.partition(": ")[0] for other in others] == ["not counted", "not graded, no submission"]
