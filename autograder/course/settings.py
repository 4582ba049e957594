"""`course.toml`: what a teaching assistant sets for a course."""

import math
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from autograder.contract import POINTS, QUESTIONS, Problem
from autograder.course.rubric import Price, Rubric, standard_rubric
from autograder.course.toml_file import TomlError, line_of, parse_toml

FILE = "course.toml"
ROOT = Path(__file__).resolve().parents[2]


class CourseProblem(Problem):
    """course.toml cannot be used; `str()` is one line that names file and line."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Late(_Table):
    """What a late submission loses.

    Args:
        percent_per_day: for each day begun after the deadline.
        of: percent of the points "possible", or of those "earned".
        grace_minutes: so much later is not late yet.
        at_most_percent: more is never lost.
        days_if_unknown: for files that the platform marks as late without saying by how much, as Canvas does.
    """

    percent_per_day: float = Field(default=0, ge=0, le=100)
    of: Literal["possible", "earned"] = "possible"
    grace_minutes: float = Field(default=0, ge=0)
    at_most_percent: float = Field(default=100, ge=0, le=100)
    days_if_unknown: int = Field(default=1, ge=0, le=366)


class MinimumAccuracy(_Table):
    """The accuracy, from 0 to 1, that a trained network must reach in question 4.

    Args:
        full: with the budget for a GPU.
        short: with the budget for a CPU.
    """

    full: float = Field(default=0.85, gt=0, lt=1)
    short: float = Field(default=0.41, gt=0, lt=1)


class Course(_Table):
    """All settings; without a file, the defaults.

    Args:
        hidden_checks: what students see of hidden checks: "nothing", their "points", or "messages" as well.
        names: whether reports show the names of students; otherwise only their keys.
        name_mistakes: whether the notebook's checks name mistakes; otherwise the students' zip is built without that.
        prices: of kinds of mistakes and of single ones, where they are not those of `rubric.toml`.
    """

    course: str = ""
    term: str = ""
    deadline: datetime | None = None
    names: bool = True
    name_mistakes: bool = True
    hidden_checks: Literal["nothing", "points", "messages"] = "points"
    points: dict[str, float] = POINTS
    minimum_accuracy: MinimumAccuracy = MinimumAccuracy()
    late: Late = Late()
    prices: dict[str, Price] = {}

    @field_validator("deadline")
    @classmethod
    def _needs_zone(cls, deadline: datetime | None) -> datetime | None:
        if deadline is not None and deadline.tzinfo is None:
            raise ValueError("needs its time zone, as in 2026-12-01T23:59:00+01:00")
        return deadline

    @field_validator("points")
    @classmethod
    def _known_questions(cls, points: dict[str, float]) -> dict[str, float]:
        if points.keys() != QUESTIONS.keys():
            raise ValueError(f"the questions are {', '.join(QUESTIONS)}")
        return points

    @field_validator("prices", mode="before")
    @classmethod
    def _known_mistakes(cls, prices: object) -> object:
        if isinstance(prices, dict):
            standard_rubric().change(prices)
        return prices

    @property
    def rubric(self) -> Rubric:
        """What a named mistake costs in this course."""
        return standard_rubric().change(self.prices)

    def days_late(self, submitted: str, late: bool) -> int:
        """Days begun after the deadline; `late` is the platform's mark for a file without a time."""
        try:
            when = datetime.fromisoformat(submitted)
        except ValueError:  # there is none, or a person changed the result
            when = None
        if self.deadline is None or when is None:
            return self.late.days_if_unknown if late else 0
        when = when if when.tzinfo else when.replace(tzinfo=self.deadline.tzinfo)
        seconds = (when - self.deadline).total_seconds() - 60 * self.late.grace_minutes
        return math.ceil(seconds / 86400) if seconds > 0 else 0

    def late_points(self, score: float, possible: float, days: int) -> float:
        """The points that a submission loses because it is so many days late; never more than it has."""
        percent = min(self.late.percent_per_day * days, self.late.at_most_percent)
        return min(score, (possible if self.late.of == "possible" else score) * percent / 100)


def load_course(root: Path = ROOT) -> Course:
    """Read `course.toml` in this folder; the defaults where there is none.

    Raises:
        CourseProblem: the file cannot be read, or a setting is wrong.
    """
    path = root / FILE
    try:
        return parse_course(path.read_text(encoding="utf-8-sig"), path)
    except FileNotFoundError:
        return Course()
    except (OSError, UnicodeDecodeError) as error:
        raise CourseProblem(f"{path}: cannot be read: {error}") from None


def parse_course(text: str, path: Path = Path(FILE)) -> Course:
    """Read the text of `course.toml`; see `load_course`."""
    try:
        return Course.model_validate(parse_toml(text))
    except TomlError as error:
        raise CourseProblem(f"{path}:{error.line}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        loc = tuple(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            said = f"no such setting; there are {', '.join(_siblings(loc))}"
        if loc == ("prices",) and first["type"] == "value_error":
            name, _, said = said.partition(": ")
            loc = (*loc, name)
        raise CourseProblem(f"{path}:{line_of(text, loc)}: {'.'.join(loc)}: {said}") from None


def _siblings(loc: tuple[str, ...]) -> list[str]:
    model: Any = Course
    for part in loc[:-1]:
        model = model.model_fields[part].annotation
    return list(model.model_fields)
