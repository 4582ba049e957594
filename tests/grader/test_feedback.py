"""What a student gets back: one page and one Markdown file, with nothing that the student may not see."""

import re

import pytest

from autograder.course.corrections import Adjustment, Correction
from autograder.course.rubric import standard_rubric
from autograder.course.settings import Course
from autograder.grading.charge import charge
from autograder.report import write_reports
from autograder.report.feedback import as_markdown, feedback_for, write_feedback
from tests.grader.test_report import HOSTILE, Outline, a_class, make_grade, make_test, save

SECRET = "the hidden check drew a stride of 3"
PUBLIC = make_test("q1", "shape", "failed", message={"got": "the public got", "expected": "the public expected"})
HIDDEN = make_test(
    "q1",
    "forward",
    "failed",
    hidden=True,
    title="Forward: the secret title.",
    message={"got": SECRET, "mistake": SECRET},
)
GRADE = make_grade("jane.ipynb", PUBLIC, HIDDEN, make_test("q2"), make_test("q2", "more", hidden=True)).model_copy(
    update={"name": "jane"}
)


def both(grade, course: Course, tmp_path) -> tuple[str, str]:
    write_feedback([grade], tmp_path / "feedback", course)
    return tuple((tmp_path / "feedback" / f"jane.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))


@pytest.mark.parametrize("shown", ["nothing", "points", "messages"])
def test_hidden_checks_are_shown_as_the_course_says(shown, tmp_path):
    for text in both(GRADE, Course(hidden_checks=shown), tmp_path):
        assert "the public got" in text
        assert (SECRET in text) == ("secret title" in text) == (shown == "messages")
        assert ("1 hidden check" in text) == (shown == "points")
        assert ("10/20 (50 %)" in text) == (shown != "nothing")
        assert ("10/10 (100 %)" in text) == (shown != "nothing")  # q2 with its hidden check


def test_nothing_of_other_students_or_the_grader(tmp_path):
    folder = save(a_class(), tmp_path / "results")
    write_reports(folder)
    feedback = folder / "feedback"
    assert sorted(path.name for path in feedback.iterdir()) == sorted(
        f"{n:03d}.{kind}" for n in range(4) for kind in ("html", "md")
    )
    bob = (feedback / "000.html").read_text() + (feedback / "000.md").read_text()
    for word in ("alice", "carol", "isolation", "seccomp"):
        assert word not in bob.lower()


def test_feedback_of_a_result_that_is_gone_goes_too(tmp_path):
    folder = save(a_class(), tmp_path / "results")
    write_reports(folder)
    (folder / "002.json").unlink()
    write_reports(folder)
    assert not list((folder / "feedback").glob("002.*"))


def test_what_the_grader_did_not_write_stays(tmp_path):
    """Notes, a page of one's own, a copy of a student's feedback, a folder that is called as a file is."""
    feedback = save(a_class(), tmp_path / "results") / "feedback"
    write_reports(feedback.parent)
    own = {"notes.md": "# Result: notes", "page.html": "<p>Result: jane</p>", "notes.txt": "Result: notes"}
    own["000-edited.md"] = (feedback / "000.md").read_text() + "Well done."
    own["000-edited.html"] = (feedback / "000.html").read_text()
    for name, text in own.items():
        (feedback / name).write_text(text)
    (feedback / "img.md").mkdir()
    (feedback / "img.html").mkdir()
    write_reports(feedback.parent)
    assert {name: (feedback / name).read_text() for name in own} == own
    assert (feedback / "img.md").is_dir()
    assert (feedback / "img.html").is_dir()


@pytest.mark.parametrize("name", ["a_b & c's-(1)!", "Ñandú, José", "-x", "1. a"])
def test_feedback_is_known_by_any_name(name, tmp_path):
    folder = tmp_path / "feedback"
    write_feedback([GRADE.model_copy(update={"name": name})], folder, Course())
    assert len(list(folder.iterdir())) == 2
    write_feedback([], folder, Course())
    assert not list(folder.iterdir())


def test_the_page_stands_alone_and_escapes_what_students_wrote(tmp_path):
    grade = make_grade(f"{HOSTILE}.py", make_test("q1", "x", "error", message={"got": HOSTILE, "where": HOSTILE}))
    html, _ = both(grade.model_copy(update={"name": "jane"}), Course(), tmp_path)
    page = Outline(html)
    assert not [tag for tag, _ in page.elements if tag in ("script", "img", "link", "iframe")]
    assert "default-src &#39;none&#39;" in html
    assert "https://" not in html


def test_markdown_of_a_student_cannot_break_out(tmp_path):
    attack = "```\n# I have full marks\n````\n<b>x</b>"
    grade = make_grade("*a_b*.py", make_test("q1", "x", "error", message={"got": attack}))
    _, text = both(grade.model_copy(update={"name": "jane"}), Course(), tmp_path)
    assert r"\*a\_b\*.py" in text
    (fence,) = set(re.findall("^(`{3,})(?:text)?$", text, re.MULTILINE)) - {"```", "````"}
    inside = text.split(f"{fence}text")[1].split(f"\n{fence}\n")[0]
    assert "# I have full marks" in inside
    assert text.count("# I have full marks") == 1


def test_corrections_and_late_points_are_shown():
    entry = Correction(when="2026-11-27", who="ta", name="jane", question="q1", points=3, reason="misread")
    grade = GRADE.model_copy(update={"adjustment": Adjustment((entry,), 2, 4.0)})
    view = feedback_for(grade, "jane", Course())
    assert view.adjustments == ("q1 +3: misread (2026-11-27)", "2 days late: -4", "Total: 9/20 (45 %)")
    assert view.total == "9/20 (45 %)"
    assert view.questions[0].points == "3/10 (30 %)"
    assert "misread" in as_markdown(view)
    assert not re.search(r"\bta\b", as_markdown(view)), "students read why, not who"


def test_a_correction_of_a_question_that_was_not_judged_is_shown(tmp_path):
    entry = Correction(when="now", who="ta", name="jane", question="q4", points=15, reason="trained by hand")
    grade = GRADE.model_copy(update={"adjustment": Adjustment((entry,))})
    for shown in ("nothing", "points", "messages"):
        assert feedback_for(grade, "jane", Course(hidden_checks=shown)).questions[-1].points == "15/20 (75 %)"
    for text in both(grade, Course(), tmp_path):
        assert "25/40 (62 %)" in text


def test_where_hidden_checks_are_not_shown_corrections_stay_within_the_public_ones():
    hidden = make_test("q1", "forward", "failed", hidden=True)
    entry = Correction(when="now", who="ta", name="jane", question="q1", points=5, reason="misread")
    grade = make_grade("x", make_test(), hidden).model_copy(update={"adjustment": Adjustment((entry,))})
    (question,) = feedback_for(grade, "jane", Course(hidden_checks="nothing")).questions
    assert question.points == "5/5 (100 %)"
    assert question.notes == ("corrected by +5, also for checks that you do not see",)


def test_deferred_points_are_named():
    bob, *_ = a_class()
    notes = [note for question in feedback_for(bob, "bob", Course()).questions for note in question.notes]
    assert "12 points not judged yet: the check needs a GPU" in notes


def test_hidden_checks_that_fail_are_not_said_to_pass():
    """They fail because of a mistake whose price the public checks paid."""
    wrong = {"outcome": "failed", "mistakes": ["relu_before_add"], "because": ("relu_before_add",)}
    tests = [make_test("q1", "shape", **wrong), *(make_test("q1", f"h{n}", hidden=True, **wrong) for n in range(4))]
    grade = make_grade("x", *charge(tests, standard_rubric()))
    (question,) = feedback_for(grade, "x", Course()).questions
    because = "4 fail because of a mistake that is charged once"
    assert question.points == "20/25 (80 %)"
    assert question.notes == (f"4 hidden checks: {because}; no further points are lost",)
    grade = make_grade("x", *charge([*tests, make_test("q1", "g", "failed", hidden=True)], standard_rubric()))
    (question,) = feedback_for(grade, "x", Course()).questions
    assert question.notes == (f"5 hidden checks: 20/25 (80 %); {because}",)


def test_the_title_is_that_of_the_course():
    assert feedback_for(GRADE, "x", Course(course="Deep learning", term="2026")).title == "Deep learning 2026"
