"""course.toml, and whether the files agree that a TA edits: every problem is one line with file and line number."""

import re
import zipfile

import pytest

from autograder.course.consistency import find_problems
from autograder.course.rubric import RubricProblem, parse_rubric, standard_rubric
from autograder.course.settings import Course, CourseProblem, Late, MinimumAccuracy, load_course, parse_course
from autograder.maintain.build import BuildError, build
from autograder.training.context import set_up
from tests.grader.class_runs import grade_quickly, run
from tests.grader.conftest import ROOT, copy_sources
from tests.grader.test_identity import write
from utils import make_standin


def test_the_committed_files_agree():
    assert find_problems() == []
    assert load_course().points == Course().points


def test_without_a_file_there_are_defaults(tmp_path):
    assert load_course(tmp_path) == Course()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("course = 'x'\nterm = \n", 2, "Invalid value"),
        ("\n\nnames = 'yes'\n", 3, "names: Input should be a valid boolean"),
        ("[late]\nof = 'possible'\npercent_per_day = 120\n", 3, "late.percent_per_day: .* less than or equal to 100"),
        ("[late]\n\npercent = 10\n", 3, "late.percent: no such setting; there are percent_per_day, of, "),
        ("colour = 'red'\n", 1, "colour: no such setting; there are course, term, deadline"),
        ("deadline = 2026-12-01T23:59:00\n", 1, "deadline: needs its time zone"),
        ("hidden_checks = 'all'\n", 1, "hidden_checks: Input should be 'nothing', 'points' or 'messages'"),
        ("\n[points]\nq1 = 1\nq9 = 2\n", 2, "points: the questions are q1, q2, q3, q4"),
        ("x = 1\nlate = 3\n", 2, "late: "),
        ("late.of = 'all'\n", 1, "late.of: "),
        ("course = '", 1, ""),
        ("[minimum_accuracy]\nfull = 85\n", 2, "minimum_accuracy.full: Input should be less than 1"),
        ("[late]\ngrace_minutes = inf\n", 2, "late.grace_minutes: Input should be a finite number"),
        ("[late]\npercent_per_day = nan\n", 2, "late.percent_per_day: Input should be "),
        ("[late]\nat_most_percent = -inf\n", 2, "late.at_most_percent: Input should be "),
        (f"[late]\ndays_if_unknown = 1{400 * '0'}\n", 2, "late.days_if_unknown: Input should be less than or equal to"),
        (f"\nterm = 1{5000 * '0'}\n", 3, "digits"),
        (f"term = {5000 * '['}\n", 2, "nested too deeply"),
        ("[points]\nq1 = nan\nq2 = 25\nq3 = 30\nq4 = 20\n", 2, "points.q1: Input should be a finite number"),
        ("[prices]\n\ndetail = true\n", 3, r"toml:3: prices.detail: must be a share of the question, .* it is True"),
        ("prices.elu = []\n", 1, r"toml:1: prices.elu: must be a share .* or one of slip, detail, .* it is \[\]"),
        ("[prices]\nqqq = 1\n", 2, r"prices.qqq: no such mistake; see rubric.toml$"),
        ("prices.relu_befor_add = 1\n", 1, r": no such mistake; is relu_before_add meant\? See rubric.toml$"),
        (
            'prices."ReLU before the addition" = 1\n',
            1,
            r": no such mistake; is relu_before_add meant\? See rubric.toml$",
        ),
        ("prices = 3\n", 1, "prices: Input should be a valid dictionary"),
        ("course = 'x'  # \u2028\nnames = 3\n", 2, "names: "),
    ],
)
def test_an_error_names_its_line(text, line, words):
    with pytest.raises(CourseProblem) as caught:
        parse_course(text)
    assert re.match(rf"course\.toml:{line}: ", str(caught.value)), str(caught.value)
    assert re.search(words, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_error(tmp_path):
    (tmp_path / "course.toml").write_bytes(b"\xef\xbb\xbfcourse = 'x'\n[points]\nq1 = 1\nq2 = 25\nq3 = 30\nq4 = 20\n")
    assert load_course(tmp_path).course == "x"
    assert find_problems(tmp_path) == ["course.toml:3: q1 has 1 points here and 25 in autograder/contract.py"]


def test_numbers_at_the_edge_overflow_nothing():
    course = parse_course("deadline = 2026-12-01T23:59:00+01:00\n[late]\ngrace_minutes = 1e308\n")
    assert course.days_late("2026-12-03 00:09:00", False) == 0


RUBRIC = "default = 'slip'\n[kinds]\nslip = 0.1\n[mistakes]\nelu = 'slip'\n[titles]\nelu = 'ELU'\n"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("default = 'slip'", "default =", 1, "Invalid value"),
        ("default = 'slip'", "default = 'idea'", 1, "default: must be one of slip; it is 'idea'"),
        ("default = 'slip'", "default = ['slip']", 1, "default: must be one of slip"),
        ("default = 'slip'", "", 1, "default is missing"),
        ("slip = 0.1", "slip = 10", 3, "slip: must be a share of the question, from 0 to 1; it is 10"),
        ("elu = 'slip'", "elu = 'cheap'", 5, "elu: must be a share of the question, from 0 to 1, or one of slip"),
        ("elu = 'slip'", "elu = true", 5, "elu: must be a share"),
        ("elu = 'ELU'", "elu = 7", 7, "elu: its title must be a text; it is 7"),
        ("default = 'slip'", "default = 'slip'\ncolour = 1", 2, "colour: no such setting; there are default, kinds, "),
        ("[titles]\nelu = 'ELU'", "[[titles]]\nelu = 'ELU'", 1, "titles: must be a table"),
    ],
)
def test_an_error_in_the_rubric_names_its_file_and_line(old, new, line, words, tmp_path, monkeypatch):
    """Also where course.toml changes prices, and when `grade` starts."""
    assert parse_rubric(RUBRIC).title("elu") == "ELU"
    text = RUBRIC.replace(old, new, 1)
    with pytest.raises(RubricProblem, match=rf"^rubric\.toml:{line}: {words}"):
        parse_rubric(text)
    monkeypatch.setattr("autograder.course.rubric.FILE", tmp_path / "rubric.toml")
    (tmp_path / "rubric.toml").write_text(text, encoding="utf-8")
    standard_rubric.cache_clear()
    try:
        with pytest.raises(RubricProblem, match=rf"rubric\.toml:{line}: "):
            parse_course("prices.elu = 0.1\n")
        (problem,) = find_problems(tmp_path)
        assert re.match(rf".*rubric\.toml:{line}: ", problem)
        (tmp_path / "rubric.toml").write_bytes(b"\xff\xfe")
        (problem,) = find_problems(tmp_path)
        assert "rubric.toml: cannot be read" in problem
    finally:
        standard_rubric.cache_clear()


def test_files_that_cannot_be_read_are_one_line_each(tmp_path):
    copy_sources(tmp_path)
    master, notebook = tmp_path / "solutions/resnet.py", tmp_path / "assignment/resnet.ipynb"
    text = master.read_text(encoding="utf-8")
    (tmp_path / "tests/public/test_zz.py").mkdir()
    assert find_problems(tmp_path) == ["tests/public/test_zz.py:1: Is a directory"]
    (tmp_path / "tests/public/test_zz.py").rmdir()
    for data in (text.encode("utf-16"), b"\xff"):
        master.write_bytes(data)
        assert find_problems(tmp_path) == ["solutions/resnet.py:1: cannot be read: it is not UTF-8"]
    master.unlink()
    master.mkdir()
    assert find_problems(tmp_path) == ["solutions/resnet.py:1: cannot be read: Is a directory"]
    master.rmdir()
    master.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert find_problems(tmp_path) == []
    for data in (b'{"cells": 3}', b'{"cells": [[]]}', b"[" * 100_000, b'[{"cells": []}]'):
        notebook.write_bytes(data)
        (problem,) = find_problems(tmp_path)
        assert problem.startswith("assignment/resnet.ipynb:1: is not a notebook")
    notebook.unlink()
    notebook.mkdir()
    assert find_problems(tmp_path) == ["assignment/resnet.ipynb:1: cannot be read: Is a directory"]


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("solutions/resnet.py", "name: q3\n# points: 30", "name: q3\n# points: 3.0.0", "3.0.0 is no number of points"),
        ("solutions/resnet.py", "name: q3\n# points: 30", "name: q3\n# points: abc", "abc is no number of points"),
        ("solutions/resnet.py", "name: q3\n# points: 30", "name: q3\n# points:", "nothing is no number of points"),
        ("solutions/resnet.py", "name: q3\n# points: 30", "name: q3\n# points: 31", "q3 has 31 points here and 30 in"),
        ("course.toml", "q2 = 25", "q2 = 30", "q2 has 30 points here and 25 in"),
        ("course.toml", "percent_per_day = 0", "percent_per_day = -1", "late.percent_per_day"),
        (
            "tests/hidden/test_q4_hidden.py",
            *("points(12)", "points(11)"),
            "q4 has 20 points here, but its checks have 19: 8 in tests/public/test_q4_training.py, "
            "11 in tests/hidden/test_q4_hidden.py",
        ),
        ("tests/hidden/test_q4_hidden.py", "points(12)", "points('12')", "needs @pytest.mark.points with a number"),
        ("tests/hidden/test_q4_hidden.py", "@pytest.mark.points(12)\n", "", "needs @pytest.mark.points with a number"),
        ("tests/hidden/test_q4_hidden.py", 'question("q4")', 'question("q5")', "needs @pytest.mark.question with one"),
        ("tests/hidden/test_q4_hidden.py", "(training):\n", "(training:\n", "'(' was never closed"),
        ("tests/hidden/test_q4_hidden.py", '(training):\n    """', '(training):\n    # """', "needs a docstring"),
    ],
)
def test_files_that_disagree_are_refused(file, old, new, expected, tmp_path, monkeypatch):
    """`build` and `grade` say in one line what is wrong, in which file and on which line."""
    copy_sources(tmp_path / "repository")
    path = tmp_path / "repository" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BuildError) as caught:
        build(tmp_path / "repository", validate=False)
    (line,) = str(caught.value).splitlines()
    named = "autograder/contract.py" if "its checks have" in expected else file
    assert re.match(rf"(.*/)?{named}:\d+: ", line), line
    assert expected in line

    graded = grade_quickly(monkeypatch)
    monkeypatch.setattr("autograder.course.consistency.find_problems.__defaults__", (tmp_path / "repository", True))
    process = run("grade", write(tmp_path / "in", ["a.py"]), "--out", tmp_path / "results")
    assert (process.exit_code, process.output.strip()) == (1, f"Error: {line}")
    assert not graded


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# ### Question 2", "# ### Question two"),
        ('raise NotImplementedError("BasicBlock.__init__', 'raise NotImplementedError("The __init__'),
        ("import torch\n", "import torch\nimport math\n"),
    ],
)
def test_a_stale_notebook_stops_grading_not_building(old, new, tmp_path):
    copy_sources(tmp_path)
    path = tmp_path / "solutions" / "resnet.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    (problem,) = find_problems(tmp_path)
    assert re.match(r"assignment/resnet\.ipynb: is older than solutions/resnet\.py:\d+; run `", problem)
    assert find_problems(tmp_path, notebook=False) == []


def test_a_solution_is_not_part_of_the_notebook(tmp_path):
    copy_sources(tmp_path)
    path = tmp_path / "solutions" / "resnet.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("self.bn1 = nn.BatchNorm2d(planes)", "self.bn1 = nn.BatchNorm2d(planes)  # first"))
    assert find_problems(tmp_path) == []


POLICY = parse_course(
    "deadline = 2026-12-01T23:59:00+01:00\n[late]\npercent_per_day = 10\ngrace_minutes = 10\nat_most_percent = 50\n"
)


@pytest.mark.parametrize(
    ("submitted", "late", "days"),
    [
        ("", False, 0),
        ("", True, 1),
        ("2026-12-01 23:59:00+01:00", False, 0),
        ("2026-12-01 23:09:01+00:00", False, 1),  # a second after the grace period, in another time zone
        ("2026-12-02 00:09:00", False, 0),  # a platform's time without a zone is the course's
        ("2026-12-03 00:09:00+01:00", True, 1),
        ("2026-12-03 00:10:00+01:00", True, 2),
    ],
)
def test_days_late(submitted, late, days):
    assert POLICY.days_late(submitted, late) == days


def test_late_points():
    assert POLICY.late_points(80, 100, 2) == 20
    assert POLICY.late_points(80, 100, 9) == 50
    assert POLICY.late_points(15, 100, 2) == 15
    earned = POLICY.model_copy(update={"late": Late(percent_per_day=10, of="earned")})
    assert earned.late_points(80, 100, 2) == 16
    assert Course().late_points(80, 100, 5) == 0


def test_the_minimum_accuracy_is_that_of_the_budget(tmp_path):
    data = make_standin(tmp_path, 20, 10)
    minimum = parse_course("[minimum_accuracy]\nfull = 0.8\n").minimum_accuracy
    assert set_up("cuda", data, minimum).threshold == 0.8
    assert set_up("cpu", data, minimum).threshold == MinimumAccuracy().short


def test_course_toml_is_part_of_the_grader(built):
    with zipfile.ZipFile(built / "dist" / "autograder.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith("course.toml"))
        assert archive.read(name) == (ROOT / "course.toml").read_bytes()
