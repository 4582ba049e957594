"""`python -m autograder validate`: each way in which a suite can be unsound is found, and nothing else."""

import dataclasses
from pathlib import Path

import pytest
from rich.console import Console

from autograder.maintain.gallery import Entry, load_gallery
from autograder.maintain.samples import GALLERY
from autograder.maintain.validate import Findings, Graded, examine, print_findings
from autograder.student.message import Message
from autograder.suite.outcome import Outcome
from tests.grader.class_runs import run

TESTS = {"public/a.py::test_a": "q1", "public/b.py::test_b": "q2", "hidden/c.py::test_c": "q1"}


def entry(name: str, question: str = "", misconception: str = "") -> Entry:
    path = Path("gallery") / ("wrong" if question else "right") / f"{name}.py"
    return Entry(name, path, not question, question, misconception, "", f'"""What {name} is."""\nx = 1\n')


def graded(what: Entry, *failing: str, named: tuple[str, ...] = ()) -> Graded:
    outcomes = [
        Outcome(id, question, f"Title of {id}: it.", 0.0 if id in failing else 2.0, 2.0,
                "failed" if id in failing else "passed", id.startswith("hidden"), Message(got=f"why {id}"), named
                if id in failing else ())
        for id, question in TESTS.items()
    ]  # fmt: skip
    return Graded(what, tuple(outcomes))


SOUND = [
    graded(entry("good")),
    graded(entry("bad_1", "q1", "mistake"), "public/a.py::test_a", "hidden/c.py::test_c", named=("mistake",)),
    graded(entry("bad_2", "q2"), "public/b.py::test_b"),
]


def page(findings: Findings) -> str:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_findings(findings, console)
    return console.export_text()


def test_sound_gallery():
    findings = Findings(tuple(SOUND))
    assert findings.sound
    assert findings.idle == []
    assert "1 right submission and 2 wrong ones" in page(findings)
    assert "exact names: 1 of 1 labelled mistakes (100.0 %)" in page(findings)


@pytest.mark.parametrize(
    ("surprise", "where", "said"),
    [
        (graded(entry("pity"), "public/b.py::test_b"), "rejected", "why public/b.py::test_b"),
        (graded(entry("sly", "q1", "mistake")), "accepted", "q1: What sly is."),
        (graded(entry("both", "q1"), "public/a.py::test_a", "public/b.py::test_b"), "spilled", "loses 2 in 1 test"),
        (
            graded(entry("other", "q1", "mistake"), "public/a.py::test_a", named=("mistake", "another")),
            "misnamed",
            "is mistake, named mistake, another",
        ),
    ],
)
def test_each_surprise_is_found(surprise, where, said):
    findings = Findings((*SOUND, surprise))
    assert not findings.sound
    found = {name: getattr(findings, name) for name in ("rejected", "accepted", "spilled", "misnamed")}
    assert {name for name, rows in found.items() if rows} == {where}
    assert found[where] == [surprise]
    text = page(findings)
    assert surprise.entry.name in text
    assert said in text
    assert "needs work" in text


def test_idle_tests_and_unnamed_mistakes_are_no_fault():
    [good, first, _] = SOUND
    silent = graded(entry("quiet", "q1", "mistake"), "public/a.py::test_a")
    findings = Findings((good, first, silent))
    assert findings.sound
    assert [outcome.id for outcome in findings.idle] == ["public/b.py::test_b"]
    assert findings.unnamed == [silent]
    assert "public/b.py::test_b" in page(findings)
    assert "exact names: 1 of 2" in page(findings)


def test_deferred_test_is_not_idle():
    outcomes = [
        dataclasses.replace(o, outcome="deferred", possible=0.0, points=0.0) if o.question == "q2" else o
        for o in SOUND[1].outcomes
    ]
    deferred = Graded(SOUND[1].entry, tuple(outcomes))
    assert Findings((deferred,)).idle == []


SMALL = {
    "right/not_so_right.py": '"""A right one that is not: no ReLU at the end."""\n',
    "wrong/q2_not_wrong.py": '"""A wrong one that is right."""\n# question: q2\n',
    "wrong/q1_mislabelled.py": '"""Not what it says."""\n# question: q1\n# misconception: no_shortcut_add\n',
    "wrong/q3_elsewhere.py": '"""The mistake is in another question."""\n# question: q3\n',
}
BODY = """
class BasicBlock(BasicBlock):
    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(out)) + self.shortcut(x)
"""


def test_unsound_gallery_ends_with_status_1(tmp_path, monkeypatch):
    """The command itself, on entries that are all in the wrong place."""
    for name, text in SMALL.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + ("\nx = 1\n" if "not_wrong" in name else BODY))
    monkeypatch.setenv("COLUMNS", "120")
    process = run("validate", "--gallery", tmp_path, "--jobs", "2")
    assert process.exit_code == 1, process.stderr
    lines = [line.strip() for line in process.stdout.splitlines()]
    assert "1  right submissions below full marks" in lines
    assert "2  wrong submissions at full marks in their question" in lines
    assert "1  wrong submissions that lose points in another question" in lines
    assert "1  diagnoses that name the wrong mistake" in lines
    assert any("named missing_last_relu" in line for line in lines)
    process = run("validate", "q1_mislabelled", "--gallery", tmp_path)
    assert process.exit_code == 1, process.stderr
    assert "0 right submissions and 1 wrong one graded" in process.stdout
    assert "wrong/q1_mislabelled  loses " in process.stdout
    assert "tests that no entry fails" not in process.stdout
    process = run("validate", "q1_mislabeled", "--gallery", tmp_path)
    assert process.exit_code == 1
    assert "there is no entry q1_mislabeled; did you mean q1_mislabelled?" in process.stderr


def test_folder_that_is_no_gallery(tmp_path):
    process = run("validate", "--gallery", tmp_path)
    assert process.exit_code == 1
    assert "no gallery here" in process.stderr


PARTS = 40


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, PARTS))])
def test_real_gallery_is_sound(part):
    """As `python -m autograder validate` grades it; a part takes some 15 seconds."""
    findings = examine(load_gallery(GALLERY)[part::PARTS], jobs=2)
    assert findings.sound, page(findings)
    assert {g.entry.question for g in findings.wrong} >= {"q1", "q2", "q3"}
