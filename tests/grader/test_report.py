"""What teaching assistants read: the page, the spreadsheet, the terminal."""

import base64
import csv
import gzip
import html
import io
import itertools
import json
import re
import time
from dataclasses import asdict, fields, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from autograder.__main__ import main
from autograder.course.corrections import Adjustment, Correction
from autograder.course.origin import Origin, Student
from autograder.course.settings import Course
from autograder.grading.result import SCHEMA_FILE, Result, Training, schema
from autograder.report import ResultsError, find_result, read_results, write_csv, write_html, write_reports
from autograder.report.class_view import overview
from autograder.report.derived import deferred_points
from autograder.report.terminal import print_result, print_table, progress
from autograder.report.text import local_time, number, of_possible, percent
from autograder.student.message import Message
from autograder.submission.sanitize import sanitize
from autograder.suite.outcome import Outcome

PARTS = tuple(field.name for field in fields(Message))
HOSTILE = "</script><img src=x onerror=alert(1)>&\"'{{ 7777777*7 }}"
LINES = f"cell 7, line 12, in forward\n    out = self.conv2(out)  # {HOSTILE}"
RAISED = {"got": "your code raised RuntimeError: 64 channels, not 32", "where": LINES}


def make_test(question="q1", name="shape", outcome="passed", points=5.0, **more) -> Outcome:
    """One test of a result."""
    fields = {"hidden": False, "failed_cases": int(outcome not in ("passed", "deferred")), **more}
    return Outcome(
        id=f"public/test_{question}.py::test_{name}",
        question=question,
        title=fields.pop("title", f"{name.capitalize()}: the {name} is right."),
        points=points if outcome == "passed" else 0.0,
        possible=0.0 if outcome == "deferred" else points,
        outcome=outcome,
        message=Message(**fields.pop("message", {})),
        mistakes=tuple(fields.pop("mistakes", ())),
        **fields,
    )


def make_grade(name: str, *tests: Outcome, status="graded", **more) -> Result:
    """A result that holds these tests."""
    fields = {"seconds": 1.5, "isolation": ("uid", "seccomp"), "problems": (), "training": None, "suite": "", **more}
    return Result.of(tests or (make_test(),), submission=name, sha256="ab" * 32, status=status, **fields)


def make_json(**changes) -> dict:
    """What a result file holds."""
    return json.loads(make_grade("b.ipynb").to_json()) | changes


def make_json_test(**changes) -> list[dict]:
    """The tests in a result file."""
    return [asdict(make_test()) | changes]


DEFERRED = make_test("q4", "accuracy", "deferred", hidden=True, message={"got": "Deferred: this check needs a GPU."})


def a_class() -> list[Result]:
    """One submission of every kind."""
    sentence = "Your block applies its last ReLU to F(x)."
    relu = {"expected": "relu(x)", "got": "-3 instead of 0", "hint": "what comes last?", "mistake": sentence}
    wrong = make_test("q1", "relu", "failed", mistakes=["relu_before_add"], message=relu, cases=3, failed_cases=2)
    raised = make_test("q2", "stride", "error", message=RAISED, hidden=True)
    slow = make_test("q3", "stages", "timeout", message={"got": "Your code did not answer within 20 s."})
    eight = make_test("q4", "overfit", points=8.0)
    gone = [make_test("q2", n, "failed", message={"got": "`Bottleneck` is not defined."}) for n in ("shape", "relu")]
    unread = "x.ipynb: is not a notebook"
    return [
        make_grade("bob.ipynb", make_test(), wrong, raised, slow, eight, DEFERRED),
        make_grade("alice.ipynb", make_test(), make_test("q1", "relu"), eight, DEFERRED),
        make_grade("carol.ipynb", make_test(), *gone, status="incomplete", problems=("`Bottleneck` is not defined.",)),
        make_grade(
            "x.ipynb", make_test(outcome="failed", message={"got": unread}), status="unreadable", problems=(unread,)
        ),
    ]


def save(grades: list[Result], folder: Path) -> Path:
    """Write result files; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, grade in enumerate(grades):
        (folder / f"{index:03d}.json").write_text(grade.to_json(), encoding="utf-8")
    return folder


def page(grades: list[Result], tmp_path: Path) -> str:
    """The page's source."""
    write_html(grades, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


class Outline(HTMLParser):
    """Reads a page: its elements, whether they are balanced, and the text of each element with an id."""

    VOID = ("meta", "input", "img", "br", "link")

    def __init__(self, source: str):
        super().__init__()
        self.open: list[tuple[str, dict]] = []
        self.elements: list[tuple[str, dict]] = []
        self.texts: dict[str, str] = {}
        self.feed(source)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        opened, _ = self.open.pop()
        assert opened == tag, f"<{opened}> closed by </{tag}>"

    def handle_data(self, data):
        for _, attributes in self.open:
            if "id" in attributes:
                self.texts[attributes["id"]] = self.texts.get(attributes["id"], "") + data

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def text(self, anchor: str) -> str:
        return " ".join(self.texts[anchor].split())


# Numbers and text


@pytest.mark.parametrize(
    ("score", "possible", "shown"),
    [
        (84, 88, "84/88 (95 %)"),
        (87.8, 88, "87.8/88 (99 %)"),
        (88, 88, "88/88 (100 %)"),
        (0.1, 88, "0.1/88 (1 %)"),
        (0, 88, "0/88 (0 %)"),
        (0, 0, "0/0"),
    ],
)
def test_score_is_of_what_was_possible(score, possible, shown):
    """Rounding neither gives full marks to who lacks some, nor takes all from who has some."""
    assert of_possible(score, possible) == shown


def test_numbers_are_short():
    assert [number(n) for n in (4.0, 3.5, 2 / 3, 0.1 + 0.2, 100)] == ["4", "3.5", "0.67", "0.3", "100"]
    assert percent(1, 0) is None


def test_what_cannot_be_seen_is_replaced():
    assert sanitize("a\x1b[31mb\r\nc\td\u202ee\ud800\xa0\u200b") == "a␛[31mb\nc\td\ufffde\ufffd\xa0\ufffd"
    assert sanitize("a\tb\nc", one_line=True) == "a␉b␊c"
    assert sanitize("abc", length=2) == "ab …"
    assert sanitize("ab", length=2) == "ab"


# Reading


def test_results_come_in_order_with_their_file(tmp_path):
    folder = save([make_grade("b.ipynb"), make_grade("a.ipynb")], tmp_path)
    assert [(result.submission, result.name) for result in read_results(folder)] == [
        ("b.ipynb", "000"),
        ("a.ipynb", "001"),
    ]


def test_hidden_files_are_no_results(tmp_path):
    """macOS writes `._jane.json` beside `jane.json` on some file systems."""
    folder = save([make_grade("jane.py")], tmp_path)
    (folder / "._000.json").write_bytes(b"\x00\x05\x16\x07")
    assert [result.name for result in read_results(folder)] == ["000"]


def test_names_in_a_complaint_are_shown_as_they_are():
    grade = make_grade("x.py").model_copy(update={"name": "x\x1b[2J"})
    for name in ("X\x1b[2", "\x1b"):
        with pytest.raises(ResultsError) as error:
            find_result([grade], name)
        assert "\x1b" not in str(error.value)
    with pytest.raises(ResultsError, match="there are several: x␛"):
        find_result([grade, grade], grade.name)


def test_empty_folder_is_said(tmp_path):
    with pytest.raises(ResultsError, match="no result files here"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        ("[]", "not a result of `grade`: Input should be an object"),
        ("{}", "a result of another version of the grader; grade again"),
        (make_json(schema_version=0), "another version of the grader"),
        (make_json(score="84"), "score: Input should be a valid number"),
        (make_json(score=float("nan")), "score: "),
        (make_json(score=4), "score: is 4.0, but its tests add up to 5"),
        (make_json(status="fine"), "status: Input should be 'graded', "),
        (make_json(problems="none"), "problems: Input should be a valid"),
        (make_json(more=1), "more: Extra inputs are not permitted"),
        (make_json(questions={"q1": {"score": 5, "possible": 4}}), "questions.q1.possible: is 4.0, but"),
        (make_json(questions={}), "tests[0].question: 'q1' is not in questions"),
        (make_json(tests=None), "tests: Input should be a valid"),
        (make_json(tests=[{}]), "tests[0].id: "),
        (make_json(tests=make_json_test(outcome="lost")), "tests[0].outcome: 'lost' is not one of timeout, error"),
        (make_json(tests=make_json_test(hidden="no")), "tests[0].hidden: Input should be a valid boolean"),
        (make_json(tests=make_json_test(message="text")), "tests[0].message: Input should be"),
        (make_json(training={"accuracy": None}), "training.accuracy: Input should be a valid number"),
        (make_json(training=3), "training: Input should be"),
    ],
)
def test_broken_file_is_one_line_that_names_it(tmp_path, content, words):
    folder = save([make_grade("a.ipynb")], tmp_path)
    if isinstance(content, dict):
        content = json.dumps(content)
    (folder / "broken.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ResultsError) as error:
        write_reports(folder)
    assert str(error.value).startswith(f"{folder / 'broken.json'}: ")
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not (folder / "report.html").exists()


def test_every_broken_file_is_named(tmp_path):
    folder = save([make_grade("a.ipynb")], tmp_path)
    for name in ("one", "two"):
        (folder / f"{name}.json").write_text("{")
    (folder / "three.json").mkdir()
    with pytest.raises(ResultsError) as error:
        read_results(folder)
    assert [line.rsplit("/", 1)[1].split(":")[0] for line in str(error.value).splitlines()] == [
        "one.json",
        "three.json",
        "two.json",
    ]


def test_command_says_it_in_one_line(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    process = CliRunner().invoke(main, ["report", str(tmp_path)], catch_exceptions=False)
    assert process.exit_code == 1
    assert process.stderr.count("\n") == 1
    assert "broken.json" in process.stderr


# Deferral


def test_deferred_points_are_what_the_question_lacks():
    bob, _, carol, _ = a_class()
    assert deferred_points(bob) == 12  # q4 has 20 points, 8 were possible
    assert deferred_points(carol) == 0
    assert deferred_points(make_grade("a", make_test("q4", "overfit", points=20.0))) == 0


def test_a_file_that_cannot_be_read_waits_for_nothing():
    """Its network will not be trained, with whatever GPU."""
    empty = make_grade("x", make_test("q4", "overfit", "failed", points=8.0), DEFERRED, status="unreadable")
    assert deferred_points(empty) == 0
    assert "deferred" not in on_terminal([empty], 200)[-1]


def test_nothing_but_deferred_tests_has_no_percent(tmp_path):
    grade = make_grade("a.ipynb", DEFERRED)
    assert overview([grade]).mean is None
    outline = Outline(page([grade], tmp_path))
    assert "Nothing was judged. 20 points deferred, not lost." in outline.text("s1")


def test_page_explains_deferral_and_leaves_it_out_of_the_score(tmp_path):
    outline = Outline(page(a_class(), tmp_path))
    assert "2 of 4 submissions wait for a CUDA GPU" in outline.text("overview")
    assert "Up to 12 of the 100 points" in outline.text("overview")
    assert "8/8 (100 %), 12 deferred" in outline.text("s1")


def test_page_without_deferral_does_not_mention_a_gpu(tmp_path):
    assert "GPU" not in page([make_grade("a.ipynb")], tmp_path)


# The class


def test_overview_counts():
    facts = overview(a_class())  # 13/28, 18/18, 5/15 and 0/5
    assert facts.bins == (1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1)
    assert facts.mean == pytest.approx(100 * (13 / 28 + 1 + 5 / 15 + 0) / 4)
    assert facts.median == pytest.approx(100 * (13 / 28 + 5 / 15) / 2)
    assert facts.statuses == (("graded", 2), ("incomplete", 1), ("unreadable", 1))
    assert (facts.total, facts.full, facts.waiting, facts.unusable) == (4, 1, 2, 1)


def test_mistakes_are_ranked_by_submissions_without_unusable_ones():
    """A submission counts once for a mistake, however many tests and cases show it."""
    relu = {"outcome": "failed", "mistakes": ["relu_before_add"]}
    grades = [
        make_grade("a", make_test("q1", "one", **relu), make_test("q1", "two", **relu), make_test("q2", "three")),
        make_grade("b", make_test("q1", "one"), make_test("q1", "two", "failed"), make_test("q2", "three", "timeout")),
        make_grade("c", make_test("q1", "one"), make_test("q1", "two", "error"), make_test("q2", "three")),
        make_grade("d", make_test("q1", "one", **relu), status="crashed"),
    ]
    facts = overview(grades)
    assert [(m.name.partition(":")[0], round(m.share), m.places) for m in facts.checks] == [
        ("Two", 100, ((0, 2), (1, 2), (2, 2))),
        ("One", 33, ((0, 1),)),
        ("Three", 33, ((1, 3),)),
    ]
    assert [(m.name, m.questions, m.places) for m in facts.mistakes] == [("relu_before_add", ("q1",), ((0, 1),))]


def test_a_mistake_of_few_is_no_whole_percent_of_a_large_class(tmp_path):
    relu = make_test("q1", "one", "failed", mistakes=["relu_before_add"])
    grades = [make_grade(f"right{n}", make_test("q1", "one")) for n in range(499)]
    assert "1 submission (0.2 %)" in page([make_grade("wrong", relu), *grades], tmp_path)


# The page


def test_page_is_well_formed_and_every_link_leads_somewhere(tmp_path):
    outline = Outline(page(a_class(), tmp_path))
    ids = outline.ids()
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in outline.elements if tag == "a"]
    assert len(links) > 10
    assert all(link.startswith("#") and link[1:] in ids for link in links)


def test_page_loads_nothing_and_runs_only_its_own_script(tmp_path):
    outline = Outline(page(a_class(), tmp_path))
    policy = next(a["content"] for _, a in outline.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not [tag for tag, _ in outline.elements if tag in ("link", "img", "iframe", "object", "base", "form")]
    # The policy blocks inline styles and handlers, so nothing may rely on them.
    assert not [a for _, a in outline.elements if "src" in a or "style" in a or any(k.startswith("on") for k in a)]
    assert [tag for tag, _ in outline.elements].count("script") == 1


def test_hostile_text_stays_text(tmp_path):
    """In file name, title, all parts of the message, problem and mistake."""
    bad = make_test("q1", "relu", "failed", title=HOSTILE, message=dict.fromkeys(PARTS, HOSTILE), mistakes=[HOSTILE])
    source = page([make_grade(HOSTILE, bad, problems=(HOSTILE,), status="incomplete")], tmp_path)
    assert "<img" not in source
    assert source.count("</script>") == 1
    assert "54444439" not in Outline(source).text("s1")
    assert Outline(source).text("s1").count(HOSTILE) >= 3 + len(PARTS)


def test_lone_surrogates_and_writing_direction_do_not_reach_the_page(tmp_path):
    """A file name that is no UTF-8 comes as surrogates; an override could make it read as another one."""
    source = page([make_grade("caf\udce9 \u202egpj.ipynb", file="a/\u202egpj.ipynb")], tmp_path)
    assert "caf\ufffd \ufffdgpj.ipynb" in source
    assert "\u202e" not in source


def test_headings_go_down_one_level_at_a_time(tmp_path):
    outline = Outline(page(a_class(), tmp_path))
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(a.get("scope") in ("col", "row") for tag, a in outline.elements if tag == "th")


def test_submission_tells_why_points_were_lost(tmp_path):
    """Bob is second by name: the mistake, what was expected, what came instead, a hint, the student's own lines."""
    bob = Outline(page(a_class(), tmp_path)).text("s2")
    assert "Lost 15 points: 5 in q1, 5 in q2, 5 in q3." in bob
    assert "Mistake: ReLU before the addition" in bob
    parts = "Expected relu(x) Got -3 instead of 0 Hint what comes last?"
    assert f"Your block applies its last ReLU to F(x). {parts}" in bob
    assert "2 of 3 cases" in bob
    assert "the first is shown" not in bob
    assert "! error Stride: the stride is right. hidden 0/5" in bob
    assert f"Got your code raised RuntimeError: 64 channels, not 32 {' '.join(LINES.split())}" in bob
    assert "◔ timeout Stages: the stages is right. public 0/5" in bob
    assert "✓ passed 1 check" in bob


def test_corrections_are_part_of_the_points_of_a_question(tmp_path):
    """Of a question that was deferred, what the correction does not give is lost."""
    bob, alice, *_ = a_class()
    give = {"q1": Correction(when="now", who="ta", name="", question="q1", points=3, reason="misread")}
    give["q4"] = Correction(when="2026-11-30 07:45:56+00:00", who="ta", name="", question="q4", points=5, reason="seen")
    bob = bob.model_copy(update={"adjustment": Adjustment((give["q1"],))})
    alice = alice.model_copy(update={"adjustment": Adjustment((give["q4"],))})
    said = {}
    for grade in (bob, alice):
        console = Console(width=200, file=io.StringIO(), record=True)
        print_result(grade, console)
        said[grade.submission] = console.export_text()
    assert "Lost 12 points: 2 in q1, 5 in q2, 5 in q3." in said["bob.ipynb"]
    assert "q1 BasicBlock: 8/10 (80 %), corrected by +3\n" in said["bob.ipynb"]
    assert "Lost 7 points: 7 in q4." in said["alice.ipynb"]
    assert "q4 Training: 13/20 (65 %), corrected by +5\n" in said["alice.ipynb"]
    assert re.search(r"\(ta, 2026-11-\d\d \d\d:\d\d\)", said["alice.ipynb"])
    outline = Outline(page([bob, alice], tmp_path))
    assert "q4 Training 13/20 (65 %), corrected by +5" in outline.text("s1")
    assert "bob.ipynb ✓ graded 8/10 0/5 0/5 8/8 13/28 (46 %)total 16/28" in outline.text("scores")


def test_a_file_that_cannot_be_read_has_its_reason_once(tmp_path):
    reason = "x.ipynb: is not a notebook"
    tests = [make_test(q, "all", "failed", message={"got": reason}) for q in ("q1", "q2", "q3")]
    grade = make_grade("x.ipynb", *tests, status="unreadable", problems=(reason,))
    console = Console(width=200, file=io.StringIO(), record=True)
    print_result(grade, console)
    for text in (console.export_text(), Outline(page([grade], tmp_path)).text("s1")):
        assert text.count(reason) == 1
        assert "q1 BasicBlock" in text
        assert "The all is right" not in text


def test_the_filter_finds_names_without_accents_and_scores(tmp_path):
    """report.js takes the accents from what is searched for."""
    grade = make_grade("José Müller.ipynb", make_test(), make_test("q1", "relu", "failed"))
    (text,) = re.findall(r'data-k="([^"]*)"', page([grade], tmp_path))
    assert text.startswith("jose muller.ipynb ")
    assert " 5/10 " in text


def test_a_long_name_is_cut_in_the_table_and_names_of_code_are_code(tmp_path):
    told = make_test("q1", "x", "failed", title="X: `expansion` <b>.", message={"got": "`planes` is wrong"})
    grade = make_grade(f"{'n' * 200}.ipynb", told)
    source = page([grade], tmp_path)
    assert "n" * 59 + "…</bdi></a>" in source
    assert f'title="{"n" * 200}.ipynb"' in source
    assert "X: <code>expansion</code> &lt;b&gt;." in source
    assert "<code>planes</code> is wrong" in source


def test_times_are_local_and_without_seconds(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Zurich")
    time.tzset()
    try:
        assert local_time("2026-11-30 07:45:56+00:00") == "2026-11-30 08:45"
        assert local_time("2026-11-30 07:45:56") == "2026-11-30 07:45:56"
        assert local_time("yesterday") == "yesterday"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_traceback_keeps_its_lines(tmp_path):
    source = page(a_class(), tmp_path)
    block = html.unescape(source.partition("<pre>")[2].partition("</pre>")[0])
    assert block == LINES


def test_one_reason_for_many_checks_is_said_once(tmp_path):
    """What differs only in the number of cases is the same reason."""
    message = {"got": "`Bottleneck` is not defined."}
    tests = [make_test("q2", f"t{n}", "failed", message=message, cases=n, failed_cases=n) for n in range(2, 9)]
    text = Outline(page([make_grade("a.ipynb", *tests)], tmp_path)).text("s1")
    assert text.count("Bottleneck is not defined.") == 1
    assert all(f"{n} of {n} cases" in text for n in range(2, 9))


def test_question_that_was_not_judged_is_neither_full_nor_empty(tmp_path):
    grades = [make_grade("a.ipynb", make_test("q1")), make_grade("b.ipynb", make_test("q1"), make_test("q2", "relu"))]
    outline = Outline(page(grades, tmp_path))
    assert "q2" not in outline.text("s1")
    assert "q2 Bottleneck" in outline.text("s2")
    assert "a.ipynb ✓ graded 5/5 \u2013" in outline.text("scores")


def test_submissions_are_in_order_of_names_and_same_names_are_told_apart(tmp_path):
    names = ("Zoe.ipynb", "resnet.ipynb", "adam.ipynb", "resnet.ipynb")
    grades = read_results(save([make_grade(name) for name in names], tmp_path / "results"))
    source = page(grades, tmp_path)
    rows = re.findall(r'<th scope="row"><a href="#s\d+"><bdi>(.*?)</bdi>', source)
    assert rows == ["adam.ipynb", "resnet.ipynb (001)", "resnet.ipynb (003)", "Zoe.ipynb"]


def test_unconfined_grading_is_flagged(tmp_path):
    warning = "graded with --unsafe"
    assert warning in page([make_grade("a.ipynb", isolation=("unsafe",))], tmp_path)
    assert warning not in page([make_grade("a.ipynb")], tmp_path)


def test_reports_are_the_same_every_time(tmp_path):
    folder = save(a_class(), tmp_path)
    written = []
    for _ in range(2):
        assert write_reports(folder) == folder / "report.html"
        written.append([(folder / name).read_bytes() for name in ("report.html", "grades.csv")])
    assert written[0] == written[1]
    assert sorted(p.name for p in folder.iterdir() if p.suffix != ".json") == ["feedback", "grades.csv", "report.html"]


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    grades = a_class()
    old = page(grades, tmp_path)

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_html(grades[:1], tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == old
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_large_class_takes_seconds_and_megabytes(tmp_path):
    """300 submissions of 45 tests; a class of 1,000 stays below 4 MB."""
    tests = [
        make_test(q, f"check {i}", "failed" if i % 4 == 0 else "passed", message=RAISED if i % 4 == 0 else {})
        for i in range(45)
        for q in (("q1", "q2", "q3")[i % 3],)
    ]
    grades = [make_grade(f"student {n:03d}.ipynb", *map(replace, tests)) for n in range(300)]
    start = time.process_time()
    write_reports(save(grades, tmp_path))
    assert time.process_time() - start < 15
    assert (tmp_path / "report.html").stat().st_size < 1_200_000


def unpack(source: str) -> list[str]:
    """The explanations that a page holds compressed, in their order."""
    chunks = re.findall(r'<script type="text/plain" id="chunk\d+">([^<]*)</script>', source)
    return [body for chunk in chunks for body in json.loads(gzip.decompress(base64.b64decode(chunk)))]


def test_explanations_of_a_large_class_are_packed_and_the_same(tmp_path, monkeypatch):
    plain = page(a_class(), tmp_path)
    monkeypatch.setattr("autograder.report.page.LARGEST_PLAIN", 3)
    monkeypatch.setattr("autograder.report.page.CHUNK", 3)
    packed = page(a_class(), tmp_path)
    bodies = unpack(packed)
    assert len(bodies) == 4
    assert re.findall(r'id="(s\d)" data-chunk="(\d)/(\d)"', packed) == [
        ("s1", "0", "0"),
        ("s2", "0", "1"),
        ("s3", "0", "2"),
        ("s4", "1", "0"),
    ]
    for body in bodies:
        Outline(f"<div>{body}</div>")
        assert body.strip() in plain
        assert body.strip() not in packed


def test_items_tell_good_submissions_from_poor_ones():
    good, poor = make_test("q1", "a"), make_test("q1", "a", "failed")
    always = make_test("q2", "b")
    lucky = make_test("q3", "c", "failed"), make_test("q3", "c")
    fours = [make_test("q3", f"d{n}") for n in range(2)], [make_test("q3", f"d{n}", "failed") for n in range(2)]
    grades = [make_grade("x", good, always, lucky[0], *fours[0]), make_grade("y", poor, always, lucky[1], *fours[1])]
    items = {item.title[0]: item for item in overview(grades).items}
    assert (items["A"].difficulty, items["A"].discrimination) == (50, pytest.approx(1))
    assert (items["B"].difficulty, items["B"].discrimination) == (100, None)
    assert items["C"].discrimination == pytest.approx(-1)
    assert overview(grades).questions[0].bins == (1, *[0] * 9, 1)


def test_a_course_that_hides_names_shows_keys(tmp_path):
    person = Student(id="9001", name="Jane Doe", email="jane@uni.example")
    origin = Origin(key="9001", path="9001/resnet.ipynb", students=(person,))
    grade = make_grade("resnet.ipynb").model_copy(update={"origin": origin, "name": "9001"})
    absent = Student(id="9002", name="Lin Lee", email="lin@uni.example")
    for names in (True, False):
        write_html([grade], tmp_path / "report.html", (absent,), Course(names=names))
        page = (tmp_path / "report.html").read_text()
        assert "9001" in page
        assert "9002" in page
        for word in ("Jane Doe", "jane@uni.example", "Lin Lee"):
            assert (word in page) is names, word


def test_an_anonymous_page_names_nobody(tmp_path):
    grades = [
        grade.model_copy(update={"name": f"key-of-{grade.submission}", "sha256": f"{n}" * 64})
        for n, grade in enumerate(a_class())
    ]
    person = Student(id="u-9001", name="Jane Doe", email="jane@uni.example")
    origin = Origin(key="jane", path="jane/bob.ipynb", students=(person,), not_counted=("jane/old.py",))
    entry = Correction(when="now", who="ta", name="x", question="q1", points=1, reason="Jane asked")
    grades[0] = grades[0].model_copy(update={"origin": origin, "adjustment": Adjustment((entry,))})
    write_html(grades, tmp_path / "report.html", (person,), anonymous=True)
    source = (tmp_path / "report.html").read_text()
    assert "Submission 4" in source
    assert "Your block applies its last ReLU" in source
    for word in ("jane", "Jane", "u-9001", "bob", "alice", "carol", "key-of", "x.ipynb", "0000", "cell 7"):
        assert word not in source, word


CODE = "zephyr = quokka(self)"
"""A line of code."""
OF_THE_STUDENT = {
    "file": "attic/Ottoline Finch hw3.py",
    "name": "section9__jdox77",
    "notes": ("`inner.zip/Wanda.ipynb` is graded, and not `Marmaduke.zip`.",),
    "problems": (f"Jane_Doxley.py, line 3: `{CODE}`",),
}
TELLING = {
    "delegation": {"got": "a ready-made network: Jane_Doxley.py, line 86: `torchvision.models.resnet18`"},
    "a file in a folder": {"got": f"a ready-made network: Ottoline Finch hw3.py, line 86: `{CODE}`"},
    "a syntax error": {"hint": f"Jane_Doxley.py, line 1: invalid syntax: `{CODE}`. Nothing in it can be used."},
    "a cell": {"hint": f"cell 3, line 1: invalid syntax: `{CODE}` (the cell begins with `{CODE}`). Nothing."},
    "a similar name": {"hint": "Jane_Doxley.py defines `Block1`; the name must be exactly `BasicBlock`."},
    "an imported file": {"got": f"something: Quillon.py, line 3: `{CODE}`"},
    "an exception": {"got": "your code raised ModuleNotFoundError: No module named 'Quillon'"},
    "an exception of one's own": {"got": f"your code raised QuillonError: {CODE}"},
    "what is raised": {"got": f"it raises: cell 7, line 2\n    {CODE}\nValueError: Quillon"},
    "an exception of PyTorch": {"got": f"RuntimeError: {CODE}"},
    "a stub": {"got": "Not implemented yet: Quillon does this"},
    "lines": {"got": "a list, not a tensor", "where": f"Jane_Doxley.py, line 2\n    {CODE}"},
    "the path": {"expected": "what attic/Ottoline Finch hw3.py has", "got": "section9/jdox77 and Marmaduke.zip, Wanda"},
    "the student": {"got": "u-90017 and doxley, or jane@uni.example", "mistake": "Your block of Jane is wrong."},
    "another file": {"got": "hamish.py and Brunhild"},
    "no file": {"got": "64 channels, not 32", "hint": "BasicBlock: see the shape"},
}


@pytest.mark.parametrize("said", TELLING.values(), ids=TELLING)
def test_an_anonymous_page_says_no_name_of_a_file_and_no_line_of_code(said, tmp_path):
    person = Student(id="u-90017", name="Jane Doxley", email="jane@uni.example", section="morning")
    origin = Origin(
        key="section9/jdox77",
        path="section9/jdox77/attic",
        students=(person,),
        submitted="2026-12-24",
        not_counted=("old/hamish.py",),
        undecided=("Brunhild.ipynb",),
    )
    test = make_test("q1", "shape", "failed", message=said)
    grade = make_grade("Jane_Doxley.py", test, origin=origin).model_copy(update=OF_THE_STUDENT)
    write_html([grade], tmp_path / "report.html", anonymous=True)
    source = (tmp_path / "report.html").read_text(encoding="utf-8").casefold()
    for word in (
        *("jane", "dox", "ottoline", "finch", "attic", "section9", "jdox77", "wanda", "marmaduke", "inner.zip"),
        *("u-90017", "morning", "2026-12-24", "hamish", "brunhild", "quillon", "zephyr", "quokka", "abab"),
    ):
        assert word not in source, word


def test_an_anonymous_page_keeps_what_the_grader_says(tmp_path):
    said = {
        "expected": "relu(F(x) + x): `ResNet` and the shape",
        "got": "your code raised RuntimeError: x",
        "hint": "a list takes the place of a layer, and a list is no layer",
        "mistake": "Your block applies its last ReLU to F(x).",
    }
    test = make_test("q1", "shape", "error", message=said)
    refused = make_test("q2", "shape", "failed", message=TELLING["delegation"])
    write_html([make_grade("shape.py", test, refused, file="resnet.py")], tmp_path / "report.html", anonymous=True)
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in (
        *("relu(F(x) + x): <code>ResNet</code> and the shape", "your code raised RuntimeError<", said["hint"]),
        *(said["mistake"], "a ready-made network<", "1 submission"),
    ):
        assert words in source, words


# The spreadsheet


def rows_of(grades: list[Result], tmp_path: Path) -> list[dict]:
    write_csv(grades, tmp_path / "grades.csv")
    with (tmp_path / "grades.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_has_one_row_a_submission(tmp_path):
    bob, alice, *_ = rows_of(read_results(save(a_class(), tmp_path / "results")), tmp_path)
    assert bob == {
        "submission": "bob.ipynb",
        "status": "graded",
        "score": "13",
        "possible": "28",
        "percent": "46.43",
        "q1": "5",
        "q2": "0",
        "q3": "0",
        "q4": "8",
        "deferred": "12",
        "accuracy": "",
        "mistakes": "relu_before_add",
        "charged": "",
        "seconds": "1.5",
        "result": "000",
        **dict.fromkeys(("id", "name", "email", "section", "submitted", "late"), ""),
        **{"days_late": "0", "late_points": "0", "corrections": "0", "total": "13"},
    }
    assert (alice["q2"], alice["percent"]) == ("", "100")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", " =", "\t=", "\r=", "\n=", "\uff1d"])
def test_csv_never_holds_a_formula(tmp_path, first):
    name = f"{first}cmd|'/C calc'!A0,\n\"x\".ipynb"
    (row,) = rows_of([make_grade(name)], tmp_path)
    assert row["submission"][0] not in "=+-@\t\r\n\uff1d "
    assert row["submission"].endswith("cmd|'/C calc'!A0,␊\"x\".ipynb")
    assert row["score"] == "5"


def test_csv_leaves_plain_names_alone(tmp_path):
    assert rows_of([make_grade("José - v2=final.ipynb")], tmp_path)[0]["submission"] == "José - v2=final.ipynb"


# The terminal


def on_terminal(grades: list[Result], width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    print_table(grades, console)
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert all(len(line) <= width for line in lines[:-1])
    return lines


def test_table_on_a_wide_terminal_has_everything():
    lines = on_terminal(a_class(), 130)
    assert " ".join(lines[0].split()) == "submission status q1 q2 q3 q4 score % first points lost"
    cells = lines[1].split(maxsplit=8)[2:]
    assert cells == ["5/10", "0/5", "0/5", "8/8", "13/28", "46", "%  q1 ReLU before the addition"]
    assert lines[3].endswith("q2 `Bottleneck` is not defined.")
    assert lines[4].endswith("x.ipynb: is not a notebook")


@pytest.mark.parametrize("width", [100, 60, 40])
def test_table_cuts_names_but_no_numbers(width):
    grades = [g.model_copy(update={"submission": f"a very long name of {g.submission}"}) for g in a_class()]
    lines = on_terminal(grades, width)
    assert [re.search(r"(\S+)\s+(\d+) %", line).groups() for line in lines[1:5]] == [
        ("13/28", "46"),
        ("18/18", "100"),
        ("5/15", "33"),
        ("0/5", "0"),
    ]
    assert all(word in lines[row] for row, word in ((1, "graded"), (3, "incomplete"), (4, "unreadable")))
    assert ("first points lost" in lines[0]) == (width >= 100)


def test_table_shows_student_text_as_it_is():
    line = on_terminal([make_grade("[red]\x1b[2J\n.py")], 60)[1]
    assert line.startswith("[red]␛[2J␊.py")


def test_table_shows_the_graders_as_they_are():
    """A result file of another machine may say anything."""
    one = make_grade("a.py")
    other = one.model_copy(update={"grader": one.grader.model_copy(update={"code": "0" * 16, "version": "\x1b[2J"})})
    assert "\x1b" not in "".join(on_terminal([one, other], 200))


@pytest.mark.parametrize("width", [200, 60])
def test_table_ends_with_the_class_in_one_line(width):
    assert on_terminal(a_class(), width)[-1] == (
        "4 submissions: 2 graded, 1 incomplete, 1 unreadable; mean 44.9 %, median 39.9 %; 1 with full marks; "
        "2 with up to 12 points deferred to a CUDA GPU"
    )
    assert on_terminal([], 80)[-1] == "0 submissions"


@pytest.mark.parametrize(("total", "lines"), [(300, 10), (25, 10), (5, 5), (1, 1)])
def test_progress_in_a_log_is_a_line_a_tenth(total, lines):
    console = Console(file=io.StringIO())
    with progress(total, console) as advance:
        for n in range(total):
            advance(f"{n}.ipynb")
    written = console.file.getvalue().splitlines()
    assert len(written) == lines
    assert written[-1] == f"{total} of {total} (100 %)"


def test_progress_on_a_terminal_is_a_bar_that_trusts_no_name():
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with progress(2, console) as advance:
        advance("[bold]\x1b[2Jx.ipynb")
        advance("[/]")
    assert "2/2" in console.file.getvalue()
    assert "\x1b[2J" not in console.file.getvalue()


TRAINING = Training(accuracy=0.93456, threshold=0.9, seconds=41.5, recipe="7 epochs", note="")


def trained_class() -> list[Result]:
    """One network was trained, one is deferred."""
    passed = make_test("q4", "accuracy", points=12.0, hidden=True)
    return [make_grade("bob.ipynb", passed, training=TRAINING), make_grade("zoe.ipynb", DEFERRED, training=None)]


def test_everybody_says_who_was_trained(tmp_path):
    folder = save(trained_class(), tmp_path / "results")
    rows = rows_of(read_results(folder), tmp_path)
    assert [row["accuracy"] for row in rows] == ["93.46", ""]
    text = html.unescape(" ".join(re.sub("<[^>]*>", "", write_reports(folder).read_text()).split()))
    assert "1 network trained for q4." in text
    assert "Training: trained to 93.46 % of at least 90 % in 41.5 s" in text
    console = Console(file=io.StringIO(), width=300)
    print_table(trained_class(), console)
    assert "; 1 network trained" in console.file.getvalue()


def test_schema_is_in_step():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema(), "run python -m autograder.grading.result"
