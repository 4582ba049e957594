"""What grading one submission costs: `python -m benchmarks.grade_one`.

Measures, in one run on one machine:

- from a request to the first forward pass of a student's block, worker forked and confined on the way (median);
- the whole suite on the solution through the sandbox, with a zygote that is warm, as in a class of many: processor time
  of the grader and its workers together (one core, whatever else the machine does), and wall clock;
- the same as a command of its own, `python -m autograder grade`, start of Python and torch included;
- `otter run` of the same submission with dist/autograder.zip.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from autograder.grading.grade import ROOT, Grader
from autograder.maintain.build import build
from autograder.maintain.samples import write_samples
from autograder.sandbox.launcher import Zygote
from autograder.sandbox.remote_student import RemoteStudent
from autograder.submission import read_submission, slice_submission
from tests.grader.attacks import processes

RUNS, SUITE_RUNS = 15, 3


def first_forward(submission: Path) -> list[float]:
    """Seconds from a request to the first output of `BasicBlock(8, 8)`, for each of `RUNS` fresh workers."""
    slice_ = slice_submission(read_submission(submission))
    x = torch.randn(2, 8, 8, 8)
    seconds = []
    with Zygote() as zygote:
        for _ in range(RUNS + 1):
            start = time.perf_counter()
            with RemoteStudent(slice_, zygote=zygote) as student:
                student.BasicBlock(8, 8)(x)
                seconds.append(time.perf_counter() - start)
    return seconds[1:]  # the first one warms the page cache


def suite(submission: Path) -> tuple[list[float], float]:
    """Wall-clock seconds for the whole suite on one submission, zygote warm, and the processor time of one grading."""
    with Grader() as grader:
        grader.grade(submission)
        before = processor_seconds()
        seconds = [grader.grade(submission).seconds for _ in range(SUITE_RUNS)]
        used = processor_seconds() - before
    return seconds, used / SUITE_RUNS


def processor_seconds() -> float:
    """Of this process, its children, and theirs as far as they have been reaped: workers are, by their zygote."""
    own = time.process_time()
    ticks = os.sysconf("SC_CLK_TCK")
    for pid in processes(os.getpid()):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own += sum(map(int, fields[11:15])) / ticks  # utime, stime, cutime, cstime
    return own


def command(*words: str | Path) -> tuple[float, float]:
    """Seconds for a command, from its start to its end, and its processor time."""
    start, before = time.perf_counter(), os.times()
    subprocess.run([str(word) for word in words], check=True, capture_output=True)
    seconds, after = time.perf_counter() - start, os.times()
    user, system = (getattr(after, name) - getattr(before, name) for name in ("children_user", "children_system"))
    return seconds, user + system


def main() -> None:
    """Measure and print."""
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
