"""One mistake, one price: what is charged, what is not, and where it is shown."""

import csv
import io
import re
from dataclasses import replace
from functools import partial

import pytest
from rich.console import Console

from autograder.contract import POINTS
from autograder.course.rubric import RubricProblem, parse_rubric, standard_rubric
from autograder.course.settings import Course, CourseProblem, parse_course
from autograder.grading.charge import PREFIX, charge, is_charge, public_part
from autograder.grading.edited_student import EditedStudent, follow
from autograder.grading.grade import run_suite
from autograder.grading.result import Result
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.oracle import diagnosis_of
from autograder.oracle.edits import catalogue
from autograder.platforms.gradescope import results_json
from autograder.platforms.otter_plugin import as_test_files, report
from autograder.report.class_view import overview
from autograder.report.feedback import as_markdown, feedback_for, write_feedback
from autograder.report.page import write_html
from autograder.report.spreadsheet import write_csv
from autograder.report.submission_view import first_reason
from autograder.report.terminal import print_result, print_table
from autograder.student.message import CheckFailure, Message
from autograder.suite.cap import apply_cap
from autograder.suite.outcome import Case, Outcome, combine
from autograder.suite.run import run_suite as run_tests
from tests.grader.class_runs import grade_quickly, run
from tests.grader.conftest import ROOT, student_of
from tests.grader.test_mistakes import HINTS, NAMED_BY_CHECKS
from tests.grader.test_report import make_grade

RUBRIC = standard_rubric()
SENTENCE = "Your block applies its last ReLU to F(x)."
LINE = "\N{MINUS SIGN}5 ReLU before the addition"


def check(name: str, possible: float = 2, because=(), outcome="failed", hidden=False, question="q1") -> Outcome:
    """A check: it passes, or fails because of these mistakes, or for another reason."""
    points = possible if outcome == "passed" else 0
    message = Message(expected="relu(x)", got=f"{name} got", mistake="\n".join(SENTENCE for _ in because))
    folder = "hidden" if hidden else "public"
    title = f"{name.title()}: what it asks."
    return Outcome(
        *(f"{folder}/test.py::{name}", question, title, points, possible, outcome, hidden, message, tuple(because)),
        because=tuple(because),
    )


def total(outcomes, rubric=RUBRIC) -> float:
    return sum(outcome.points for outcome in charge(outcomes, rubric))


ADD = ("relu_before_add",)
EPS = ("batchnorm_eps",)
REST = check("rest", 10, outcome="passed")


# The rule


def test_a_mistake_is_charged_once():
    checks = [check("one", 4, ADD), check("two", 4, ADD), check("three", 7, ADD, hidden=True), REST]
    charged = charge(checks, RUBRIC)
    (line,) = [outcome for outcome in charged if is_charge(outcome)]
    assert (line.id, line.title, line.points, line.possible) == (
        *("mistake/q1/relu_before_add", "ReLU before the addition"),
        *(-0.2 * POINTS["q1"], 0),
    )
    assert line.message.mistake == f"{SENTENCE}\nBecause of this, 2 checks fail: One, Two."
    assert [(o.outcome, o.points) for o in charged if o.because] == [("failed", 4), ("failed", 4), ("failed", 7)]
    assert sum(outcome.points for outcome in charged) == 25 - 5
    assert charged.index(line) == 0  # before the first of its checks
    assert charge(charged, RUBRIC) == charged


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ([check("one", 2, ADD), REST], 10),  # no more than check by check
        ([check("one", 9, ADD), check("two", 3), REST], 9 - 5 + 10),  # another reason is charged as it is
        ([check("one", 9, (*ADD, *EPS)), REST], 9 - 5 - 2 + 10),
        ([check("one", 6, (*ADD, *EPS)), REST], 10),
        ([check("one", 9, ADD), check("two", 1, EPS), REST], 9 - 5 + 10),  # each no more than its own checks
        ([check("one", 9, ADD), check("two", 1, (*ADD, *EPS)), REST], 10 - 5 - 1 + 10),
        ([check("one", 9, ("no_shortcut_add",)), check("two", 9, ("no_shortcut_add",)), REST], 18 - 15 + 10),
        ([check("one", 9, ("a_name_that_a_course_adds",)), REST], 9 - 5 + 10),
        ([check("one", 9, ("block_ignored",), question="q3"), REST], 10),  # it says nothing about the function
        ([check("one", 9, ADD, question="q4"), REST], 10),
        ([check("one", 9, ADD), check("two", 9, ADD, question="q2"), REST], 18 - 10 + 10),
    ],
)
def test_what_is_charged(checks, expected):
    assert total(checks) == pytest.approx(expected)
    assert total(checks) >= sum(one.points for one in checks)


def test_a_function_that_is_not_explained_earns_half_whatever_the_price_is():
    checks = [check("one", 9, EPS), replace(check("any", 1), differs=True), check("rest", 15, outcome="passed")]
    assert sum(o.points for o in apply_cap(charge(checks, RUBRIC))) == 12.5
    named = [checks[0], replace(check("any", 1, EPS), differs=True), checks[2]]
    assert sum(o.points for o in apply_cap(charge(named, RUBRIC))) == 23


def test_a_check_fails_because_of_a_mistake_if_every_case_does():
    because, other = Case("failed", Message(got="a"), ADD, because=ADD), Case("failed", Message(got="b"))
    assert combine("public/t.py::x", "q1", "T", 2, [because, Case("passed")]).because == ADD
    mixed = combine("public/t.py::x", "q1", "T", 2, [because, other])
    assert (mixed.because, mixed.message.got) == ((), "b")


def test_old_results_are_read_and_charge_what_they_charged():
    old = make_grade("a.py", replace(check("one", 9, ADD), because=()), REST)
    text = re.sub(r'"because": \[[^]]*\],?', "", old.to_json().replace('"schema_version": 3', '"schema_version": 2'))
    text = re.sub(r",(\s*})", r"\1", text)
    assert '"because"' not in text
    read = Result.model_validate_json(text, strict=True)
    assert (read.schema_version, read.score) == (2, 10)
    assert read.charge_again(RUBRIC) is read


# The table


def test_every_name_has_a_price():
    names = {edit.name for kind in ("BasicBlock", "Bottleneck", "ResNet") for edit in catalogue(kind, HINTS)} - {""}
    names |= NAMED_BY_CHECKS
    assert [name for name in sorted(names) if RUBRIC.entry_of(name) is None] == []
    assert set(RUBRIC.mistakes) - {RUBRIC.entry_of(name) for name in names} == set()
    assert [name for name in names if RUBRIC.share(name) > 0.4] == [
        name for name in names if RUBRIC.mistakes[RUBRIC.entry_of(name)] == "idea"
    ]
    assert set(RUBRIC.titles) <= names


def test_names_that_checks_raise_have_a_price():
    """`CheckFailure(..., (NAME,))` and `expect.fail(..., name, sentence)` in the public checks and the plugin."""
    sources = [
        *ROOT.glob("tests/*/test_q?*.py"),
        ROOT / "autograder/suite/foreign.py",
        ROOT / "autograder/suite/blocks.py",
        ROOT / "autograder/suite/start.py",
        ROOT / "autograder/suite/expect.py",
        ROOT / "autograder/suite/own_network.py",
    ]
    found = re.findall(r'^ +"([a-z]+(?:_[a-z]+)+)",$|^NAME = "(\w+)"$', "".join(p.read_text() for p in sources), re.M)
    names = {one or other for one, other in found}
    assert names == {*NAMED_BY_CHECKS, "parameters_of_resnet"}
    assert [name for name in names if RUBRIC.entry_of(name) is None] == []


def test_a_course_changes_prices():
    course = parse_course("[prices]\ndetail = 0.1\nbatchnorm_eps = 0.04\nkernel_5 = 'idea'\nstem_elu = 'detail'\n")
    rubric = course.rubric
    names = ("relu_before_add", "batchnorm_eps", "kernel_5", "kernel_7", "stem_elu", "elu")
    assert [rubric.share(name) for name in names] == [0.1, 0.04, 0.6, 0.1, 0.1, 0.08]
    assert total([check("one", 9, ADD), REST], rubric) == 19 - 2.5
    assert Course().rubric == RUBRIC


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("relu_befor_add = 0.1", 2, "prices.relu_befor_add: no such mistake; is relu_before_add meant?"),
        (
            "detail = 0.1\nrelu_before_add = 5",
            3,
            "prices.relu_before_add: must be a share of the question, from 0 to 1",
        ),
        ("relu_before_add = 'cheap'", 2, "or one of slip, detail, structure, idea; it is 'cheap'"),
        ("detail = 'slip'", 2, "prices.detail: must be a share"),
        ("relu_before_add = nan", 2, "prices.relu_before_add: must be a share"),
    ],
)
def test_a_bad_price_is_one_clear_line(text, line, words):
    with pytest.raises(CourseProblem) as caught:
        parse_course(f"[prices]\n{text}\n")
    assert str(caught.value).startswith(f"course.toml:{line}: prices.")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["default = ", "default = 'slip'\n[kinds]\n", "default='x'\nkinds={}\nmistakes={}\ntitles={}"]
)
def test_a_bad_table_is_one_clear_line(text):
    with pytest.raises(RubricProblem, match=r"^rubric.toml:\d+: [^\n]+$"):
        parse_rubric(text)


def test_a_new_price_needs_no_new_grading(tmp_path, monkeypatch):
    """`grade` adds up the points anew; what was judged is not judged again."""
    graded = grade_quickly(monkeypatch)
    monkeypatch.setattr(
        "tests.grader.class_runs.a_class",
        lambda: [make_grade("b.py", *charge([check("one", 9, ADD), REST], RUBRIC)), make_grade("a.py", REST)],
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.py").write_text("wrong = 1")
    command = ("grade", tmp_path / "in", "--out", tmp_path / "out", "--only", "q1")
    assert run(*command).exit_code == 0
    monkeypatch.setattr("autograder.grading.classroom.load_course", lambda: Course(prices={"relu_before_add": 0.04}))
    before = Result.model_validate_json((tmp_path / "out" / "a.json").read_bytes(), strict=True)
    assert run(*command).exit_code == 0
    after = Result.model_validate_json((tmp_path / "out" / "a.json").read_bytes(), strict=True)
    assert (before.score, after.score, len(graded)) == (14, 18, 1)
    assert before.grader == after.grader


# Which checks fail because of a mistake

TESTS = '''
import pytest
import torch

pytestmark = pytest.mark.question("q1")


@pytest.mark.points(20)
def test_function(student):
    """Function: the last ReLU comes last."""
    block = student.BasicBlock(8, 8).eval()
    x = torch.randn(2, 8, 4, 4)
    assert (block(x) >= 0).all()


@pytest.mark.points(3)
def test_name(student):
    """Name: the class is called so."""
    assert student.BasicBlock.__name__ == "{name}"


@pytest.mark.points(2)
def test_passes(student):
    """Passes: always."""
'''


def test_a_check_that_fails_for_another_reason_keeps_its_own(tmp_path):
    """It passes on the right program with the mistake made, so the mistake is not why it fails."""
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / f"test_{tmp_path.name}.py").write_text(TESTS.replace("{name}", "Block"))
    student = student_of(complete(entries()["q1_relu_before_add"], solved_source()), tmp_path)
    outcomes = run_tests(student, [folder], diagnose=diagnosis_of, follow=partial(follow, [folder]))
    function, name, passes = outcomes
    assert (function.because, function.outcome) == (ADD, "failed")
    assert (name.because, name.mistakes, name.message.mistake) == ((), (), "")
    assert passes.outcome == "passed"
    assert total(outcomes) == 25 - 5 - 3


def test_a_search_that_fails_leaves_the_checks_as_they_are(tmp_path):
    """A fault of ours costs nobody the grade: each check is charged by itself, and a warning says so."""

    def broken(student, question, cases):
        raise ZeroDivisionError

    folder = tmp_path / "public"
    folder.mkdir()
    (folder / f"test_{tmp_path.name}.py").write_text(TESTS.replace("{name}", "BasicBlock"))
    student = student_of(complete(entries()["q1_relu_before_add"], solved_source()), tmp_path)
    with pytest.warns(RuntimeWarning, match="ZeroDivisionError"):
        outcomes = run_tests(student, [folder], diagnose=diagnosis_of, follow=broken)
    assert [(one.outcome, one.because) for one in outcomes] == [("failed", ()), ("passed", ()), ("passed", ())]


SAMPLE = {
    "q1_relu_before_add": 20,
    "q1_conv_bias": 23,
    "q1_layer_called_in_print": 23,
    "q1_input_changed": 23,
    "q2_stride_on_first_1x1": 20,
    "q3_softmax_output": 24,
    "q3_second_stride_on_first_stage": 21,
}


@pytest.mark.parametrize("name", SAMPLE)
def test_the_suite_charges_the_mistake_alone(name, tmp_path):
    entry = entries()[name]
    student = student_of(complete(entry, solved_source()), tmp_path)
    tests = charge(run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=[entry.question]), RUBRIC)
    assert sum(test.points for test in tests) == SAMPLE[name]
    assert [test.id for test in tests if is_charge(test)] == [f"{PREFIX}{entry.question}/{entry.misconception}"]
    assert all(test.because for test in tests if test.outcome == "failed" and not is_charge(test))


@pytest.mark.parametrize("name", ["q1_shortcut_relu_on_identity", "q1_shortcut_relu_in_place", "q2_input_changed"])
def test_a_relu_where_none_belongs_costs_no_less_in_place(name, tmp_path):
    entry = entries()[name]
    student = student_of(complete(entry, solved_source()), tmp_path)
    tests = charge(run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=[entry.question]), RUBRIC)
    (line,) = [test for test in tests if is_charge(test)]
    assert (line.mistakes, sum(test.points for test in tests)) == ((entry.misconception,), 20)
    assert "in place, so that the caller's tensor changes too" in line.message.mistake


@pytest.mark.parametrize("name", ["q1_no_return", "q1_layers_in_list"])
def test_a_mistake_that_hides_what_the_class_computes_has_no_price(name, tmp_path):
    """Forward could be empty, or compute anything: whoever forgets `return` cannot earn more than check by check."""
    student = student_of(complete(entries()[name], solved_source()), tmp_path)
    outcomes = run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=["q1"])
    assert {mistake for outcome in outcomes for mistake in outcome.mistakes} == {name.removeprefix("q1_")}
    assert charge(outcomes, RUBRIC) == outcomes
    assert total(outcomes) <= 3


def test_a_class_that_never_runs_earns_half_at_most(tmp_path):
    """The padding is missing, and `out += shortcut` raises for every size: what else is wrong cannot be seen."""
    student = student_of(complete(entries()["q2_no_padding"], solved_source()), tmp_path)
    outcomes = apply_cap(
        charge(run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=["q2"]), RUBRIC)
    )
    assert sum(outcome.points for outcome in outcomes) == 12.5
    assert {outcome.id for outcome in outcomes if not outcome.possible} == {
        "mistake/q2/no_padding",
        "not_explained/q2",
    }


@pytest.mark.parametrize("name", ["q1_no_padding", "q1_no_padding_shortcut_first", "q2_projection_never"])
def test_a_sum_that_fits_by_accident_is_no_reason_for_more_points(name, tmp_path):
    """Of a tiny image one pixel is left, which `out + shortcut` repeats; `out += shortcut` raises there too."""
    entry = entries()[name]
    student = student_of(complete(entry, solved_source()), tmp_path)
    outcomes = run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=[entry.question])
    assert sum(outcome.points for outcome in apply_cap(charge(outcomes, RUBRIC))) == 12.5


@pytest.mark.parametrize(
    ("name", "points"), [("q1_projection_never", 12.5), ("q1_no_shortcut_add", 10), ("q3_maxpool_and_window", 15)]
)
def test_a_price_and_what_the_function_is_worth_are_not_both_taken(name, points, tmp_path):
    """A mistake that stops the code costs its price, and half of the question where that is more."""
    entry = entries()[name]
    student = student_of(complete(entry, solved_source()), tmp_path)
    tests = charge(run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=[entry.question]), RUBRIC)
    assert all(test.because for test in tests if test.outcome != "passed" and not is_charge(test))
    assert sum(test.points for test in apply_cap(tests)) == points


LISTS = [
    ("q3_list_of_layers", "", "", 15, {"mistake/q3/list_of_layers", "not_explained/q3"}),
    ("q3_stages_in_module_list", "", "", 15, {"mistake/q3/module_list_called", "not_explained/q3"}),
    ("q1_shortcut_in_module_list", "", "", 12.5, {"mistake/q1/module_list_called", "not_explained/q1"}),
    (
        *("q1_shortcut_in_module_list", "F.relu(out + self.shortcut(x))", "F.relu(self.shortcut(x))", 5),
        {"mistake/q1/module_list_called", "mistake/q1/residual_dropped"},
    ),
    ("q3_list_of_layers", "self.linear(out)", "self.linear(out) + x.mean()", 0, set()),  # what else it does is unknown
]


@pytest.mark.parametrize(("name", "right", "wrong", "points", "lines"), LISTS)
def test_a_list_in_the_place_of_a_layer_has_a_price_if_the_rest_is_known(name, right, wrong, points, lines, tmp_path):
    """The list is taken for its layers: what else is wrong is charged as well."""
    question = name[:2]
    source = complete(entries()[name], solved_source())
    student = student_of(source.replace(right, wrong) if right else source, tmp_path)
    tests = run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=[question])
    outcomes = apply_cap(charge(tests, RUBRIC))
    assert {outcome.id for outcome in outcomes if not outcome.possible} == lines
    assert sum(outcome.points for outcome in outcomes) == points


def test_without_edits_the_programs_pass_every_check():
    """What stands in for the student's code is right but for the edits."""
    for question in ("q1", "q2", "q3"):
        student = EditedStudent(question, ())
        outcomes = run_tests(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=[question])
        assert [(o.id, o.message) for o in outcomes if o.outcome != "passed"] == []


def test_a_check_that_names_the_mistake_itself_is_charged_so(tmp_path):
    class Student:
        refused = {}  # noqa: RUF012

        @property
        def BasicBlock(self):
            raise CheckFailure(Message("this", "that", mistake=SENTENCE), ("foreign_call_of_block",))

    folder = tmp_path / "public"
    folder.mkdir()
    (folder / f"test_{tmp_path.name}.py").write_text(TESTS)
    outcomes = run_tests(Student(), [folder])
    assert [o.because for o in outcomes] == [("foreign_call_of_block",), ("foreign_call_of_block",), ()]
    assert total(outcomes) == 25 - 2


# Where it is shown

HIDDEN_NAME = ("batchnorm_frozen",)
GRADE = make_grade(
    "jane.py",
    *charge(
        [
            *(check("one", 4, ADD), check("two", 1, ADD), check("last", 1, outcome="passed")),
            *(check("secret", 9, ADD, hidden=True), check("deeper", 6, HIDDEN_NAME, hidden=True, question="q2")),
            *(check("alone", 2, hidden=True), check("public", 3, outcome="passed", question="q2")),
        ],
        RUBRIC,
    ),
).model_copy(update={"name": "jane"})


def said(show, *arguments) -> str:
    file = io.StringIO()
    show(*arguments, Console(file=file, width=150))
    return file.getvalue()


def test_the_terminal_shows_the_mistake_and_folds_its_checks():
    text = said(print_result, GRADE)
    assert text.count(LINE) == 1
    assert text.index(LINE) < text.index("Because of this: 3 checks") < text.index("failed One: what it asks.")
    assert text.count("One: what it asks.") == text.count(SENTENCE.split("F(x)")[0]) - 1 == 1
    assert f"q1 {LINE}" in said(print_table, [GRADE])
    assert first_reason(GRADE) == f"q1 {LINE}"


def test_the_page_shows_it(tmp_path):
    write_html([GRADE], tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert f"<b>{LINE}</b>" in html
    assert "Because of this: 3 checks</summary>" in html
    assert "100 %), \N{MINUS SIGN}5 points</span>" in html


def test_the_class_report_adds_up_prices_and_counts_failed_checks():
    found = overview([GRADE, GRADE])
    assert {m.name: (m.points, len(m.places)) for m in found.mistakes} == {
        "relu_before_add": (10, 2),
        "batchnorm_frozen": (10, 2),
    }
    assert "One: what it asks." in [one.name for one in found.checks]
    assert not [one.name for one in found.checks if "addition" in one.name]
    assert {item.title: item.difficulty for item in found.items}["One: what it asks."] == 0


def test_the_spreadsheet_shows_it(tmp_path):
    write_csv([GRADE], tmp_path / "grades.csv")
    (row,) = csv.DictReader((tmp_path / "grades.csv").open(encoding="utf-8"))
    assert row["charged"] == f"q1 {LINE}; q2 \N{MINUS SIGN}5 BatchNorm frozen"


@pytest.mark.parametrize("shown", ["nothing", "points", "messages"])
def test_the_feedback_shows_it(shown, tmp_path):
    course = Course(hidden_checks=shown)
    write_feedback([GRADE], tmp_path, course)
    text = as_markdown(feedback_for(GRADE, "jane", course))
    page = (tmp_path / "jane.html").read_text()
    for form in (text, page):
        assert LINE in form
        assert f"Because of this: {3 if shown == 'messages' else 2} checks" in form
        assert ("BatchNorm frozen" in form) == ("Secret" in form) == (shown == "messages")
    assert ("## q1 BasicBlock: 10/17" in text) == (shown != "nothing")
    assert ("3 hidden check" in text) is False
    assert ("2 hidden checks: 9/11" in text) == (shown == "points")


def test_gradescope_adds_up_and_tells_nothing_of_hidden_checks():
    result = results_json(GRADE, show_hidden=False)
    assert sum(test.get("score", 0) for test in result["tests"]) == GRADE.score
    assert sum(test.get("max_score", 0) for test in result["tests"]) == GRADE.possible
    seen = [test for test in result["tests"] if test["visibility"] == "visible"]
    assert [(test["name"], test["score"], test["max_score"]) for test in seen][:2] == [
        (f"q1 {LINE}", -5, 0),
        ("q1 because of this mistake: 2 checks", 5, 5),
    ]
    assert seen[0]["output"].endswith("Because of this, 2 checks fail: One, Two.")
    assert "One: what it asks." in seen[1]["output"]
    assert "Secret" not in str(seen)
    assert "frozen" not in str(seen)


@pytest.mark.parametrize("outcome", ["passed", "failed"])
def test_what_students_see_of_a_price_does_not_depend_on_hidden_checks(outcome):
    """The price is 5; the public check is worth 2, and that much is shown."""
    hidden = check("secret", 9, ADD if outcome == "failed" else (), outcome, hidden=True)
    tests = charge([check("one", 2, ADD), hidden, REST], RUBRIC)
    assert [o.points for o in public_part(tests) if is_charge(o)] == [-2]
    result = results_json(make_grade("jane.py", *tests), show_hidden=False)
    seen = [test for test in result["tests"] if test["visibility"] == "visible"]
    assert [test["score"] for test in seen] == [-2, 2, 10]
    assert result["output"].startswith("10 of 12 points in the checks that you have.")


def test_otter_shows_it():
    text = report(GRADE)
    assert f"q1 {LINE}\n    {SENTENCE}\n    Because of this, 2 checks fail: One, Two." in text
    assert "One: what it asks." not in text
    assert "q1 failed: Alone: what it asks. (0/2)" in text
    first, _ = as_test_files(GRADE)
    assert (first.score, first.possible) == (GRADE.questions["q1"].score, 17)
    assert f"{LINE} result" in str(first) or LINE in str(first.test_case_results)
