"""Tests cannot tell where the student's code runs: in this process and behind the sandbox they find out the same."""

import dataclasses
import json
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import torch

from autograder.course.settings import load_course
from autograder.grading.charge import charge
from autograder.grading.grade import run_suite
from autograder.grading.results_folder import grading_key
from autograder.grading.seeds import SUITE, seed_of
from autograder.student.local import LocalStudent
from autograder.submission import UnreadableSubmission, fingerprint

NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")


def in_this_process(path: Path, key: bytes) -> list[dict] | None:
    """The outcomes of the whole suite with the code in the process of the tests; None where no code can be read."""
    torch.set_num_threads(1)
    try:
        student = LocalStudent.from_file(path)
    except UnreadableSubmission:
        return None
    outcomes = charge(run_suite(student, SUITE, seed=seed_of(fingerprint(path), key)), load_course().rubric)
    return [json.loads(json.dumps(dataclasses.asdict(outcome))) for outcome in outcomes]


@pytest.fixture(scope="module")
def local(samples, graded) -> dict[str, list[dict] | None]:
    """Every sample, by name; two at a time, each in a process that has seen no other."""
    arguments = graded[""].args
    key = grading_key(Path(arguments[arguments.index("--out") + 1]))
    paths = sorted(samples.iterdir())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context) as pool:
        found = pool.map(in_this_process, paths, [key] * len(paths))
        return dict(zip((path.name for path in paths), found, strict=True))


def words(message: dict[str, str]) -> dict[str, str]:
    """A message without its numbers."""
    return {part: NUMBER.sub("N", text) for part, text in message.items()}


@pytest.mark.slow
def test_outcome_by_outcome(local, graded):
    compared = 0
    for name, outcomes in local.items():
        behind = graded[name]
        if outcomes is None:
            assert behind["status"] == "unreadable"
            assert behind["score"] == 0
            continue
        assert [outcome["id"] for outcome in outcomes] == [test["id"] for test in behind["tests"]], name
        for here, there in zip(outcomes, behind["tests"], strict=True):
            # Weights that a student's constructor draws come from other generators: numbers may differ, words not.
            assert {**here, "message": ""} == {**there, "message": ""}, f"{name} {here['id']}"
            assert words(here["message"]) == words(there["message"]), f"{name} {here['id']}"
            compared += 1
    assert compared >= 15 * 20
