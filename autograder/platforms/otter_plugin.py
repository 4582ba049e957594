"""Otter's plugin: `otter run` grades through it, and `otter assign` validates the master with it.

Otter runs a kernel over the submission and then the tests inside that kernel. Here the kernel gets an empty
notebook, the submission is graded by `Grader` in Otter's parent process, and the result takes the place of what the
kernel reports.
"""

import functools
import shutil
import traceback
from pathlib import Path
from typing import Any

import nbformat
from otter.plugins import AbstractOtterPlugin
from otter.test_files import GradingResults, OttrTestFile, TestCase
from otter.test_files.abstract_test import TestCaseResult

from autograder.grading.capacity import complain_about_memory
from autograder.grading.charge import is_charge, is_charged_by_mistake
from autograder.grading.result import Result
from autograder.platforms.deferred import add_deferred
from autograder.platforms.gradescope import results_json
from autograder.report.derived import charged, earned
from autograder.sandbox.launcher import Zygote
from autograder.student.message import as_text
from autograder.submission.sanitize import sanitize
from autograder.suite.outcome import Outcome

SET_ASIDE = "set_aside"
"""Folder beside Otter's `submission/` that takes what the student submitted."""


class ResNetPlugin(AbstractOtterPlugin):
    """Grades the submission before Otter starts its kernel, and reports that grade afterwards."""

    def before_grading(self, config: Any) -> None:
        """Grade, then leave nothing of the student's where the kernel starts: a planted module would run there."""
        submission = Path(self.submission_path)
        aside = _set_aside(submission)
        self.show_hidden, self.grade, self.failure = config.show_hidden, None, None
        try:
            self.grade = add_deferred(grade_twice(aside), aside.parent / "source")
        except Exception as error:  # no score is made up where the grader itself fails
            self.failure = error
            traceback.print_exc()

    def before_execution(self, submission: Any) -> Any:
        """Give the kernel nothing to execute."""
        return nbformat.v4.new_notebook(metadata=submission.get("metadata", {}))

    def after_grading(self, results: GradingResults) -> None:
        """Replace what the kernel reported by the grade."""
        results._catastrophic_error = self.failure
        results.notebook = None
        if self.grade is not None:
            results.results = {file.name: file for file in as_test_files(self.grade)}
            # Otter's own results.json has one entry a question, and counts hidden points in what students see.
            results.to_gradescope_dict = functools.partial(_gradescope_dict, self.grade, self.show_hidden)

    def generate_report(self) -> str:
        """What the TA sees on the terminal: the losing checks with their messages."""
        return "The grader failed; see the traceback above." if self.grade is None else report(self.grade)


def grade_twice(folder: Path) -> Result:
    """Grade what one student handed in; where the grader fails, once more with a fresh sandbox.

    Raises:
        Exception: the grader failed again.
    """
    if complaint := complain_about_memory():  # what ends the container leaves no other word
        print(complaint, flush=True)
    try:
        return _grade(folder)
    except Exception:
        traceback.print_exc()
    return _grade(folder)


def _grade(folder: Path) -> Result:
    with Zygote() as zygote:  # imports PyTorch while this process does
        from autograder.grading.grade import Grader

        with Grader(zygote=zygote) as grader:
            return grader.grade(folder)


def _gradescope_dict(grade: Result, show_hidden: bool, _config: Any) -> dict[str, Any]:
    return results_json(grade, show_hidden)


def report(grade: Result) -> str:
    """A grade as plain text for the TA: the score, then every check that lost points and why."""
    name = sanitize(grade.file or grade.submission, one_line=True)
    lines = [f"{name}: {grade.score:g} of {grade.possible:g} points, {grade.status}"]
    deferred = [outcome for outcome in grade.tests if outcome.outcome == "deferred"]
    if deferred:
        lines.append(f"Deferred, not part of this score: {'; '.join(outcome.title for outcome in deferred)}")
    lines += [*grade.problems, *(f"Note: {note}" for note in grade.notes)]
    for outcome in grade.tests:
        if outcome.points < outcome.possible or is_charge(outcome):
            what = charged(outcome) if is_charge(outcome) else f"{outcome.outcome}: {outcome.title} ({earned(outcome)})"
            lines.append(f"\n{outcome.question} {what}")
            lines += [f"    {line}" for line in as_text(outcome.message).splitlines()]
    return "\n".join(lines)


def as_test_files(grade: Result) -> list[OttrTestFile]:
    """A grade in Otter's words, one test file a question.

    `OttrTestFile` is Otter's own class for results that were made elsewhere: `otter grade` unpickles it on the TA's
    machine, where this package need not be installed.
    """
    return [_test_file(question, grade.of_question(question)) for question in grade.questions]


def _test_file(question: str, outcomes: list[Outcome]) -> OttrTestFile:
    cases = [
        TestCase(name, "", o.hidden, o.possible, as_text(o.message) if o.outcome == "deferred" else None, None)
        for o, name in ((o, charged(o) if is_charge(o) else o.title) for o in outcomes)
    ]
    file = OttrTestFile(question, f"{question}.py", cases, all_or_nothing=False)
    file.test_case_results = [
        TestCaseResult(case, f"{_state(o)}\n{as_text(o.message)}".strip(), not o.failed)
        for case, o in zip(cases, outcomes, strict=True)
    ]
    file.update_score(sum(o.points for o in outcomes))
    return file


def _state(outcome: Outcome) -> str:
    if is_charged_by_mistake(outcome):
        return f"{outcome.outcome} because of a mistake, and not charged by itself"
    return f"{outcome.outcome} ({earned(outcome)})"


def _set_aside(submission: Path) -> Path:
    """Move all of Otter's `submission/` but its `tests/` away and return the folder where it lies now."""
    folder = submission.parent.parent / SET_ASIDE
    folder.mkdir(mode=0o700)
    for entry in submission.parent.iterdir():
        if entry.name != "tests":
            shutil.move(entry, folder / entry.name)
    blank = nbformat.writes(nbformat.v4.new_notebook()) if submission.suffix == ".ipynb" else "\n"
    submission.write_text(blank)
    return folder
