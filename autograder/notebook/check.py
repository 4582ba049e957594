"""The notebook's `grader`: `grader.check("q1")` shows every check, `grader.export()` writes the zip to hand in."""

import sys
import traceback
from dataclasses import replace
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import otter
from IPython.display import display
from otter.check.logs import EventType
from otter.check.utils import IPythonInterpreter, LoggedEventReturnValue, logs_event, save_notebook

from autograder.contract import QUESTIONS, REQUIRED
from autograder.notebook.hints import Hint, make_hint
from autograder.notebook.patience import Patience
from autograder.notebook.preflight import inspect_file
from autograder.oracle import diagnosis_of
from autograder.student.local import LocalStudent
from autograder.student.message import Message
from autograder.submission import UnreadableSubmission
from autograder.submission.execute import in_notebook
from autograder.submission.exported import exported_name
from autograder.suite.markup import as_html
from autograder.suite.outcome import Outcome
from autograder.suite.plugin import every_case
from autograder.suite.run import run_suite
from autograder.suite.summary import Group, group_by_message, headline, mark, outlook, result_as_text

PUBLIC = Path(__file__).resolve().parents[2] / "tests" / "public"
BARS = {"passed": "#2a7ab9", "deferred": "#8a8f98"}
"""Colour of the bar beside a check; the others are orange. Colour-blind readers can tell blue from orange, and the text
has the page's own colour, so that it is readable in a light and in a dark theme."""
ORANGE = "#d9711c"
CELL = "text-align:left;vertical-align:top;padding:2px 12px"
COLAB = (
    "Colab keeps your notebook in your Drive, not in a folder here. Choose File > Download > Download .ipynb, and hand "
    "in that file."
)


class CheckFailed(Exception):
    """Some checks of a question do not pass; `str()` is the whole result as text."""


class NoSuchQuestion(ValueError):
    """A check or a hint was asked for without one of the questions; `str()` is one line."""


class CheckResult:
    """The public checks of one question, shown as a table in a notebook and as text elsewhere."""

    def __init__(self, question: str, outcomes: list[Outcome], diagnosis: Any = None):
        self.name, self.outcomes, self.diagnosis = question, outcomes, diagnosis

    @property
    def passed_all(self) -> bool:
        """Whether no check failed."""
        return not any(o.failed for o in self.outcomes)

    def __repr__(self) -> str:
        return result_as_text(self.name, self.outcomes)

    def _repr_html_(self) -> str:
        rows = "".join(_rows(group) for group in group_by_message(self.outcomes))
        return (
            f"<p><strong>{escape(headline(self.name, self.outcomes))}</strong></p>"
            f'<table style="border-collapse:collapse;margin:0"><thead><tr>{_heads()}</tr></thead>'
            f"<tbody>{rows}</tbody></table><p>{escape(outlook(self.name, self.outcomes))}</p>"
        )


def _heads() -> str:
    style = "text-align:left;padding:2px 12px"
    return "".join(f'<th scope="col" style="{style}">{word}</th>' for word in ("Result", "Points", "Check"))


def _rows(group: Group) -> str:
    colour = BARS.get(group.outcomes[0].outcome, ORANGE)
    rows = "".join(_row(o) for o in group.outcomes)
    if group.because:
        if len(group.outcomes) > 1:
            rows = "".join(_row(o) + _told(_parts(replace(o.message, mistake="", where=""))) for o in group.outcomes)
        folded = f'<details><summary style="cursor:pointer">{escape(group.because)}</summary>{_table(rows)}</details>'
        cell = f'<td colspan="3" style="{CELL};border-left:5px solid {colour}">'
        return f"<tr>{cell}{_parts(group.message)}{_paragraph(group.note)}{folded}</td></tr>"
    if group.message:
        rows += _told(f"{_parts(group.message)}{_paragraph(group.note)}", f";border-left:5px solid {colour}")
    return rows


def _told(said: str, bar: str = "") -> str:
    """What is said about the checks above."""
    return f'<tr><td style="{CELL}{bar}"></td><td style="{CELL};padding-bottom:10px" colspan="2">{said}</td></tr>'


def _row(o: Outcome) -> str:
    bar = f"border-left:5px solid {BARS.get(o.outcome, ORANGE)}"
    return (
        f'<tr><td style="{CELL};{bar};white-space:nowrap"><strong>{mark(o.outcome)} {o.outcome}</strong></td>'
        f'<td style="{CELL};white-space:nowrap">{o.points:g} of {o.possible:g}</td>'
        f'<td style="{CELL}">{as_html(o.title)}</td></tr>'
    )


def _table(rows: str) -> str:
    return f'<table style="border-collapse:collapse;margin:0">{rows}</table>'


def _parts(message: Message) -> str:
    """The parts of a message: paragraphs with their labels, and the student's own lines as code."""
    parts = [_paragraph(message.mistake, weight="bold")]
    parts += [_paragraph(text, label) for label, text in message.labelled]
    if message.where:
        parts.append(f'<pre style="white-space:pre-wrap;margin:4px 0;font-size:inherit">{escape(message.where)}</pre>')
    return "".join(parts)


def _paragraph(text: str, label: str = "", weight: str = "normal") -> str:
    if not text:
        return ""
    label = f"<strong>{label}:</strong> " if label else ""
    return f'<p style="margin:2px 0;white-space:pre-wrap;font-weight:{weight}">{label}{as_html(text)}</p>'


class Notebook(otter.Notebook):
    """Otter's notebook API, with a check that shows each test and an export that checks the saved file first.

    Args:
        nb_path: the notebook's file; where it does not exist, the only notebook of the folder.
    """

    def __init__(self, nb_path: str | None = None):
        found = nb_path if nb_path and Path(nb_path).is_file() else None
        super().__init__(found, tests_dir=str(PUBLIC))
        self._hints: dict[str, tuple[Any, int]] = {}
        _shorten_errors()

    @logs_event(EventType.CHECK)
    def check(
        self, question: str = "", global_env: dict[str, Any] | None = None
    ) -> LoggedEventReturnValue[CheckResult]:
        """Run the public checks of a question, "q1" to "q4", on the classes that the kernel holds now."""
        env = _live_namespace() if global_env is None else global_env
        return LoggedEventReturnValue(run_checks(question, env), question=question, shelve_env=env)

    def hint(self, question: str = "") -> Hint:
        """Say where and why the checks of a question fail; called again, show its steps with their shapes."""
        result = run_checks(question, _live_namespace())
        failing = [(o.title, o.mistakes) for o in result.outcomes if o.failed]
        before, number = self._hints.get(question, (None, 0))
        self._hints[question] = failing, number + 1 if failing == before else 1
        return make_hint(question, result.outcomes, result.diagnosis, self._hints[question][1])

    def check_all(self) -> None:
        """Show the result of every question."""
        for question in QUESTIONS:
            display(self.check(question))

    def export(
        self,
        nb_path: str | None = None,
        export_path: str | None = None,
        pdf: bool = False,
        anyway: bool = False,
        force_save: bool = False,
        **others: Any,
    ) -> None:
        """Print what the saved notebook will earn, and write the zip to hand in.

        The zip contains the saved file, so nothing is written while that differs from the code in the kernel.

        Args:
            nb_path: the notebook's file, where it is another one than this object's.
            export_path: the zip; the name of the notebook and the time when None.
            pdf: add a PDF of the notebook to the zip.
            anyway: write the zip although the file differs from the kernel.
            force_save: save the notebook first, where the browser lets a cell do that.
            others: what else `otter.Notebook.export` takes, such as `files`.
        """
        if type(self)._grading_mode:
            return
        if self.interpreter is IPythonInterpreter.COLAB:
            print(COLAB)
            return
        path = self._find_file(nb_path)
        if path is None:
            return
        if force_save and not save_notebook(str(path)):
            print("The notebook could not be saved from here. Save it (Ctrl+S), and run this cell again.")
        if self._may_write(path, anyway):
            export_path = export_path or exported_name(path.stem, datetime.now())
            super().export(str(path), export_path, pdf=pdf, **others)
            print(f"Hand in {export_path}")

    def _find_file(self, nb_path: str | None) -> Path | None:
        """The notebook's file, which may have got another name while the kernel ran; None, and a line, if not found."""
        expected = nb_path or self._notebook
        if expected and Path(expected).is_file():
            return Path(expected)
        found = sorted(Path().glob("*.ipynb"))
        if nb_path is None and len(found) == 1:
            if expected:
                print(f"{expected} is not here any more: this is {found[0]}.")
            return found[0]
        missing = f"{expected} is not in this folder. " if expected else ""
        names = f" Here are {', '.join(map(str, found))}." if found else ""
        print(f'{missing}Which file is this notebook? Write its name: grader.export("resnet.ipynb").{names}')
        return None

    def _may_write(self, path: Path, anyway: bool) -> bool:
        """Print warnings and the expected points of the file, and return whether to write the zip."""
        try:
            found = inspect_file(path, _live_namespace(), PUBLIC)
        except UnreadableSubmission as error:
            print(f"{error}\nSave the notebook, then run this cell again.")
            return False
        if warnings := found.warnings(path.name):
            print(f"{warnings}\n")
        if found.differs and not anyway:
            print(
                "Nothing was written. Save the notebook (Ctrl+S), run the cells that you changed, then run this cell "
                'again.\nIf this notebook has another name: grader.export("name.ipynb"). To hand in the saved file as '
                "it is: grader.export(anyway=True)."
            )
            return False
        print(found.forecast())
        return True


def run_checks(question: str, env: dict[str, Any]) -> CheckResult:
    """Run the public checks of `question` on the classes in `env`.

    Raises:
        NoSuchQuestion: as it says.
    """
    if question not in QUESTIONS:
        said = f"there is no question {question!r}" if question else "no question is named"
        raise NoSuchQuestion(f'{said}: write grader.check("q1"); the questions are {", ".join(QUESTIONS)}')
    hint = "run its cell, then check again"
    missing = {name: Message(got=f"`{name}` is not defined yet", hint=hint) for name in REQUIRED}
    student, found = LocalStudent(env, missing), {}

    def diagnose(student: Any, question: str) -> Any:
        found[question] = diagnosis_of(student, question)
        return found[question]

    outcomes = run_suite(
        student, [PUBLIC], only=[question], quiet=False, diagnose=diagnose, follow=every_case, tell=Patience()
    )
    return CheckResult(question, outcomes, found.get(question))


def check_question(question: str, env: dict[str, Any]) -> None:
    """Run the public checks; the notebook's Otter tests call this, so that a plain `otter.Notebook` works too.

    Raises:
        CheckFailed: with the result as text, when a check does not pass.
    """
    result = run_checks(question, env)
    if not result.passed_all:
        raise CheckFailed(f"\n{result!r}")


def _live_namespace() -> dict[str, Any]:
    shell = _shell()
    return shell.user_ns if shell else vars(sys.modules["__main__"])


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _shorten_errors() -> None:
    """Show a line or two, not a traceback, for a cell that runs into a stub or asks for a question that is none."""
    if shell := _shell():
        shell.set_custom_exc((NotImplementedError, NoSuchQuestion), _show_shortened)


def _show_shortened(shell: Any, kind: type, error: Exception, trace: Any, tb_offset: int | None = None) -> None:
    if isinstance(error, NoSuchQuestion):
        print(error, file=sys.stderr)
    elif in_notebook(traceback.extract_tb(trace)[-1].filename):
        print(f"Not implemented yet: {error}\nFill in that cell, run it, then run this one again.", file=sys.stderr)
    else:  # PyTorch raises it too
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
