"""Grade a class and watch it: `python -m benchmarks.whole_class [--submissions 300] [--jobs 2] [--out DIR]`.

The class is made of the gallery: 65 % right entries, 35 % wrong ones, and no two files alike, so that nothing is judged
once for several. It is graded with `python -m autograder grade`. Printed are seconds and processor seconds, and the
memory of the whole tree of processes and of the largest process, at the start and at the end. DIR gets a picture of the
memory over time. With --each, submissions are graded one by one in this process, and the processor seconds of single
right and wrong ones are printed.

Memory is counted as PSS: a page that several processes share is shared out among them.
"""

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import torch

from autograder.grading.grade import Grader
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import Entry, complete
from autograder.maintain.samples import entries
from benchmarks.given_path import given_path
from benchmarks.processor import processor_seconds

RIGHT_SHARE = 0.65
SECONDS_BETWEEN_LOOKS = 1.0
HEAD = """
| graded | time | each | processor, each | tree, start | end | most | largest process, start | end |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |""".strip()
END = 0.1
"""Share of the time that counts as the start, after the processes have started, and as the end."""


class Look(NamedTuple):
    """What a tree of processes has and has used, at one moment: memory in megabytes, processor seconds of all."""

    seconds: float
    by_process: dict[int, float]
    processor: float

    @property
    def tree(self) -> float:
        """Of all processes together."""
        return sum(self.by_process.values())


def write_class(folder: Path, count: int, seed: int = 0) -> dict[str, Entry]:
    """Write `count` different submissions into an empty folder; returns their entries by file name."""
    generator = random.Random(seed)
    right = [entry for entry in entries().values() if entry.right]
    wrong = [entry for entry in entries().values() if not entry.right]
    number_right = round(RIGHT_SHARE * count)
    chosen = _in_turn(right, number_right, generator) + _in_turn(wrong, count - number_right, generator)
    generator.shuffle(chosen)
    folder.mkdir(parents=True)
    written = {}
    for number, entry in enumerate(chosen):
        name = f"student{number:04}.py"
        source = f"{complete(entry, solved_source())}\n\nSTUDENT = {number}\n"
        (folder / name).write_text(source, encoding="utf-8")
        written[name] = entry
    return written


def _in_turn(some: Sequence[Entry], count: int, generator: random.Random) -> list[Entry]:
    """Each entry as often as the others."""
    chosen: list[Entry] = []
    while len(chosen) < count:
        chosen += generator.sample(some, len(some))
    return chosen[:count]


def watch(command: Sequence[str | Path]) -> list[Look]:
    """Run a command, and look at its processes every second; the last look is the end.

    Raises:
        RuntimeError: it failed.
    """
    start, looks = time.perf_counter(), [Look(0.0, {}, 0.0)]
    with tempfile.TemporaryFile() as errors:  # a pipe that nobody reads would stop the command when it is full
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            looks.append(_look(process.pid, time.perf_counter() - start))
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(errors.read().decode(errors="replace").strip()[-300:])
    return looks


def _look(pid: int, seconds: float) -> Look:
    """Look at a process and those under it; one that ends meanwhile is left out.

    Processes that have ended are counted by those that started them, which live until the class is graded: the server
    that grading processes are forked from is never waited for, so the command itself does not know what they used.
    """
    memory, processor = {}, 0.0
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return Look(seconds, {}, 0.0)
    for process in tree:
        try:
            processor += sum(process.cpu_times()[:4])  # its own, and its children's
            memory[process.pid] = process.memory_full_info().pss / 1e6
        except (psutil.Error, OSError):
            continue
    return Look(seconds, memory, processor)


def start_and_end(values: Sequence[float]) -> tuple[float, float]:
    """The medians of the second tenth, when all processes are at work, and of the last tenth but one."""
    tenth = max(1, int(len(values) * END))
    return statistics.median(values[tenth : 2 * tenth]), statistics.median(values[-2 * tenth : -tenth or None])


def draw(looks: Sequence[Look], title: str, file: Path) -> None:
    """A picture of the memory over time: the whole tree, and each process that lives longer than most."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([look.seconds for look in looks], [look.tree for look in looks], color="black", label="all processes")
    lasting = [pid for pid in {p for look in looks for p in look.by_process} if _lasts(pid, looks)]
    for pid in sorted(lasting):
        pairs = [(look.seconds, look.by_process[pid]) for look in looks if pid in look.by_process]
        axes.plot(*zip(*pairs, strict=True), linewidth=1)
    axes.set(xlabel="seconds", ylabel="memory in MB (PSS)", title=title, ylim=(0, None))
    axes.legend(frameon=False)
    figure.savefig(file, dpi=120)


def _lasts(pid: int, looks: Sequence[Look]) -> bool:
    return sum(pid in look.by_process for look in looks) > len(looks) / 2


def grade_whole(count: int, jobs: int, folder: Path) -> None:
    """Grade a class as one command; prints and draws."""
    write_class(folder / "class", count)
    arguments = ("grade", folder / "class", "--out", folder / "results", "--jobs", str(jobs))
    looks = watch((sys.executable, "-m", "autograder", *arguments))
    seconds, processor = looks[-1].seconds, max(look.processor for look in looks)
    graded = len(list((folder / "results").glob("student*.json")))
    tree = start_and_end([look.tree for look in looks])
    largest = start_and_end([max(look.by_process.values(), default=0.0) for look in looks])
    print(
        f"| {graded} | {seconds:.0f} s | {seconds / graded:.2f} s | {processor / graded:.2f} s | {tree[0]:.0f} | "
        f"{tree[1]:.0f} | {max(look.tree for look in looks):.0f} | {largest[0]:.0f} | {largest[1]:.0f} |",
        flush=True,
    )
    draw(looks, f"{graded} submissions, {jobs} at once", folder / "memory.png")


def grade_each(count: int, folder: Path) -> None:
    """Grade submissions one by one; prints the processor seconds of single ones."""
    torch.set_num_threads(1)
    written = write_class(folder / "class", count)
    cost: dict[bool, list[tuple[float, str]]] = {True: [], False: []}
    with Grader() as grader:
        grader.grade(folder / "class" / next(iter(written)))  # what is made once
        for name, entry in written.items():
            before = processor_seconds()
            grader.grade(folder / "class" / name)
            cost[entry.right].append((processor_seconds() - before, entry.name))
    print("| submissions | number | median | most |\n| --- | --- | --- | --- |")
    for right, some in cost.items():
        if some:
            most, name = max(some)
            middle = statistics.median(seconds for seconds, _ in some)
            kind = "right" if right else "wrong"
            print(f"| {kind} | {len(some)} | {middle:.2f} s | {most:.2f} s ({name}) |")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole_class", description=__doc__.split("\n")[0])
    parser.add_argument("--submissions", type=int, nargs="+", default=[300], metavar="N", help="sizes of classes (300)")
    parser.add_argument("--jobs", type=int, default=2, help="submissions at once (2)")
    parser.add_argument(
        "--each", action="store_true", help="grade one by one, for the processor seconds of single ones"
    )
    parser.add_argument("--out", type=given_path, help="an empty folder for classes, results and pictures")
    given = parser.parse_args(arguments)
    if min(given.submissions) < 1 or given.jobs < 1:
        parser.error("--submissions and --jobs must be at least 1")
    if given.out and given.out.exists() and any(given.out.iterdir()):
        parser.error(f"{given.out} is not empty")
    folder = given.out or Path(tempfile.mkdtemp(prefix="class-"))
    try:
        if not given.each:
            print(HEAD, flush=True)
        for count in given.submissions:
            if given.each:
                grade_each(count, folder / str(count))
            else:
                grade_whole(count, given.jobs, folder / str(count))
    finally:
        if given.out is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
