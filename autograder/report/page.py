"""report.html: one file that explains every score, opened from disk without network."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from autograder.contract import POINTS
from autograder.course.origin import Student
from autograder.course.settings import Course
from autograder.grading.result import Result
from autograder.report.class_view import overview
from autograder.report.derived import STATUSES, in_words, labels
from autograder.report.submission_view import arrange
from autograder.report.text import count, number
from autograder.submission.atomic_write import atomic_write
from autograder.submission.sanitize import sanitize

HERE = Path(__file__).parent
NO_COURSE = Course()


def write_html(grades: list[Result], path: Path, missing: Sequence[Student] = (), course: Course = NO_COURSE) -> None:
    """Write the page; submissions come in the order of their names.

    Args:
        missing: students who handed in nothing.
        course: its title, and whether names are shown.
    """
    named = sorted(zip(labels(grades), grades, strict=True), key=lambda pair: (pair[0].casefold(), pair[0]))
    grades = [grade for _, grade in named]
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    facts = overview(grades)
    html = (
        environment()
        .get_template("report.html.jinja")
        .render(
            overview=facts,
            anchors={mistake.name: mistake.anchor for mistake in facts.mistakes},
            sheets=[arrange(grade, label, f"s{index}") for index, (label, grade) in enumerate(named, 1)],
            missing=missing,
            course=course,
            statuses=STATUSES,
            full_points=sum(POINTS.values()),
            **policy(style, script),
        )
    )
    atomic_write(path, html)


def environment() -> Environment:
    """Jinja for the templates of this folder: every text is escaped and sanitized."""
    made = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_sanitize,
    )
    made.filters.update(number=number, in_words=in_words)
    made.globals.update(count=count)
    return made


def _sanitize(value: Any) -> Any:
    """Sanitize every text that the template shows."""
    return sanitize(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def policy(style: str, script: str) -> dict[str, str]:
    """What a page needs: style, script, and a content security policy: nothing else runs, nothing is loaded."""
    scripts = _hash(script) if script else "'none'"
    said = f"default-src 'none'; style-src {_hash(style)}; script-src {scripts}; base-uri 'none'; form-action 'none'"
    return {"style": Markup(style), "script": Markup(script), "policy": said}


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
