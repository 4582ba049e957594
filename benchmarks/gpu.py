"""What one machine, and its GPU, can do for the training check of question 4, measured in ten minutes.

    python -m benchmarks.gpu --data DIR --out DIR [--device cuda|cpu] [--budget full|short|tiny] [--minutes 9]
    python -m benchmarks.gpu --into-docs DIR

Run it from a checkout; nothing of it needs to be installed. It takes PyTorch, torchvision, NumPy, Pillow, safetensors
and psutil. `--data` is a folder with the official files of CIFAR-10, or an .npz of its images as JPEG files. Each part
is written to `gpu.json` and `gpu.md` in `--out` as soon as it is measured; a part for which there is no time left is
left out, and says so. `--into-docs` copies the table into docs/gpu.md.
"""

import argparse
import dataclasses
import json
import os
import platform
import re
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import torch

from autograder.sandbox.limits import TrainingLimits
from autograder.submission.atomic_write import atomic_write
from autograder.training.budgets import load_budget
from autograder.training.cifar10 import Cifar10, DataProblem
from autograder.training.heldout import Exam
from autograder.training.inside.fit import Progress, Recipe
from autograder.training.inside.shared_images import SharedImages
from autograder.training.retry import retry
from autograder.training.right_networks import PLAIN, network_slice
from autograder.training.slots import Slots
from autograder.training.train_confined import Trained, TrainingStopped, train_confined
from benchmarks import training_data
from benchmarks.given_path import given_path

DOCS = Path(__file__).resolve().parents[1] / "docs" / "gpu.md"
START, END = "<!-- gpu: written by benchmarks/gpu.py -->\n", "<!-- end of gpu -->\n"
SEEDS = 3
MOST_JOBS = 4
TFLOP_AN_EPOCH = 167
"""Forward and backward passes of ResNet-18 for 50,000 images of 32x32, 3 x 0.557 GMAC x 2 x 50,000; no optimizer."""
WRONG = """
def ResNet18():
    net = resnet18()
    for parameter in net[:-1].parameters():
        parameter.requires_grad_(False)
    return net
"""
"""Only the linear layer learns: a network that the check must tell from a right one."""


@dataclasses.dataclass
class Bench:
    """What is measured, and the rows that are known so far: (part, what, value)."""

    data: Cifar10
    data_name: str
    device: str
    recipe: Recipe
    out: Path
    end: float
    rows: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    figures: dict[str, object] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        self.images = SharedImages(self.data.train_images)
        self.seconds = 0.0  # of one training

    def train(
        self,
        source: str,
        seed: int,
        slot: AbstractContextManager | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> tuple[Trained, float]:
        """Train in a confined process, as a student's network is; returns what came of it, and the accuracy."""
        exam = Exam.draw(self.data, 2**64 + seed, self.recipe.heldout)
        trained = train_confined(
            network_slice(source),
            exam,
            self.recipe,
            device=self.device,
            seed=seed,
            limits=TrainingLimits(),
            want_state=False,
            progress=progress,
            slot=slot,
            images=self.images,
            unsafe=True,
        )
        return trained, exam.accuracy(trained.logits)

    def note(self, part: str, what: str, value: str, **figures: object) -> None:
        """Keep a row, and write everything that is known."""
        self.rows.append((part, what, value))
        self.figures |= figures
        print(f"{part}: {what}: {value}", flush=True)
        atomic_write(self.out / "gpu.json", json.dumps({"rows": self.rows, **self.figures}, indent=1) + "\n")
        atomic_write(self.out / "gpu.md", as_table(self.rows))

    def has_time_for(self, part: str, trainings: float) -> bool:
        """Whether so many trainings, one after the other, end in time; a row says so where they do not."""
        needed, left = trainings * self.seconds, self.end - time.monotonic()
        if needed > left:
            self.note(part, "left out", f"it needs about {needed:.0f} s, and {max(left, 0):.0f} s are left")
        return needed <= left


def describe_machine(bench: Bench) -> None:
    """Device, driver, versions, data, recipe."""
    rows = {"torch": torch.__version__, "Python": platform.python_version(), "cores": str(os.cpu_count())}
    if bench.device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        rows = {
            "GPU": f"{properties.name}, {properties.total_memory >> 30} GiB",
            "CUDA": str(torch.version.cuda),
        } | rows
    recipe = bench.recipe
    images = f"{len(bench.data.train_images):,} training images, {len(bench.data.test_images):,} held out"
    rows |= {
        "data": f"{bench.data_name}: {images}",
        "recipe": f"{recipe.in_words()}, batch {recipe.batch_size}, {recipe.optimizer}, peak {recipe.peak_lr:g}",
    }
    for what, value in rows.items():
        bench.note("machine", what, value)


def measure_accuracy(bench: Bench) -> None:
    """Seconds and accuracy of the recipe over seeds; the first training also says how long the others take."""
    accuracies, seconds = [], []
    for seed in range(SEEDS):
        if seed and not bench.has_time_for("baseline network", 1):
            break
        began = time.monotonic()
        trained, accuracy = bench.train(PLAIN, seed)
        bench.seconds = time.monotonic() - began
        accuracies.append(accuracy)
        seconds.append(trained.seconds)
        whole = f"{bench.seconds:.1f} s with the start of its process"
        value = f"{accuracy:.2%} in {trained.seconds:.1f} s ({whole})"
        bench.note("baseline network", f"seed {seed}", value, accuracies=accuracies, seconds=seconds)
    if len(accuracies) > 1:
        spread = f"{statistics.mean(accuracies):.2%} ± {statistics.stdev(accuracies):.2%}"
        bench.note("baseline network", "mean and standard deviation", spread)
    if bench.recipe.images is None and not bench.data.standin:
        share = len(bench.data.train_images) / 50_000
        speed = TFLOP_AN_EPOCH * share * bench.recipe.epochs / min(seconds)
        bench.note("baseline network", "arithmetic", f"{speed:.3g} TFLOP/s", tflops=speed)


def compare_wrong_network(bench: Bench) -> None:
    """A network of which only the last layer learns."""
    if bench.has_time_for("frozen network", 1):
        _, accuracy = bench.train(WRONG, 0)
        bench.note("frozen network", "accuracy", f"{accuracy:.2%}", frozen=accuracy)


def measure_side_by_side(bench: Bench) -> None:
    """Trainings a minute with one to `MOST_JOBS` at once."""
    rates: dict[int, float] = {}
    for jobs in range(1, MOST_JOBS + 1):
        if not bench.has_time_for(f"--gpu-jobs {jobs}", jobs if bench.device == "cpu" else 1.5):
            break
        slots, began = Slots(jobs), time.monotonic()
        with ThreadPoolExecutor(jobs) as pool:
            done = [pool.submit(retry, trainer(bench, PLAIN, seed), slots) for seed in range(jobs)]
            failed = [future.exception() for future in done if future.exception() is not None]
        if failed:
            bench.note(f"--gpu-jobs {jobs}", "failed", str(failed[0]))
            break
        rates[jobs] = 60 * jobs / (time.monotonic() - began)
        bench.note(f"--gpu-jobs {jobs}", "trainings a minute", f"{rates[jobs]:.2f}", rates=rates)


def trainer(bench: Bench, source: str, seed: int) -> Callable[[AbstractContextManager], tuple[Trained, float]]:
    """What `retry` calls, perhaps twice."""
    return lambda slot: bench.train(source, seed, slot)


def lose_a_process(bench: Bench) -> None:
    """Kill a training process: on a GPU the training is repeated, on a CPU the code is at fault."""
    if not bench.has_time_for("lost process", 2):
        return
    killed: list[psutil.Process] = []

    def kill_once(_: Progress) -> None:
        """It trains: it has reported that."""
        if not killed:
            killed.extend(one for one in psutil.Process().children() if "training.inside.worker" in _command_of(one))
            for one in killed:
                one.send_signal(signal.SIGKILL)

    try:
        _, accuracy = retry(lambda slot: bench.train(PLAIN, 0, slot, kill_once), Slots())
        said = f"repeated, then {accuracy:.2%}"
    except TrainingStopped as stopped:
        said = stopped.reason
    bench.note("lost process", "what came of it", said if killed else f"nothing was killed: {said}")


def _command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return ""


def run_out_of_memory(bench: Bench) -> None:
    """Train while something else holds the GPU's memory: nobody's fault, so the check is deferred."""
    if bench.device != "cuda":
        bench.note("no memory left", "left out", "needs a GPU")
        return
    if not bench.has_time_for("no memory left", 1):
        return
    free, _ = torch.cuda.mem_get_info()
    held = torch.empty(max(0, free - (600 << 20)), dtype=torch.uint8, device="cuda")
    try:
        _, accuracy = retry(trainer(bench, PLAIN, 0), Slots())
        said = f"trained all the same: {accuracy:.2%}"
    except TrainingStopped as stopped:
        said = f"{'deferred' if stopped.failure is None else 'charged to the code'}: {stopped.reason}"
    del held
    torch.cuda.empty_cache()
    bench.note("no memory left", "what came of it", said)


PARTS = (
    describe_machine,
    measure_accuracy,
    compare_wrong_network,
    measure_side_by_side,
    lose_a_process,
    run_out_of_memory,
)


def as_table(rows: list[tuple[str, str, str]]) -> str:
    """The rows as Markdown."""
    lines = [("part", "measured", "result"), ("---",) * 3, *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"


def copy_into_docs(folder: Path, docs: Path = DOCS) -> None:
    """Put the table of a run between the marks in docs/gpu.md."""
    table = (folder / "gpu.md").read_text(encoding="utf-8")
    text = docs.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{docs} has no lines {START.strip()} and {END.strip()}")
    atomic_write(docs, pattern.sub(lambda _: f"{START}\n{table}\n{END}", text))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=given_path, help="folder of CIFAR-10, or an .npz of JPEG files")
    parser.add_argument("--out", type=given_path, default=Path("gpu"), help="folder for gpu.json and gpu.md")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--budget", choices=("full", "short", "tiny"), default="full", help="tiny: stand-in images")
    parser.add_argument("--minutes", type=float, default=9.0, help="no part is begun that would take longer")
    parser.add_argument("--into-docs", type=given_path, metavar="DIR", help="copy the table of a run into docs/gpu.md")
    return parser.parse_args(arguments)


def problems(given: argparse.Namespace) -> Iterator[str]:
    """What is wrong with the request, each in one line."""
    if given.device == "cuda" and not torch.cuda.is_available():
        yield "PyTorch finds no CUDA GPU here; --device cpu measures the processor"
    if given.data is None and given.budget != "tiny":
        yield "--data is missing: a folder with CIFAR-10, or an .npz of JPEG files"


def main(arguments: list[str] | None = None) -> int:
    """Measure, or copy what was measured; returns the exit status."""
    end = time.monotonic() + 60 * parse(arguments).minutes
    given = parse(arguments)
    try:
        if given.into_docs is not None:
            copy_into_docs(given.into_docs)
            return 0
        for problem in problems(given):
            raise DataProblem(problem)
        data, name = training_data.load(given.data, None) if given.data else training_data.standin()
        given.out.mkdir(parents=True, exist_ok=True)
    except (DataProblem, OSError, ValueError) as problem:
        print(f"python -m benchmarks.gpu: {problem}", file=sys.stderr)
        return 2
    recipe = load_budget(given.budget).recipe
    bench = Bench(data.reduced(recipe.side), name, given.device, recipe, given.out, end)
    for part in PARTS:
        try:
            part(bench)
        except TrainingStopped as stopped:  # the other parts may still be measured
            bench.note(part.__name__.replace("_", " "), "failed", stopped.reason)
    return 0 if bench.figures.get("accuracies") else 1


if __name__ == "__main__":
    sys.exit(main())
