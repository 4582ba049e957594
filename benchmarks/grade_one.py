"""Measure the cost of grading one submission: `python -m benchmarks.grade_one`.

In one run on one machine:

- the time from a request to the first forward pass of a student's block, including the start of a worker (median);
- the whole suite on the solution in the sandbox, with a running zygote: processor time of the grader and its workers,
  which does not depend on the load of the machine, and wall-clock time;
- the same as a command, `python -m autograder grade`, including the start of Python and torch;
- `otter run` of the same submission with dist/autograder.zip.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from autograder.grading.grade import ROOT, Grader
from autograder.maintain.build import build
from autograder.maintain.samples import write_samples
from autograder.sandbox.launcher import Zygote
from autograder.sandbox.remote_student import RemoteStudent
from autograder.submission import read_submission, slice_submission
from benchmarks.processor import processor_seconds

RUNS, SUITE_RUNS = 15, 3


def first_forward(submission: Path) -> list[float]:
    """Seconds from a request to the first output of `BasicBlock(8, 8)`, for each of `RUNS` new workers."""
    slice_ = slice_submission(read_submission(submission))
    x = torch.randn(2, 8, 8, 8)
    seconds = []
    with Zygote() as zygote:
        for _ in range(RUNS + 1):
            start = time.perf_counter()
            with RemoteStudent(slice_, zygote=zygote) as student:
                student.BasicBlock(8, 8)(x)
                seconds.append(time.perf_counter() - start)
    return seconds[1:]  # the first one fills the page cache


def suite(submission: Path) -> tuple[list[float], float]:
    """Wall-clock seconds of each run of the suite on one submission, and the mean processor time."""
    with Grader() as grader:
        grader.grade(submission)
        before = processor_seconds()
        seconds = [grader.grade(submission).seconds for _ in range(SUITE_RUNS)]
        used = processor_seconds() - before
    return seconds, used / SUITE_RUNS


def command(*words: str | Path) -> tuple[float, float]:
    """Wall-clock and processor seconds of a command."""
    start, before = time.perf_counter(), os.times()
    subprocess.run([str(word) for word in words], check=True, capture_output=True)
    seconds, after = time.perf_counter() - start, os.times()
    user, system = (getattr(after, name) - getattr(before, name) for name in ("children_user", "children_system"))
    return seconds, user + system


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grade_one", description=__doc__.split(":")[0])
    parser.parse_args(arguments)
    torch.set_num_threads(1)
    if not (ROOT / "dist" / "autograder.zip").exists():
        build(validate=False)
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; idle is best")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_samples(folder / "samples")
        solution = folder / "samples" / "solution.ipynb"
        forward = statistics.median(first_forward(solution))
        seconds, processor = suite(solution)
        grading = statistics.median(seconds)
        alone, _ = command(
            sys.executable, "-m", "autograder", "grade", solution, "--out", folder / "out", "--jobs", "1"
        )
        otter, otter_processor = command(
            *(Path(sys.executable).parent / "otter", "run", solution),
            *("-a", ROOT / "dist" / "autograder.zip", "-o", folder),
        )
    print(f"request to first forward, median of {RUNS}   {forward * 1000:8.0f} ms   (at most 100 ms)")
    print(f"whole suite on the solution, processor time  {processor:8.2f} s    (at most 4 s of one core)")
    print(f"whole suite on the solution, median of {SUITE_RUNS}     {grading:8.2f} s")
    print(f"`autograder grade` as a command of its own   {alone:8.2f} s")
    print(f"`otter run` of the same submission           {otter:8.2f} s")
    print(f"the same, processor time                     {otter_processor:8.2f} s")
    ratios = f"{grading / otter:8.2f}      (at most 0.20); by processor time {processor / otter_processor:.2f}"
    print(f"suite / otter run                            {ratios}")


if __name__ == "__main__":
    main()
