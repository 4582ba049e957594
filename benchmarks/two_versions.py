"""Compare what grading costs in two versions: `python -m benchmarks.two_versions COMMIT [--right 7] [--wrong 10]`.

A machine is now faster and now slower, so that seconds of two runs cannot be compared. Here the version at COMMIT and
the files as they are take turns with each submission, and the least of several runs counts. Submissions are entries of
the gallery, drawn with a fixed seed; those that either version gives another score are named.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from autograder.grading.grade import ROOT
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from benchmarks.processor import processor_seconds

GRADE = """
import sys
from pathlib import Path
import torch
from autograder.grading.grade import Grader

torch.set_num_threads(1)
with Grader() as grader:
    for line in sys.stdin:
        print(grader.grade(Path(line.strip())).score, flush=True)
"""
HEAD = """
| submissions | number | processor seconds, before | now | ratio |
| --- | --- | --- | --- | --- |""".strip()


class Version:
    """A process that grades with the files in `root`; end it with `close`."""

    def __init__(self, root: Path):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([sys.executable, "-c", GRADE], cwd=root, **pipes)

    def grade(self, submission: Path) -> tuple[float, str]:
        """The processor seconds that it took, and the score.

        Raises:
            RuntimeError: this version cannot grade it; what it says is on the terminal.
        """
        before = processor_seconds(self._process.pid)
        self._process.stdin.write(f"{submission}\n")
        self._process.stdin.flush()
        if not (score := self._process.stdout.readline().strip()):
            raise RuntimeError(f"{submission.name} could not be graded")
        return processor_seconds(self._process.pid) - before, score

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A folder with the files of a commit; raises `RuntimeError` where there is no such commit."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "before"
        _git("worktree", "add", "--quiet", "--detach", str(root), commit)
        try:
            yield root
        finally:
            _git("worktree", "remove", "--force", str(root))


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())


def compare(before: Version, now: Version, submissions: Sequence[Path], runs: int) -> tuple[float, float]:
    """Mean processor seconds of a submission in either version, the least of several runs; names other scores."""
    sums = [0.0, 0.0]
    for submission in submissions:
        seconds: list[list[float]] = [[], []]
        for turn in range(runs):
            scores = {}
            for which in (0, 1) if turn % 2 else (1, 0):
                used, scores[which] = (before, now)[which].grade(submission)
                seconds[which].append(used)
        sums = [total + min(some) for total, some in zip(sums, seconds, strict=True)]
        if scores[0] != scores[1]:
            print(f"{submission.stem}: {scores[0]} points before, {scores[1]} now", file=sys.stderr)
    return sums[0] / len(submissions), sums[1] / len(submissions)


def _compare_samples(before: Version, now: Version, folder: Path, counts: Mapping[bool, int], runs: int) -> None:
    """Write so many right and wrong submissions into a folder, and print what they cost."""
    solution, generator = folder / "solution.py", random.Random(0)
    solution.write_text(solved_source(), encoding="utf-8")
    for version in (before, now):
        version.grade(solution)  # what is made once
    print(HEAD, flush=True)
    for right, count in counts.items():
        some = [entry for entry in entries().values() if entry.right == right]
        files = {folder / f"{entry.name}.py": entry for entry in generator.sample(some, min(count, len(some)))}
        for file, entry in files.items():
            file.write_text(complete(entry, solved_source()), encoding="utf-8")
        if files:
            old, new = compare(before, now, [*files], runs)
            kind = "right" if right else "wrong"
            print(f"| {kind} | {len(files)} | {old:.2f} | {new:.2f} | {new / old:.2f} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_versions", description=__doc__.split("\n")[0])
    parser.add_argument("commit", help="the version before, such as HEAD~3")
    parser.add_argument("--right", type=int, default=7, help="number of right submissions (7)")
    parser.add_argument("--wrong", type=int, default=10, help="number of wrong submissions (10)")
    parser.add_argument("--runs", type=int, default=2, help="of each submission in each version (2)")
    given = parser.parse_args(arguments)
    if min(given.right, given.wrong) < 0 or not given.right + given.wrong or given.runs < 1:
        parser.error("--right and --wrong must be at least 0, and one of them and --runs at least 1")
    try:
        with (
            checkout(given.commit) as root,
            tempfile.TemporaryDirectory() as folder,
            closing(Version(root)) as before,
            closing(Version(ROOT)) as now,
        ):
            _compare_samples(before, now, Path(folder), {True: given.right, False: given.wrong}, given.runs)
    except RuntimeError as error:
        print(f"nothing was compared: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
