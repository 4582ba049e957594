"""What the notebook imports: `grader.check("q1")` shows every check with its title and, if it fails, why."""

import sys
from html import escape
from pathlib import Path
from typing import Any

import otter
from otter.check.logs import EventType
from otter.check.utils import LoggedEventReturnValue, logs_event
from otter.test_files.abstract_test import TestCase, TestCaseResult, TestFile

from autograder.contract import POINTS, QUESTIONS
from autograder.student.local import LocalStudent
from autograder.suite.outcome import Outcome
from autograder.suite.run import run_suite

PUBLIC = Path(__file__).resolve().parent.parent / "tests" / "public"
MARKS = {"passed": "✓", "deferred": "…"}  # anything else is a ✗; a word always stands beside the mark


class CheckFailed(Exception):
    """Some checks of a question do not pass; `str()` is the whole result as text."""


class CheckResult(TestFile):
    """The public checks of one question, shown as a table in a notebook and as text elsewhere."""

    def __init__(self, question: str, outcomes: list[Outcome]):
        cases = [TestCase(o.title, None, False, o.possible, None, None) for o in outcomes]
        super().__init__(question, str(PUBLIC), cases, all_or_nothing=False)
        self.outcomes = outcomes
        self.test_case_results = [
            TestCaseResult(case, o.message or "passed", o.outcome in ("passed", "deferred"))
            for case, o in zip(cases, outcomes, strict=True)
        ]

    @property
    def headline(self) -> str:
        """Points of the checks that ran here, in one line."""
        earned, possible = sum(o.points for o in self.outcomes), sum(o.possible for o in self.outcomes)
        line = f"{self.name} {QUESTIONS[self.name]}: {earned:g} of {possible:g} points of the public checks"
        return line if earned < possible else f"{line} - all passed"

    @property
    def outlook(self) -> str:
        """What the public checks do not tell."""
        rest = POINTS[self.name] - sum(o.possible for o in self.outcomes)
        return f"{rest:g} more points are judged by checks that only graders have." if rest else ""

    def summary(self, public_only: bool = False) -> str:
        """The result as text; all checks are public here."""
        lines = [self.headline]
        for o in self.outcomes:
            lines.append(f"  {MARKS.get(o.outcome, '✗')} {o.outcome:<8} {o.points:g}/{o.possible:g}  {o.title}")
            lines += [f"        {line}" for line in o.message.splitlines()]
        return "\n".join([*lines, self.outlook]).rstrip()

    def _repr_html_(self) -> str:
        rows = "".join(self._row(o) for o in self.outcomes)
        table = f'<table style="text-align:left;border-collapse:collapse">{rows}</table>'
        return f"<p><strong>{escape(self.headline)}</strong></p>{table}<p>{escape(self.outlook)}</p>"

    @staticmethod
    def _row(o: Outcome) -> str:
        # currentColor follows the notebook's theme; blue and orange stay apart for colour-blind readers.
        color = {"passed": "#2a7ab9", "deferred": "inherit"}.get(o.outcome, "#c2570c")
        cell = 'style="text-align:left;vertical-align:top;padding:3px 10px;border-top:1px solid #8884"'
        message = f'<pre style="white-space:pre-wrap;margin:4px 0">{escape(o.message)}</pre>' if o.message else ""
        return (
            f'<tr><td {cell}><strong style="color:{color}">{MARKS.get(o.outcome, "✗")} {o.outcome}</strong></td>'
            f"<td {cell}>{o.points:g}/{o.possible:g}</td><td {cell}>{escape(o.title)}{message}</td></tr>"
        )


class Notebook(otter.Notebook):
    """Otter's notebook API; only `check` is ours, because its result shows each check on its own."""

    @logs_event(EventType.CHECK)
    def check(self, question: str, global_env: dict[str, Any] | None = None) -> LoggedEventReturnValue[CheckResult]:
        """Run the public checks of a question, "q1" to "q4", on the classes that the notebook holds now."""
        env = _live_namespace() if global_env is None else global_env
        return LoggedEventReturnValue(run_checks(question, env), question=question, shelve_env=env)


def run_checks(question: str, env: dict[str, Any]) -> CheckResult:
    """Run the public checks of `question` on the classes in `env`.

    Raises:
        ValueError: there is no such question.
    """
    if question not in QUESTIONS:
        raise ValueError(f"there is no question {question!r}; the questions are {', '.join(QUESTIONS)}")
    return CheckResult(question, run_suite(LocalStudent(env), [PUBLIC], only=[question], quiet=False))


def check_question(question: str, env: dict[str, Any]) -> None:
    """What the notebook's Otter tests call, so that a plain `otter.Notebook` works too.

    Raises:
        CheckFailed: with the result as text, when a check does not pass.
    """
    result = run_checks(question, env)
    if not result.passed_all:
        raise CheckFailed("\n" + result.summary())


def _live_namespace() -> dict[str, Any]:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell.user_ns if shell else vars(sys.modules["__main__"])
