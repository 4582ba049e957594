"""Otter's grading events mapped onto `grade`.

Otter runs a kernel over the submission and then the tests inside that kernel. Here the kernel gets an empty
notebook, the submission is graded by `grade_submission` in Otter's parent process, and the result takes the place of
what the kernel reports.
"""

import json
import shutil
import traceback
from pathlib import Path
from typing import Any

import nbformat
from otter.plugins import AbstractOtterPlugin
from otter.test_files import GradingResults, OttrTestFile, TestCase
from otter.test_files.abstract_test import TestCaseResult

from autograder.contract import POINTS
from autograder.grading.grade import Grade, Grader
from autograder.student.message import as_text
from autograder.suite.outcome import Outcome

SHIPPED = "shipped"
"""Folder beside Otter's `submission/` that takes what the student shipped."""

_chosen: Path | None = None
"""The submission, when `run_container` has set it aside already."""


class ResNetPlugin(AbstractOtterPlugin):
    """Grades the submission before Otter starts its kernel, and reports that grade afterwards."""

    def before_grading(self, config: Any) -> None:
        """Grade, then leave nothing of the student's where the kernel starts: a planted module would run there."""
        submission = Path(self.submission_path)
        original = _set_aside(submission)
        try:
            with Grader() as grader:
                self.grade = grader.grade(original)
        except Exception:
            # A mistake of ours must not cost the student the result file, nor pass for a score.
            self.grade = None
            traceback.print_exc()

    def before_execution(self, submission: Any) -> Any:
        """Give the kernel nothing to execute."""
        return nbformat.v4.new_notebook(metadata=submission.get("metadata", {}))

    def after_grading(self, results: GradingResults) -> None:
        """Replace what the kernel reported by the grade."""
        results._catastrophic_error = None
        results.notebook = None
        if self.grade is None:
            results.set_output(
                "The autograder failed on this submission. Your instructor can see why and run it again."
            )
            results.results = {question: _failed_file(question) for question in POINTS}
            return
        results.results = {q: _as_test_file(q, self.grade.of_question(q)) for q in self.grade.to_json()["questions"]}
        results.set_output(_headline(self.grade))

    def generate_report(self) -> str:
        """What the TA sees on the terminal: the losing checks with their messages."""
        return "The grader failed; see the traceback above." if self.grade is None else report(self.grade)


def report(grade: Grade) -> str:
    """A grade as plain text: the headline, then every check that lost points and why."""
    lines = [_headline(grade)]
    for outcome in grade.outcomes:
        if outcome.points < outcome.possible:
            lines.append(f"\n{outcome.question} {outcome.outcome}: {outcome.title} (0/{outcome.possible:g})")
            lines += [f"    {line}" for line in as_text(outcome.message).splitlines()]
    return "\n".join(lines)


def _headline(grade: Grade) -> str:
    lines = [f"{grade.submission}: {grade.score:g} of {grade.possible:g} points, {grade.status}"]
    deferred = [outcome for outcome in grade.outcomes if outcome.outcome == "deferred"]
    if deferred:
        lines.append(f"Deferred, not part of this score: {'; '.join(outcome.title for outcome in deferred)}")
    return "\n".join([*lines, *grade.problems])


def _as_test_file(question: str, outcomes: list[Outcome]) -> OttrTestFile:
    # OttrTestFile is Otter's own class for results that were made elsewhere: any host can unpickle it.
    cases = [TestCase(o.title, "", o.hidden, o.possible, None, None) for o in outcomes]
    file = OttrTestFile(question, f"{question}.py", cases, all_or_nothing=False)
    file.test_case_results = [
        TestCaseResult(case, f"{o.outcome} ({o.points:g}/{o.possible:g})\n{as_text(o.message)}".strip(), _not_lost(o))
        for case, o in zip(cases, outcomes, strict=True)
    ]
    return file


def _not_lost(outcome: Outcome) -> bool:
    return outcome.outcome in ("passed", "deferred")


def _failed_file(question: str) -> OttrTestFile:
    case = TestCase("autograder failure", "", False, POINTS[question], None, None)
    file = OttrTestFile(question, f"{question}.py", [case], all_or_nothing=False)
    file.test_case_results = [TestCaseResult(case, "not graded: the autograder failed", False)]
    return file


def _set_aside(submission: Path) -> Path:
    """Move all of Otter's `submission/` but its `tests/` away and return where the submission lies now."""
    if _chosen is not None:
        return _chosen
    shipped = submission.parent.parent / SHIPPED
    _move_all(submission.parent, shipped, keep="tests")
    _write_blank(submission)
    return shipped / submission.name


def _move_all(folder: Path, to: Path, keep: str = "") -> None:
    to.mkdir(mode=0o700)
    for entry in folder.iterdir():
        if entry.name != keep:
            shutil.move(entry, to / entry.name)


def _write_blank(path: Path) -> None:
    path.write_text(nbformat.writes(nbformat.v4.new_notebook()) if path.suffix == ".ipynb" else "\n")


def run_container(autograder_dir: Path) -> None:
    """Grade in Otter's container layout (Gradescope, `otter grade`); the `run_otter.py` of the zip calls this.

    Otter reads the submission before it asks any plugin, and stops without a result file when that fails. So the
    submission is set aside first and Otter gets a blank notebook; the plugin grades the original.
    """
    from otter.run.run_autograder import main

    metadata = autograder_dir / "submission_metadata.json"
    if not metadata.exists() or not metadata.read_text().strip():
        metadata.write_text("{}")
    folder, shipped = autograder_dir / "submission", autograder_dir / SHIPPED
    if shipped.exists():
        shutil.rmtree(shipped)
    name = _choose(folder)
    _move_all(folder, shipped)
    _write_blank(folder / "resnet.ipynb")
    global _chosen
    _chosen = shipped / name
    results = autograder_dir / "results" / "results.json"
    try:
        main(str(autograder_dir))
    finally:
        if not results.exists():
            failure = {
                "name": "Autograder",
                "status": "failed",
                "output": "The autograder failed; ask your instructor.",
            }
            results.write_text(json.dumps({"score": 0, "tests": [failure]}))


def _choose(folder: Path) -> str:
    """Name of the file to grade: notebook before script before zip, `resnet.*` before others."""
    names = sorted((p.name for p in folder.iterdir() if p.name != "__init__.py"), key=lambda n: (n[:7] != "resnet.", n))
    of_suffix = [name for suffix in (".ipynb", ".py", ".zip") for name in names if name.endswith(suffix)]
    return (of_suffix or names or ["(nothing was submitted)"])[0]
