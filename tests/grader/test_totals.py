"""Whatever corrections say, a total lies between 0 and what is possible."""

import csv

import pytest

from autograder.course.corrections import Adjustment, Correction, CorrectionProblem
from autograder.course.settings import Course, Late
from autograder.report.derived import check_correction, deferred_points, late_points, possible, total
from autograder.report.read import adjust
from autograder.report.spreadsheet import write_csv
from autograder.report.submission_view import adjustments
from tests.grader.test_report import DEFERRED, make_grade, make_test

Q1 = make_test("q1", points=25.0)
OVERFIT = make_test("q4", "overfit", points=8.0)


def corrected(*changes: tuple[str, float], tests=(Q1,), late: float = 0.0):
    """A result of these tests, jane's, with these corrections."""
    entries = [Correction(when="now", who="ta", name="jane", question=q, points=n, reason="x") for q, n in changes]
    grade = make_grade("jane.py", *tests)
    return grade.model_copy(update={"name": "jane", "adjustment": Adjustment(tuple(entries), bool(late), late)})


@pytest.mark.parametrize(
    ("changes", "tests", "points"),
    [
        ([], [Q1], (25, 25)),
        ([("q1", -3)], [Q1], (22, 25)),
        ([("q4", 15)], [Q1], (40, 45)),
        ([("q4", 20), ("q4", -20)], [Q1], (25, 25)),
        ([("q4", 12)], [OVERFIT, DEFERRED], (20, 20)),
        ([("q4", 5)], [OVERFIT, DEFERRED], (13, 20)),
        ([("q4", -2)], [OVERFIT, DEFERRED], (6, 8)),
        ([("q4", 99)], [Q1], (45, 45)),
    ],
)
def test_what_corrections_give_counts_as_possible(changes, tests, points):
    grade = corrected(*changes, tests=tests)
    assert (total(grade), possible(grade)) == points


def test_total_and_possible_agree_everywhere(tmp_path):
    grade = corrected(("q4", 20))
    assert adjustments(grade)[-1] == "Total: 45/45 (100 %)"
    write_csv([grade], tmp_path / "grades.csv")
    with (tmp_path / "grades.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["score"], row["corrections"], row["total"], row["possible"]) == ("25", "20", "45", "45")


def test_deferred_points_that_a_person_gave_are_no_longer_deferred():
    assert deferred_points(corrected(tests=[OVERFIT, DEFERRED])) == 12
    assert deferred_points(corrected(("q4", 12), tests=[OVERFIT, DEFERRED])) == 0


def test_late_points_follow_from_what_counts_as_possible():
    course = Course(late=Late(percent_per_day=100), deadline=None)
    grade = corrected(("q4", 20))
    late = grade.model_copy(update={"origin": grade.origin.model_copy(update={"late": True})})
    assert total(adjust(late, grade.adjustment.corrections, course)) == 0


@pytest.mark.parametrize(("back", "lost"), [(-200, 5), (-1, 5), (0, 5), (2, 3), (5, 0), (200, 0)])
def test_late_points_lie_between_0_and_what_the_lateness_took(back, lost):
    grade = corrected(("late", back), late=5.0)
    assert late_points(grade) == lost
    assert total(grade) == 25 - lost


@pytest.mark.parametrize(
    ("changes", "late", "points"),
    [([], 5.0, -1), ([], 5.0, 6), ([], 0.0, 10), ([], 0.0, -200), ([("late", 5)], 5.0, 1), ([("late", 2)], 5.0, -3)],
)
def test_a_correction_of_late_points_that_makes_no_sense_is_refused(changes, late, points):
    said = rf"jane loses {late:g} late points, and \{points:+g} would give back"
    with pytest.raises(CorrectionProblem, match=said):
        check_correction(corrected(*changes, late=late), "late", points)


@pytest.mark.parametrize(
    ("changes", "late", "points"),
    [
        ([], 5.0, 5),
        ([], 5.126, 5.13),  # as it is shown
        ([("late", 2)], 5.0, -2),
        ([("late", 5)], 3.0, -1),  # the loss has shrunk since
    ],
)
def test_late_points_can_be_given_back_and_taken_back(changes, late, points):
    check_correction(corrected(*changes, late=late), "late", points)


def test_a_refusal_shows_the_name_as_it_is():
    grade = corrected().model_copy(update={"name": "\x1b[2J"})
    for question in ("q1", "late"):
        with pytest.raises(CorrectionProblem, match="␛"):
            check_correction(grade, question, 50)
