"""Result files in, checked, so that nothing later has to."""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.contract import QUESTIONS
from autograder.report.facts import OUTCOMES, STATUSES
from autograder.report.text import one_line
from autograder.student.message import Message


class ResultsError(Exception):
    """No report can be written; `str()` is one line for each file that is in the way."""


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Read every `<name>.json` in `folder`, in the order of the names.

    Each grade gets one more key, "result": the file's stem, which tells two submissions with the same file name apart.

    Raises:
        ResultsError: there are no result files, or some are broken (all of those are named).
    """
    paths = sorted(folder.glob("*.json"), key=lambda path: (path.name.casefold(), path.name))
    if not paths:
        raise ResultsError(f"{folder}: no result files here; `python -m autograder grade` writes them")
    grades: list[dict[str, Any]] = []
    broken: list[str] = []
    for path in paths:
        try:
            grades.append(_read(path))
        except ResultsError as error:
            broken.append(str(error))
    if broken:
        raise ResultsError("\n".join(broken))
    return grades


def _read(path: Path) -> dict[str, Any]:
    where = one_line(str(path))
    try:
        grade = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"{where}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise ResultsError(f"{where}: not valid JSON; delete it and grade that submission again") from None
    if wrong := next(_faults(grade), None):
        raise ResultsError(f"{where}: not a result of `grade`: {wrong}")
    return {"isolation": [], "problems": [], **grade, "result": path.stem}


def _faults(grade: Any) -> Iterator[str]:
    """What keeps a value from being a grade, the first fault first; later ones may depend on it."""
    if not isinstance(grade, dict):
        yield "it is no JSON object"
        return
    yield from _wrong_types(grade, texts=("submission", "sha256", "status"), numbers=("score", "possible", "seconds"))
    yield from _wrong_lists(grade, ("isolation", "problems"))
    if grade["status"] not in STATUSES:
        yield f'"status" is {grade["status"]!r}, not one of {", ".join(STATUSES)}'
    yield from _wrong_questions(grade.get("questions"))
    if grade.get("training") is not None:
        yield from _wrong_training(grade["training"])
    if not isinstance(grade.get("tests"), list):
        yield '"tests" is missing or no list'
        return
    for index, test in enumerate(grade["tests"]):
        for fault in _wrong_test(test, grade["questions"]):
            yield f"tests[{index}]: {fault}"


def _wrong_training(training: Any) -> Iterator[str]:
    if not isinstance(training, dict) or not isinstance(training.get("trained"), bool):
        yield '"training" does not say whether the network was "trained"'
        return
    measured = ("accuracy", "seconds") if training["trained"] else ()
    yield from _wrong_types(training, texts=("note",), numbers=("threshold", *measured))


def _wrong_questions(questions: Any) -> Iterator[str]:
    if not isinstance(questions, dict):
        yield '"questions" is missing or no object'
        return
    for name, scores in questions.items():
        if name not in QUESTIONS or not isinstance(scores, dict):
            yield f'"questions" holds {name!r}; the questions are {", ".join(QUESTIONS)}'
            return
        yield from _wrong_types(scores, numbers=("score", "possible"))


def _wrong_test(test: Any, questions: dict[str, Any]) -> Iterator[str]:
    if not isinstance(test, dict):
        yield "it is no JSON object"
        return
    texts = ("id", "question", "title", "outcome")
    yield from _wrong_types(test, texts=texts, numbers=("points", "possible", "cases", "failed_cases"))
    yield from _wrong_message(test.get("message"))
    yield from _wrong_lists(test, ("mistakes",))
    if test["question"] not in questions:
        yield f'its question {test["question"]!r} is not among "questions"'
    if test["outcome"] not in OUTCOMES:
        yield f'"outcome" is {test["outcome"]!r}, not one of {", ".join(OUTCOMES)}'
    if not isinstance(test.get("hidden"), bool):
        yield '"hidden" is missing or neither true nor false'


def _wrong_message(message: Any) -> Iterator[str]:
    parts = tuple(field.name for field in dataclasses.fields(Message))
    if not isinstance(message, dict) or message.keys() != set(parts):
        yield f'"message" is no object with {", ".join(parts)}'
    else:
        yield from _wrong_types(message, texts=parts)


def _wrong_types(values: dict[str, Any], texts: tuple[str, ...] = (), numbers: tuple[str, ...] = ()) -> Iterator[str]:
    for key in texts:
        if not isinstance(values.get(key), str):
            yield f'"{key}" is missing or no text'
    for key in numbers:
        value = values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            yield f'"{key}" is missing or no number'


def _wrong_lists(values: dict[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        value = values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            yield f'"{key}" is no list of texts'
