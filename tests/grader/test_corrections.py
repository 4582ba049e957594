"""Corrections lie in a log beside the results: who, when, why; regrading leaves them alone."""

import csv
import json
from pathlib import Path

import pytest

from autograder.course.corrections import FILE, CorrectionProblem, add_correction, read_corrections
from autograder.course.origin import Origin
from autograder.course.settings import parse_course
from autograder.grading.results_folder import find_submission
from autograder.submission import fingerprint
from tests.grader.class_runs import grade_quickly, run
from tests.grader.test_identity import CANVAS, write

FILES = ["doejane_12345_1_resnet.ipynb", "leelin_LATE_222_2_resnet.ipynb"]


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """A graded class of two; jane's file is wrong in q1, lin's is right and late."""
    grade_quickly(monkeypatch)
    folder = write(tmp_path / "class", FILES)
    (folder / FILES[0]).write_text("wrong")
    (tmp_path / "roster.csv").write_text(CANVAS, encoding="utf-8")
    process = run("grade", folder, "--roster", tmp_path / "roster.csv", "--out", tmp_path / "results")
    assert process.exit_code == 0, process.output
    return tmp_path / "results"


def row(results: Path, key: str) -> dict[str, str]:
    with (results / "grades.csv").open(newline="") as file:
        return next(row for row in csv.DictReader(file) if row["result"] == key)


@pytest.mark.parametrize("name", ["doejane_12345", "u9001", "Doe, Jane", "DOEJANE_12345.json"])
def test_an_override_is_logged_and_counts(results, name):
    before = (results / "doejane_12345.json").read_bytes()
    process = run("override", results, name, "q2", "+3.5", "the check misread a comment", "--who", "ta1")
    assert process.exit_code == 0, process.output
    assert "Total: 16.5/28" in process.output
    (entry,) = read_corrections(results)
    assert (entry.name, entry.question, entry.points, entry.who) == ("doejane_12345", "q2", 3.5, "ta1")
    assert entry.when.startswith("20")
    assert row(results, "doejane_12345")["total"] == "16.5"
    assert row(results, "doejane_12345")["score"] == "13"
    assert "the check misread a comment" in (results / "report.html").read_text()
    assert (results / "doejane_12345.json").read_bytes() == before


def test_corrections_survive_regrading(results):
    run("override", results, "u9001", "q2", "+2", "first")
    run("override", results, "u9001", "q2", "-1", "second", "--who", "b")
    log = (results / FILE).read_bytes()
    process = run("regrade", results, "u9001")
    assert process.exit_code == 0, process.output
    assert "q2 -1: second (b, " in process.output
    folder = results.parent / "class"
    (folder / FILES[0]).write_text("right now")  # an appeal with a new file
    assert run("grade", folder, "--out", results).exit_code == 0
    assert (results / FILE).read_bytes() == log
    assert row(results, "doejane_12345")["score"] == "28"
    assert row(results, "doejane_12345")["corrections"] == "1"
    assert row(results, "doejane_12345")["total"] == "29"


def test_regrade_judges_anew_where_the_file_lies_now(results, tmp_path, monkeypatch):
    graded = grade_quickly(monkeypatch)
    folder = tmp_path / "class"
    assert run("regrade", results, "u9001").exit_code == 0
    assert graded == [folder / FILES[0]]
    folder.rename(tmp_path / "moved")
    process = run("regrade", results, "u9001")
    assert process.exit_code == 1
    assert "say where it lies with --submissions FOLDER" in process.output.splitlines()[-1]
    assert run("regrade", results, "u9001", "--submissions", tmp_path / "moved", "--only", "q1").exit_code == 0
    assert graded[1:] == [tmp_path / "moved" / FILES[0]]
    assert len(list(results.glob("*.json"))) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody", "q1", "+1", "x"], "nobody: no such result"),
        (["doejane_1234", "q1", "+1", "x"], "did you mean doejane_12345?"),
        (["u9001", "q9", "+1", "x"], "the questions are q1, q2, q3, q4, and late"),
        (["u9001", "q1", "+40", "x"], "it can have 0 to 25"),
        (["u9001", "q1", "-40", "x"], "it can have 0 to 25"),
        (["u9001", "q1", "nan", "x"], "nan is not a number of points"),
        (["u9001", "late", "inf", "x"], "inf is not a number of points"),
        (["u9001", "q1", "+1", " "], "needs a reason"),
        (["u9001", "q1", "+0", "x"], "0 points change nothing"),
        (["u9001", "q1", "3", "x"], "3: write +3 to add points, -3 to take them off"),
        (["u9001", "q1", "three", "x"], "three: is no number of points"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused_in_one_line(results, arguments, words):
    process = run("override", results, *arguments)
    assert process.exit_code in (1, 2)
    line = process.output.strip().splitlines()[-1]
    assert process.exit_code == 2 or line == process.output.strip()
    assert words in line
    assert not (results / FILE).exists()


def test_a_broken_log_is_named_and_nothing_is_skipped(results):
    run("override", results, "u9001", "q2", "+2", "first")
    with (results / FILE).open("a") as log:
        log.write('{"when": "x"}\n')
    process = run("report", results)
    assert process.exit_code == 1
    assert f"{FILE}:2: not a correction" in process.output


@pytest.mark.parametrize(
    "reason", ["one\u2028two", "one\u2029two", "one\x85two", "one\x0ctwo", "one\ntwo", "one\r\ntwo"]
)
def test_a_reason_of_several_lines_is_one_line_of_the_log(reason, tmp_path):
    for _ in range(2):
        add_correction(tmp_path, "jane", "q1", 1, reason, "ta")
    assert [one.reason for one in read_corrections(tmp_path)] == [reason, reason]


def test_a_log_that_ends_without_a_newline_gets_one(tmp_path):
    add_correction(tmp_path, "jane", "q1", 1, "first", "ta")
    log = tmp_path / FILE
    log.write_bytes(log.read_bytes().rstrip())
    add_correction(tmp_path, "jane", "q1", 2, "second", "ta")
    assert [one.points for one in read_corrections(tmp_path)] == [1, 2]
    with log.open("ab") as file:
        file.write(b'{"when": "2026')  # the disk was full
    add_correction(tmp_path, "jane", "q1", 3, "third", "ta")
    with pytest.raises(CorrectionProblem, match=rf"{FILE}:3: .*; repair or delete this line$"):
        read_corrections(tmp_path)
    log.write_text("".join(line for line in log.read_text().splitlines(True) if line.count('"') > 3))
    assert [one.points for one in read_corrections(tmp_path)] == [1, 2, 3]


def test_a_user_without_a_name_and_text_that_is_no_utf8(tmp_path, monkeypatch):
    def no_entry(*_):
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", no_entry)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    add_correction(tmp_path, "jane", "q1", 1, "caf\udce9")
    add_correction(tmp_path, "jane", "q1", 1, "x", "Jos\udce9")
    assert [(one.who, one.reason) for one in read_corrections(tmp_path)] == [("uid 12345", "caf?"), ("Jos?", "x")]


@pytest.mark.parametrize("late", [True, False])
def test_a_time_that_a_person_broke_is_an_unknown_time(results, monkeypatch, late):
    course = parse_course("deadline = 2026-12-01T23:59:00+01:00\n[late]\npercent_per_day = 10\ndays_if_unknown = 2\n")
    monkeypatch.setattr("autograder.report.read.load_course", lambda: course)
    path = results / "leelin_222.json"
    result = json.loads(path.read_text())
    result["origin"] |= {"submitted": "yesterday", "late": late}
    path.write_text(json.dumps(result))
    process = run("report", results)
    assert process.exit_code == 0, process.output
    assert row(results, "leelin_222")["days_late"] == ("2" if late else "0")


def test_late_points_stand_apart_from_the_score(results, monkeypatch):
    course = parse_course("deadline = 2026-12-01T23:59:00+01:00\n[late]\npercent_per_day = 10\ndays_if_unknown = 2\n")
    monkeypatch.setattr("autograder.report.read.load_course", lambda: course)
    assert run("report", results).exit_code == 0
    lin = row(results, "leelin_222")
    assert (lin["score"], lin["days_late"], lin["late_points"], lin["total"]) == ("28", "2", "5.6", "22.4")
    assert row(results, "doejane_12345")["days_late"] == "0"
    assert json.loads((results / "leelin_222.json").read_text())["score"] == 28
    process = run("override", results, "u9002", "late", "+5.6", "doctor's note")
    assert process.exit_code == 0, process.output
    assert row(results, "leelin_222")["total"] == "28"
    made = run("export", results, "--out", results.parent / "canvas.csv")
    assert made.exit_code == 0
    assert '"Lee, Lin",222,u9002,lin@uni.example,Tutorial 2,28.00' in (results.parent / "canvas.csv").read_text()


def test_a_late_mark_that_costs_nothing_is_no_second_total(results):
    assert row(results, "leelin_222")["late"]
    assert "<small>total" not in (results / "report.html").read_text()
    assert "Total:" not in run("show", results, "u9002").output


def test_show_says_why(results):
    process = run("show", results, "doe, jane")
    assert process.exit_code == 0
    for words in ("Doe, Jane: 13/28", "Lost 15 points: 5 in q1", "Your block applies its last ReLU", "SHA-256"):
        assert words in process.output


def test_a_file_name_is_no_pattern(tmp_path):
    names = ["jane/ps1/hw [1].py", "jane/ps1/hw 1.py", "lin/a**b.py"]
    write(tmp_path / "x", names)
    for name in names:
        origin = Origin(key="jane", path=name)
        found = find_submission(tmp_path, origin, fingerprint(tmp_path / "x" / name), [tmp_path])
        assert found == tmp_path / "x" / name
