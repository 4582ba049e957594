"""A class from the platform's download on: the same students in every call, one row each."""

import csv
import json

import pytest

from tests.grader.class_runs import grade_quickly, run
from tests.grader.test_identity import CANVAS, LAYOUTS, METADATA, write


def rows(out):
    with (out / "grades.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_row_a_student_in_every_call(layout, tmp_path, monkeypatch):
    graded = grade_quickly(monkeypatch)
    names, out = LAYOUTS[layout], tmp_path / "results"
    first, other = write(tmp_path / "class", names), write(tmp_path / "gpu" / "moved", names)
    if layout == "gradescope":
        (first / "submission_metadata.yml").write_text(METADATA)
    assert run("grade", first, "--out", out).exit_code == 0
    assert len(graded) == len(names)
    students = [row["result"] for row in rows(out)]
    assert len(students) == len(names)

    again = first / next(iter(names))
    again.write_text("wrong")  # a new version
    assert run("grade", again, "--out", out).exit_code == 0
    assert graded[len(names) :] == [again]
    (other / next(iter(names))).write_text("wrong")
    if layout == "gradescope":
        (other / "submission_metadata.yml").write_text(METADATA)
    assert run("grade", other, "--out", out).exit_code == 0
    assert len(graded) == len(names) + 1  # nothing is new there
    assert [row["result"] for row in rows(out)] == students


def test_the_roster_stays_with_the_results(tmp_path, monkeypatch):
    grade_quickly(monkeypatch)
    folder, out, roster = write(tmp_path / "class", LAYOUTS["canvas"]), tmp_path / "results", tmp_path / "roster.csv"
    roster.write_text(CANVAS, encoding="utf-8")
    assert run("grade", folder, "--out", out).exit_code == 0
    assert [row["id"] for row in rows(out)].count("u9001") == 0
    assert run("grade", folder, "--out", out, "--roster", roster).exit_code == 0
    roster.unlink()
    one = folder / "doejane_12345_67890_resnet.ipynb"
    one.write_text("wrong")
    assert run("grade", one, "--out", out).exit_code == 0
    (jane,) = [row for row in rows(out) if row["id"] == "u9001"]
    assert (jane["name"], jane["section"], jane["status"]) == ("Doe, Jane", "Tutorial 1", "graded")
    saved = json.loads((out / "doejane_12345.json").read_text())
    assert saved["origin"]["students"][0]["name"] == "Doe, Jane"
    (absent,) = [row for row in rows(out) if row["status"] == "missing"]
    assert (absent["name"], absent["score"]) == ("Ñandú, José", "")
    assert "1 student of the roster handed in nothing" in (out / "report.html").read_text()
    (late,) = [row for row in rows(out) if row["late"]]
    assert late["name"] == "Lee, Lin"


def test_a_dry_run_says_whose_each_file_is_and_writes_nothing(tmp_path, monkeypatch):
    graded = grade_quickly(monkeypatch)
    names = ["doejane_12345_1_resnet.ipynb", "doejane_12345_2_resnet-2.ipynb", "jn/resnet.ipynb", "notes.txt"]
    folder, roster = write(tmp_path / "class", names), tmp_path / "roster.csv"
    roster.write_text(CANVAS, encoding="utf-8")
    process = run("grade", folder, "--out", tmp_path / "results", "--roster", roster, "--dry-run")
    assert process.exit_code == 0
    assert not graded
    assert not (tmp_path / "results").exists()
    said = " ".join(process.output.split())
    assert "doejane_12345 Doe, Jane" in said
    assert f"not counted: {folder / names[0]}: doejane_12345 also handed in {folder / names[1]}" in said
    assert "handed in nothing: Lee, Lin" in said
    assert "u9003 Ñandú, José" in said
    assert "notes.txt" in said


def test_a_roster_that_is_none_stops_everything_in_one_line(tmp_path, monkeypatch):
    graded = grade_quickly(monkeypatch)
    folder = write(tmp_path / "class", ["a.py"])
    (tmp_path / "roster.csv").write_text("a,b\n")
    process = run("grade", folder, "--out", tmp_path / "results", "--roster", tmp_path / "roster.csv")
    assert process.exit_code == 2
    assert "no header of a known roster" in process.output.splitlines()[-1]
    assert not graded
