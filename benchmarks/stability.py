"""Check that no score depends on the seed: `python -m benchmarks.stability [--right N] [--wrong N] [--entries K]`.

The solution is graded N times, each time with other weights and inputs. It must never lose a point. Each wrong entry of
the gallery is graded with the tests of its question. It must lose points every time. Failures are printed with their
seed, and the exit status is 1. The defaults are 200 and 20 times and every entry: about 15 minutes of one core.

Each entry has a process of its own, as in `validate`, for what it leaves in memory.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from autograder.grading.grade import SUITE
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import Entry, complete, load_gallery
from autograder.maintain.gallery_runner import in_fresh_process
from autograder.maintain.samples import GALLERY
from autograder.student.local import LocalStudent
from autograder.student.message import as_text
from autograder.suite.run import run_suite

STRIDE = 7919
"""Seeds are multiples of it, so that runs of different lengths share their first seeds."""


def student_of(source: str, folder: Path) -> LocalStudent:
    """Return the classes of a submission, executed in this process."""
    path = folder / "submission.py"
    path.write_text(source, encoding="utf-8")
    return LocalStudent.from_file(path)


def unfair(times: int, folder: Path) -> list[str]:
    """Grade the solution; return one line for each test that loses points."""
    lines = []
    for seed in range(0, times * STRIDE, STRIDE):
        for outcome in run_suite(student_of(solved_source(), folder), SUITE, seed=seed):
            if outcome.points < outcome.possible:
                lines.append(
                    f"seed {seed}: the solution fails {outcome.id}: {as_text(outcome.message).splitlines()[0]}"
                )
    return lines


def missed(entry: Entry, times: int, folder: Path) -> list[str]:
    """Grade a wrong entry; return one line for each seed with which it loses no points in its question."""
    lines = []
    source = complete(entry, solved_source())
    for seed in range(0, times * STRIDE, STRIDE):
        outcomes = run_suite(student_of(source, folder), SUITE, only=[entry.question], seed=seed, until_failure=True)
        if all(outcome.points == outcome.possible for outcome in outcomes):
            lines.append(f"seed {seed}: {entry.name} loses nothing in {entry.question}")
    return lines


def main() -> None:
    """Grade with many seeds, and print what depends on them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--right", type=int, default=200, help="number of seeds for the solution")
    parser.add_argument("--wrong", type=int, default=20, help="number of seeds for each wrong entry")
    parser.add_argument("--entries", type=int, help="number of wrong entries, spread over the gallery")
    options = parser.parse_args()
    entries = [entry for entry in load_gallery(GALLERY) if not entry.right]
    if options.entries:
        entries = entries[:: max(1, len(entries) // options.entries)]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lines = in_fresh_process("the solution", unfair, options.right, folder, seconds=60 + 10 * options.right)
        print(f"solution graded {options.right} times: {len(lines)} lost tests, {time.perf_counter() - start:.0f} s")
        for number, entry in enumerate(entries, 1):
            lines += in_fresh_process(entry.name, missed, entry, options.wrong, folder, seconds=60 + 10 * options.wrong)
            if number % 50 == 0:
                print(f"{number} of {len(entries)} wrong entries, {time.perf_counter() - start:.0f} s", flush=True)
    for line in lines:
        print(line)
    print(f"{len(entries)} wrong entries graded {options.wrong} times each; {time.perf_counter() - start:.0f} s in all")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
