"""The result of one submission: in memory, and in its JSON file.

`docs/result.schema.json` is the schema of the file; `python -m autograder.grading.result` writes it.
"""

import json
import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from autograder.contract import QUESTIONS, Problem
from autograder.course.corrections import Adjustment
from autograder.course.origin import Origin
from autograder.course.rubric import Rubric
from autograder.grading.charge import charge
from autograder.grading.provenance import Provenance, provenance
from autograder.submission.atomic_write import atomic_write
from autograder.suite.cap import apply_cap
from autograder.suite.outcome import WORST_FIRST, Outcome

SCHEMA_VERSION = 3
SCHEMA_FILE = Path(__file__).resolve().parents[2] / "docs" / "result.schema.json"
OTHER_VERSION = "a result of another version of the grader; grade again"

COST_NOTHING = "None of this cost points."
"""The last of the problems of a submission that has all points."""

Status = Literal["graded", "incomplete", "unreadable", "crashed", "grader_failed"]


class ResultError(Problem):
    """A file is not a result of this version of the grader; `str()` is one line that names file and field."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Score(_Model):
    """Points of one question."""

    score: float = Field(description="points earned")
    possible: float = Field(description="points that could be earned: deferred tests are left out")


class Training(_Model):
    """What the training of the student's network measured."""

    accuracy: float = Field(description="share of the held-out images that it classifies correctly, 0 to 1")
    threshold: float = Field(description="the accuracy that it must reach, 0 to 1")
    seconds: float = Field(description="wall clock of the training")
    recipe: str = Field(description='how it was trained, such as "1 epoch of 12,000 images"')
    note: str = Field(description='for whoever reads the result; "" when there is nothing to add')


class Result(_Model):
    """The result of one submission; made by `Result.of`, which adds up the points."""

    schema_version: Literal[2, 3] = Field(description="a file of version 2 has no prices of mistakes")
    submission: str = Field(description="name of the file or folder that was handed in")
    file: str = Field(default="", description='the file in it that was graded; "" if only one was handed in')
    sha256: str = Field(description="of what was handed in; a result of another file is not reused")
    suite: str = Field(description="version of the tests: a hash of both folders")
    status: Status = Field(
        description='"incomplete": names are missing, what exists is graded; "unreadable": no code could be read; '
        '"crashed": the code ended its process, or did not end, before the first test; "grader_failed": the grader '
        "failed, and not the submission; it decided no points and is run again"
    )
    score: float = Field(description="points earned")
    possible: float = Field(description="points that could be earned: deferred tests are left out")
    seconds: float = Field(description="wall clock of the grading")
    isolation: tuple[str, ...] = Field(description='what confined student code; "unsafe" where nothing was required')
    problems: tuple[str, ...] = Field(
        description="problems with the submission as a whole; the last line says so if they cost nothing"
    )
    grader: Provenance = Field(default_factory=provenance, description="which grader made it, where and when")
    origin: Origin = Field(default=Origin(), description="whose submission it is, and where it lay")
    notes: tuple[str, ...] = Field(default=(), description="for the teaching assistant; they cost no points")
    questions: dict[str, Score] = Field(description="points of each question that was judged")
    training: Training | None = Field(description="null where no training finished")
    tests: tuple[Outcome, ...] = Field(
        description="the outcome of each test, the price of each named mistake, and what a cap takes", repr=False
    )
    name: str = Field(default="", exclude=True, description="the file's name without .json; not part of the file")
    adjustment: Adjustment = Field(default=Adjustment(), exclude=True, description="made later; not part of the file")

    @classmethod
    def of(cls, tests: Iterable[Outcome], **fields: object) -> Self:
        """A result with these tests, the lines of questions that are capped, and the points that follow from them."""
        tests = tuple(apply_cap(tests))
        questions = {q: _add_up(t for t in tests if t.question == q) for q in QUESTIONS}
        judged = {test.question for test in tests}
        total = _add_up(tests)
        problems = [problem for problem in fields.pop("problems") if problem != COST_NOTHING]
        if problems and fields["status"] == "graded" and total.score == total.possible:
            problems.append(COST_NOTHING)
        return cls(
            schema_version=SCHEMA_VERSION,
            **fields,
            **total.model_dump(),
            problems=tuple(problems),
            questions={question: score for question, score in questions.items() if question in judged},
            tests=tests,
        )

    @classmethod
    def of_failure(cls, error: str, before: "Result | None", asked: Collection[str], **fields: object) -> Self:
        """The result of a submission on which the grader itself failed.

        Args:
            error: what went wrong, in a line.
            before: an earlier result of the same file and tests; its questions are kept.
            asked: but for these, which were to be judged.
        """
        tests = () if before is None else tuple(test for test in before.tests if test.question not in asked)
        problem = f"The grader failed, not the submission: {error}. No points were decided; run `grade` again."
        training = before.training if before is not None and "q4" not in asked else None
        unknown = {"file": "", "seconds": 0.0, "isolation": (), "problems": (problem,), "training": training}
        return cls.of(tests, **fields, **unknown, status="grader_failed")

    def replace_questions(self, before: "Result") -> "Result":
        """This result, with the questions that it did not judge from an earlier result of the same file and tests."""
        tests = [*(test for test in before.tests if test.question not in self.questions), *self.tests]
        tests.sort(key=lambda test: (test.hidden, list(QUESTIONS).index(test.question)))
        training = self.training if "q4" in self.questions else before.training
        return self.replace_tests(tests, training=training, seconds=before.seconds + self.seconds)

    def replace_tests(self, tests: Iterable[Outcome], **changes: object) -> "Result":
        """This result with other tests, the points that follow from them, and other changes."""
        derived = ("schema_version", "score", "possible", "questions", "tests")
        kept = {name: getattr(self, name) for name in Result.model_fields if name not in derived}
        return Result.of(tests, **(kept | changes))

    def charge_again(self, rubric: Rubric) -> "Result":
        """This result with today's prices of its mistakes; nothing is judged again."""
        tests = tuple(charge(self.tests, rubric))
        return self if tests == self.tests else self.replace_tests(tests)

    def of_question(self, question: str) -> list[Outcome]:
        """The outcomes of one question, in the order in which they ran."""
        return [test for test in self.tests if test.question == question]

    def to_json(self) -> str:
        """The text of the result file."""
        return self.model_dump_json(indent=1) + "\n"

    @model_validator(mode="after")
    def _check(self) -> Self:
        for index, test in enumerate(self.tests):
            if test.outcome not in WORST_FIRST:
                raise ValueError(f"tests[{index}].outcome: {test.outcome!r} is not one of {', '.join(WORST_FIRST)}")
            if test.question not in self.questions:
                raise ValueError(f"tests[{index}].question: {test.question!r} is not in questions")
        if unknown := self.questions.keys() - QUESTIONS.keys():
            raise ValueError(f"questions: {', '.join(sorted(unknown))}: the questions are {', '.join(QUESTIONS)}")
        for place, scores in {"": self, **{f"questions.{q}.": score for q, score in self.questions.items()}}.items():
            tests = self.tests if scores is self else self.of_question(place.split(".")[1])
            for field, expected in _add_up(tests).model_dump().items():
                if not math.isclose(getattr(scores, field), expected, abs_tol=1e-6):
                    raise ValueError(f"{place}{field}: is {getattr(scores, field)}, but its tests add up to {expected}")
        return self


def _add_up(tests: Iterable[Outcome]) -> Score:
    tests = tuple(tests)
    return Score(score=sum(test.points for test in tests), possible=sum(test.possible for test in tests))


def read_result(path: Path) -> Result:
    """Read and check a result file.

    Raises:
        OSError: it cannot be read.
        ResultError: it is not a result of this version.
    """
    try:
        result = Result.model_validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        raise ResultError(f"{path}: {_in_one_line(error)}") from None
    return result.model_copy(update={"name": path.stem})


def _in_one_line(error: ValidationError) -> str:
    errors = error.errors(include_url=False)
    if any(one["loc"] == ("schema_version",) for one in errors):
        return OTHER_VERSION
    first = errors[0]
    if first["type"] == "json_invalid":
        return "not valid JSON; delete it and grade that submission again"
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).removeprefix(".")
    said = first["msg"].removeprefix("Value error, ")
    return f"not a result of `grade`: {place}: {said}" if place else f"not a result of `grade`: {said}"


def schema() -> str:
    """The JSON Schema of a result file, as text."""
    found = Result.model_json_schema()
    del found["properties"]["name"], found["properties"]["adjustment"]
    del found["$defs"]["Adjustment"], found["$defs"]["Correction"]
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **found}, indent=2) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Write the schema."""
    import argparse

    description = f"Write the schema of result files, {SCHEMA_FILE.name}."
    argparse.ArgumentParser(prog="python -m autograder.grading.result", description=description).parse_args(arguments)
    atomic_write(SCHEMA_FILE, schema())
    print(f"wrote {SCHEMA_FILE}")


if __name__ == "__main__":
    main()
