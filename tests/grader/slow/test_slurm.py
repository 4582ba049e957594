"""A class over two tasks of a real Slurm, one of them requeued in the middle: the same results as on one machine."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from tests.grader.conftest import ROOT, run
from tests.grader.one_node_slurm import NoSlurm, install, one_node_slurm

pytest.importorskip("submitit", reason="submitit is not installed: pip install submitit")
SIZE = 60
COMMAND = (sys.executable, "-m", "autograder", "grade", "--only", "q1")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    try:
        install()
        with one_node_slurm(tmp_path_factory.mktemp("slurm")) as variables:
            yield variables
    except NoSlurm as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def submissions(tmp_path_factory) -> Path:
    """Right and wrong ones, all different."""
    folder = tmp_path_factory.mktemp("class")
    gallery = entries()
    texts = [solved_source(), complete(gallery["q1_conv_bias"], solved_source()), "x = 1"]
    for number in range(SIZE):
        (folder / f"student{number:02d}.py").write_text(f"{texts[number % 3]}\n# {number}\n")
    return folder


def results(out: Path) -> dict[str, dict]:
    """The results but for what depends on the time."""
    found = {}
    for path in out.glob("*.json"):
        result = json.loads(path.read_text())
        del result["seconds"], result["grader"]["when"]
        found[path.stem] = result
    return found


def task_ids(variables: dict[str, str]) -> list[str]:
    """The running tasks."""
    command = ["squeue", "--noheader", "--format=%i", "--states=RUNNING"]
    said = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    return said.stdout.split()


def test_a_requeued_class_has_the_results_of_one_machine(slurm, submissions, tmp_path):
    alone, cluster = tmp_path / "alone", tmp_path / "cluster"
    process = run(*COMMAND, submissions, "--out", alone, "--jobs", "2")
    assert process.returncode == 0, process.stderr
    cluster.mkdir()
    (cluster / "grading.key").write_bytes((alone / "grading.key").read_bytes())

    grading = subprocess.Popen(
        [*map(str, COMMAND), submissions, "--out", cluster, "--slurm", "partition=cpu,array=2,minutes=30"],
        cwd=ROOT,
        env={**os.environ, **slurm},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 400
    while len(list(cluster.glob("*.json"))) < SIZE // 6:
        assert grading.poll() is None, grading.stdout.read()
        assert time.monotonic() < deadline, (cluster / ".grading.slurm").exists()
        time.sleep(0.2)
    running = task_ids(slurm)
    assert running
    subprocess.run(["scontrol", "requeue", running[0]], env={**os.environ, **slurm}, check=True)
    at_requeue = {path.name: path.stat().st_mtime_ns for path in cluster.glob("*.json")}
    assert len(at_requeue) < SIZE, "it is over before anything was requeued"
    said, _ = grading.communicate(timeout=580)
    assert grading.returncode == 0, said
    kept = {path.name: path.stat().st_mtime_ns for path in cluster.glob("*.json")}
    assert kept.items() >= at_requeue.items(), "a result was made twice"
    assert results(cluster) == results(alone)
    assert len(results(cluster)) == SIZE
    assert f"{SIZE} submissions" in said


def test_a_task_that_is_cancelled_is_named_and_the_next_run_goes_on(slurm, submissions, tmp_path):
    out = tmp_path / "out"
    command = [*map(str, COMMAND), *sorted(map(str, submissions.glob("*0.py"))), "--out", str(out)]
    command += ["--slurm", "partition=cpu"]
    grading = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **slurm}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 200
    while not (running := task_ids(slurm)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    subprocess.run(["scancel", running[0]], env={**os.environ, **slurm}, check=True)
    said, _ = grading.communicate(timeout=200)
    assert grading.returncode == 1
    assert "its task ended without a result" in said
    process = run(*command, **slurm)
    assert process.returncode == 0, process.stdout + process.stderr
    assert len(results(out)) == 6


def test_a_partition_that_is_not_there_is_said_in_one_line(slurm, submissions, tmp_path):
    process = run(*COMMAND, submissions, "--out", tmp_path / "out", "--slurm", "partition=nowhere", **slurm)
    assert process.returncode == 1
    (line,) = [line for line in process.stderr.splitlines() if line.startswith("Error")]
    assert "Slurm takes no job" in line
