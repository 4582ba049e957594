"""`otter grade` in real containers under Docker's default seccomp profile; minutes, and an engine is needed.

pytest tests/grader/slow/test_otter_docker.py -s
"""

import csv
import sys
from pathlib import Path

import pytest

from tests.grader import docker_engine
from tests.grader.conftest import run
from tests.grader.test_otter_grade import assert_points, expected, submissions  # noqa: F401  (fixtures)


@pytest.fixture(scope="module")
def docker(tmp_path_factory):
    """An engine with a base image for `otter grade --image`; yields its environment."""
    if reason := docker_engine.missing():
        pytest.skip(f"no Docker engine: {reason}")
    folder = tmp_path_factory.mktemp("docker")
    with docker_engine.engine(folder) as environment:
        docker_engine.import_base("base", folder, environment)
        yield environment


@pytest.mark.parametrize("ext", ["ipynb", "zip"])
def test_points_are_those_of_grade(ext, docker, submissions, built, expected, tmp_path):  # noqa: F811
    otter = Path(sys.executable).parent / "otter"
    autograder = built / "dist" / "autograder.zip"
    command = (otter, "grade", "-n", "resnet", "-a", autograder, "--image", "base", "--ext", ext, "--containers", "1")
    process = run(*command, "-vv", "-o", tmp_path, submissions, cwd=tmp_path, **docker)
    assert process.returncode == 0, process.stderr[-5000:]
    check = run(
        sys.executable, "-m", "autograder", "otter-check", tmp_path, "--submissions", submissions / f"stubs.{ext}"
    )
    assert check.returncode == 0, check.stderr + process.stdout[-5000:] + process.stderr[-5000:]
    with (tmp_path / "final_grades.csv").open(newline="") as file:
        maximum, *rows = csv.DictReader(file)
    assert len(rows) == 3
    assert_points(maximum, rows, expected)
