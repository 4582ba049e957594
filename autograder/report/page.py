"""report.html: one file that explains every score, opened from disk without network."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from autograder.contract import POINTS
from autograder.report.classwide import overview
from autograder.report.facts import STATUSES, Grade, in_words, labels
from autograder.report.sheet import arrange
from autograder.report.text import count, number, visible, write_in_one_step

HERE = Path(__file__).parent


def write_html(grades: list[Grade], path: Path) -> None:
    """Write the page; submissions come in the order of their names."""
    named = sorted(zip(labels(grades), grades, strict=True), key=lambda pair: (pair[0].casefold(), pair[0]))
    grades = [grade for _, grade in named]
    style, script = (Markup((HERE / name).read_text(encoding="utf-8")) for name in ("report.css", "report.js"))
    facts = overview(grades)
    html = (
        _environment()
        .get_template("report.html.jinja")
        .render(
            overview=facts,
            anchors={mistake.name: mistake.anchor for mistake in facts.mistakes},
            sheets=[arrange(grade, label, f"s{index}") for index, (label, grade) in enumerate(named, 1)],
            statuses=STATUSES,
            full_points=sum(POINTS.values()),
            style=style,
            script=script,
            policy=_policy(style, script),
        )
    )
    write_in_one_step(path, html)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(number=number, in_words=in_words)
    environment.globals.update(count=count)
    return environment


def _shown(value: Any) -> Any:
    """Every text on the page comes through here, so none can carry what a reader cannot see."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _policy(style: str, script: str) -> str:
    """A content security policy: nothing is loaded from anywhere, and only our own style and script count."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
