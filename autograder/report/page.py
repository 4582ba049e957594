"""report.html: one file that explains every score, opened from disk without network."""

import base64
import gzip
import hashlib
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from autograder.contract import POINTS
from autograder.course.origin import Origin, Student
from autograder.course.settings import Course
from autograder.grading.result import Result
from autograder.report.anonymous import without_names
from autograder.report.class_view import overview
from autograder.report.derived import STATUSES, in_words, labels, title_of
from autograder.report.submission_view import arrange
from autograder.report.text import count, local_time, number
from autograder.submission.atomic_write import atomic_write
from autograder.submission.sanitize import sanitize
from autograder.suite.markup import as_html

HERE = Path(__file__).parent
NO_COURSE = Course()
LARGEST_PLAIN = 60
"""A page of more submissions holds their explanations compressed: a browser reads only those that are opened."""
CHUNK = 20
"""Explanations that are compressed together: they have much in common."""


def write_html(
    grades: list[Result],
    path: Path,
    missing: Sequence[Student] = (),
    course: Course = NO_COURSE,
    anonymous: bool = False,
) -> None:
    """Write the page; submissions come in the order of their names.

    Args:
        missing: students who handed in nothing.
        course: its title, and whether names are shown.
        anonymous: to show in class: numbers in place of names, in an order that says nothing, and no code of students.
    """
    if anonymous:
        grades, missing = [without_names(grade) for grade in sorted(grades, key=lambda grade: grade.sha256)], ()
        names = [f"Submission {number}" for number in range(1, len(grades) + 1)]
    else:
        names = labels(grades) if course.names else [grade.name for grade in grades]
    if not course.names:
        grades = [grade.model_copy(update={"origin": _without_students(grade.origin)}) for grade in grades]
        missing = [Student(id=student.id or student.email) for student in missing]
    named = list(zip(names, grades, strict=True))
    if not anonymous:
        named.sort(key=lambda pair: (unicodedata.normalize("NFKD", pair[0].casefold()), pair[0]))  # Ç with C
    grades = [grade for _, grade in named]
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    called = " ".join(filter(None, (course.course, course.term)))
    facts = overview(grades)
    anchors = {mistake.name: mistake.anchor for mistake in facts.mistakes}
    sheets = [arrange(grade, label, f"s{index}", anonymous) for index, (label, grade) in enumerate(named, 1)]
    jinja = environment()
    template = jinja.get_template("sheet.html.jinja")
    bodies = {sheet.anchor: Markup(template.render(sheet=sheet, anchors=anchors)) for sheet in sheets}
    packed, chunks = _pack(bodies) if len(sheets) > LARGEST_PLAIN else ({}, [])
    html = jinja.get_template("report.html.jinja").render(
        title=f"Class report: {called}" if called else "Class report",
        overview=facts,
        anchors=anchors,
        sheets=sheets,
        bodies=bodies,
        packed=packed,
        chunks=chunks,
        missing=missing,
        course=course,
        statuses=STATUSES,
        full_points=sum(POINTS.values()),
        **policy(style, script),
    )
    atomic_write(path, html)


def _without_students(origin: Origin) -> Origin:
    return origin.model_copy(update={"students": ()})


def _pack(bodies: dict[str, Markup]) -> tuple[dict[str, str], list[str]]:
    """Compress the explanations; returns for each anchor its chunk and place, and the chunks."""
    anchors = list(bodies)
    places = {anchor: f"{index // CHUNK}/{index % CHUNK}" for index, anchor in enumerate(anchors)}
    chunks = [[bodies[anchor] for anchor in anchors[start : start + CHUNK]] for start in range(0, len(anchors), CHUNK)]
    return places, [base64.b64encode(gzip.compress(json.dumps(chunk).encode(), mtime=0)).decode() for chunk in chunks]


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
    made.filters.update(number=number, in_words=in_words, title_of=title_of, local_time=local_time, code=_code)
    made.globals.update(count=count)
    return made


def _sanitize(value: Any) -> Any:
    """Sanitize every text that the template shows."""
    return sanitize(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _code(text: str) -> Markup:
    """What stands between backticks as code."""
    return Markup(as_html(sanitize(text)))


def policy(style: str, script: str) -> dict[str, str]:
    """What a page needs: style, script, and a content security policy: nothing else runs, nothing is loaded."""
    scripts = _hash(script) if script else "'none'"
    said = f"default-src 'none'; style-src {_hash(style)}; script-src {scripts}; base-uri 'none'; form-action 'none'"
    return {"style": Markup(style), "script": Markup(script), "policy": said}


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
