"""Grades go back into the platform's own file, and everything else in it stays as it is."""

import csv
import io
import re

import pytest

from autograder.contract import POINTS
from autograder.course.corrections import Adjustment, Correction
from autograder.course.handins import handins
from autograder.course.roster import parse_roster
from autograder.course.settings import Course
from autograder.grading.find_submissions import find_submissions
from autograder.grading.result import Result
from autograder.report.feedback import write_feedback
from autograder.report.gradebook import ExportProblem, export, in_one_line
from autograder.report.spreadsheet import write_csv
from tests.grader.class_runs import grade_quickly, quick_result, run
from tests.grader.test_identity import CANVAS, GRADESCOPE, MOODLE, TABLE, write
from tests.grader.test_report import make_grade, make_test

FILES = {
    "canvas": ["doejane_12345_67890_resnet.ipynb", "leelin_222_333_resnet.ipynb"],
    "moodle": ["Jane Doe_1234_assignsubmission_file_/resnet.ipynb", "Lin Lee_1235_assignsubmission_file_/resnet.ipynb"],
    "gradescope": ["9001.ipynb", "lin@uni.example/resnet.ipynb"],
}
ROSTERS = {"canvas": CANVAS, "moodle": MOODLE, "gradescope": GRADESCOPE}


def grades_of(folder, roster):
    counted, _ = handins(find_submissions([folder])[0], (), roster)
    return [quick_result(one.file).model_copy(update={"origin": one.origin, "name": one.name}) for one in counted]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("platform", ROSTERS)
def test_what_is_exported_comes_back(platform, tmp_path):
    folder, text = write(tmp_path, FILES[platform]), ROSTERS[platform]
    jane = folder / FILES[platform][0]
    jane.write_text("wrong")
    roster = parse_roster(text)
    grades = grades_of(folder, roster)
    made = export(grades, roster, platform)
    assert (made.filled, made.strangers) == (2, ())
    back = parse_roster(made.text)
    assert back.platform == platform
    column = {"canvas": "ResNet (77)", "moodle": "Grade", "gradescope": "Total Score"}[platform]
    place = back.header.index(column)
    points = {entry.student.id: row[place] for row, entry in zip(back.rows, back.entries, strict=True) if entry}
    lost = {sid.lstrip("u"): cell for sid, cell in points.items()}
    assert (lost["9001"], lost["9002"]) == ("13.00", "28.00")
    assert lost.get("9003", "") == ""
    assert {entry.student for entry in back.students} <= {entry.student for entry in roster.students}


def test_nobody_gets_0_points_because_the_grader_failed(tmp_path):
    roster = parse_roster(CANVAS)
    jane, lin = grades_of(write(tmp_path, FILES["canvas"]), roster)
    fields = {"submission": jane.submission, "sha256": "", "suite": ""}
    failed = Result.of_failure("KeyError", None, (), **fields).model_copy(
        update={"origin": jane.origin, "name": "jane"}
    )
    made = export([failed, lin], roster, "canvas")
    assert "Doe, Jane" not in made.text
    assert "without a grade, because the grader failed: jane; grade them again" in made.notes
    write_feedback([failed, lin], tmp_path / "feedback", Course())
    assert {path.stem for path in (tmp_path / "feedback").iterdir()} == {lin.name}
    write_csv([failed, lin], tmp_path / "grades.csv")
    assert [row["total"] for row in table((tmp_path / "grades.csv").read_text())] == ["", "28"]


def test_canvas_gets_its_own_columns_only(tmp_path):
    roster = parse_roster(CANVAS)
    made = export(grades_of(write(tmp_path, FILES["canvas"]), roster), roster, "canvas")
    header, possible, *students = csv.reader(io.StringIO(made.text))
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "ResNet (77)"]
    assert possible == ["    Points Possible", "", "", "", "", "100"]
    assert [row[:2] for row in students] == [["Doe, Jane", "12345"], ["Lee, Lin", "222"]]


def test_moodles_worksheet_keeps_every_other_cell(tmp_path):
    roster = parse_roster(MOODLE)
    made = export(grades_of(write(tmp_path, FILES["moodle"]), roster), roster, "moodle")
    for before, after in zip(table(MOODLE), table(made.text), strict=True):
        same = before.keys() - {"Grade", "Feedback comments"}
        assert {title: before[title] for title in same} == {title: after[title] for title in same}
    assert "q1 10/10" in table(made.text)[0]["Feedback comments"]
    assert table(made.text)[2]["Grade"] == ""


def test_points_are_converted_to_those_of_the_platform(tmp_path):
    folder = write(tmp_path, FILES["moodle"])
    roster = parse_roster(MOODLE.replace("100.00", "20.00"))
    made = export(grades_of(folder, roster), roster, "moodle")
    assert table(made.text)[0]["Grade"] == "5.60"
    assert "100 points here are 20 there" in " ".join(made.notes)


def test_a_group_gets_one_grade_each(tmp_path):
    write(tmp_path, ["submission_7/resnet.ipynb"])
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_7:\n  :submitters:\n  - :sid: '9001'\n  - :email: jose@uni.example\n"
    )
    roster = parse_roster(GRADESCOPE)
    made = export(grades_of(tmp_path, roster), roster, "gradescope")
    assert [row["Total Score"] for row in table(made.text)] == ["28.00", "", "28.00"]


def test_results_of_nobody_and_deferred_points_are_named(tmp_path):
    roster = parse_roster(CANVAS)
    made = export(grades_of(write(tmp_path, [*FILES["canvas"], "stranger.py"]), roster), roster, "canvas")
    assert made.notes == [
        "not in the roster: stranger",
        "2 students with deferred points, which count 0 here: the most is 88 of 100 points",
    ]
    roster = parse_roster(MOODLE)
    made = export(grades_of(write(tmp_path / "moodle", FILES["moodle"]), roster), roster, "moodle")
    assert table(made.text)[0]["Grade"] == "28.00"
    assert table(made.text)[0]["Feedback comments"].startswith("28 of 100 points, 72 not judged: q1 10/10, ")


def test_the_column_must_be_clear(tmp_path):
    roster = parse_roster(CANVAS.replace("Final Score", "ResNet bonus (78)").replace("(read only)", "10"))
    with pytest.raises(ExportProblem, match=r"ResNet \(77\), ResNet bonus \(78\); choose with --column"):
        export([], roster, "canvas")
    assert "ResNet bonus (78)" in export([], roster, "canvas", "resnet bonus (78)").text.splitlines()[0]


@pytest.mark.parametrize("platform", ["canvas", "table"])
def test_a_table_of_ones_own_is_no_gradebook(platform):
    with pytest.raises(ExportProblem, match=r"a table of your own: .* with --roster"):
        export([], parse_roster(TABLE), platform)


@pytest.mark.parametrize("column", ["ID", "section", " SIS Login ID"])
def test_a_column_that_identifies_students_is_not_filled(column):
    with pytest.raises(ExportProblem, match="Canvas knows students by this column"):
        export([], parse_roster(CANVAS), "canvas", column)


@pytest.mark.parametrize(("platform", "column"), [("canvas", ""), ("moodle", ""), ("moodle", "x")])
def test_a_column_that_is_created_is_named(platform, column):
    roster = parse_roster(ROSTERS[platform].replace("ResNet (77)", "HW 8"))
    created = ["no column with ResNet in its name in the roster: Canvas creates an assignment ResNet"]
    assert export([], roster, platform, column).notes == (created if platform == "canvas" else [])


def test_a_column_that_is_asked_for_must_be_there():
    """Canvas would create an assignment with the misspelled name."""
    with pytest.raises(ExportProblem, match=r"--column RseNet: .* no such column; its other columns: ResNet \(77\)"):
        export([], parse_roster(CANVAS), "canvas", "RseNet")


@pytest.mark.parametrize("points", ["nan", "-10", "0", "inf", "(read only)"])
@pytest.mark.parametrize(("platform", "title"), [("canvas", "Points Possible of ResNet"), ("moodle", "Maximum Grade")])
def test_points_that_are_no_number_above_0_are_refused(platform, title, points):
    text = ROSTERS[platform].replace("100.00", points).replace(",100,", f",{points},")
    with pytest.raises(ExportProblem, match=f"{title}.* is {re.escape(points)}: it must be a number above 0"):
        export([], parse_roster(text), platform)


def test_no_points_in_the_roster_are_those_here():
    assert not export([], parse_roster(CANVAS.replace(",100,", ",,")), "canvas").scaled
    assert not export([], parse_roster(MOODLE.replace("100.00", "")), "moodle").scaled


def test_questions_that_were_not_judged_are_named(tmp_path):
    """A question that a person judged is no longer among them."""
    roster = parse_roster(CANVAS)
    jane, lin = grades_of(write(tmp_path, FILES["canvas"]), roster)
    q1 = {"origin": jane.origin, "name": jane.name}
    only = make_grade("x", make_test("q1", points=25.0)).model_copy(update=q1)
    assert "1 student: q2, q3, q4 were not judged: 0 points" in export([only, lin], roster, "canvas").notes
    entries = [
        Correction(when="now", who="ta", name="", question=q, points=5, reason="by hand") for q in ("q2", "q3", "q4")
    ]
    some = only.model_copy(update={"adjustment": Adjustment(tuple(entries[:2]))})
    assert "1 student: q4 was not judged: 0 points" in export([some, lin], roster, "canvas").notes
    assert in_one_line(some) == "35 of 100 points, 20 not judged: q1 25/25, q2 5/25, q3 5/30"
    every = only.model_copy(update={"adjustment": Adjustment(tuple(entries))})
    assert not export([every], roster, "canvas").notes


def test_notes_show_names_as_they_are(tmp_path):
    grade = make_grade("\x1b[2Jx.py", *(make_test(q, points=p) for q, p in POINTS.items()))
    assert export([grade], parse_roster(CANVAS), "canvas").notes == ["not in the roster: ␛[2Jx.py"]


def test_of_two_results_of_one_student_none_is_chosen(tmp_path):
    roster = parse_roster(CANVAS)
    jane, lin = grades_of(write(tmp_path, FILES["canvas"]), roster)
    again = jane.model_copy(update={"name": "jane"})
    made = export([jane, again, lin], roster, "canvas")
    assert made.filled == 1
    assert f"several results of one student: {jane.name} and jane; keep one" in made.notes[0]
    assert [row["Student"] for row in table(made.text)[1:]] == ["Lee, Lin"]


@pytest.mark.parametrize(("text", "platform"), [(MOODLE, "gradescope"), (CANVAS, "moodle")])
def test_the_roster_must_be_of_the_platform(text, platform):
    with pytest.raises(ExportProblem, match="is no export of"):
        export([], parse_roster(text), platform)


def test_from_download_to_gradebook(tmp_path, monkeypatch):
    """The commands of a TA: 40 files and a roster, then the gradebook."""
    grade_quickly(monkeypatch)
    names = [f"student{n}_{1000 + n}_{5000 + n}_resnet.ipynb" for n in range(40)]
    folder, roster = write(tmp_path / "download", names), tmp_path / "canvas.csv"
    lines = [f'"Student, No {n}",{1000 + n},u{n},s{n},T{n % 3},' for n in range(42)]
    roster.write_text("\n".join(["Student,ID,SIS User ID,SIS Login ID,Section,ResNet (77)", *lines]))
    out, gradebook = tmp_path / "results", tmp_path / "gradebook.csv"
    assert run("grade", folder, "--roster", roster, "--out", out).exit_code == 0
    process = run("export", out, "--format", "canvas", "--out", gradebook)
    assert process.exit_code == 0, process.output
    assert "40 of 42 students have a grade" in process.output
    with gradebook.open(newline="") as file:
        rows = list(csv.DictReader(file))[1:]
    assert [row["ID"] for row in rows] == [str(1000 + n) for n in range(40)]
    assert {row["ResNet (77)"] for row in rows} == {"28.00"}


def test_no_roster_is_said_in_one_line(tmp_path, monkeypatch):
    grade_quickly(monkeypatch)
    run("grade", write(tmp_path / "in", ["a.py"]), "--out", tmp_path / "results")
    process = run("export", tmp_path / "results", "--out", tmp_path / "x.csv")
    assert process.exit_code == 2
    assert "--roster is missing" in process.output.splitlines()[-1]
