"""Start and end the process that trains one network."""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.sandbox import wire
from autograder.sandbox.confine import minimum_met, missing
from autograder.sandbox.launcher import PROJECT, environment, python_command
from autograder.sandbox.limits import TrainingLimits
from autograder.training.inside.fit import Recipe
from autograder.training.inside.shared_images import SharedImages

_BOOTSTRAP = (
    "import sys; channel, images, parent, project, settings, *packages = sys.argv[1:]; "
    "sys.path += [project, *packages]; from autograder.training.inside.worker import main; "
    "main(int(channel), int(images), int(parent), project, settings)"
)
_KEPT_FOR_CUDA = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES")


class NotStarted(Exception):
    """The training process did not get ready; no student code has run in it. `str()` is one line for the TA."""


@dataclass(frozen=True)
class TrainingWorker:
    """A confined process that waits for a student's code on `channel`."""

    process: subprocess.Popen
    channel: socket.socket
    layers: tuple[str, ...]

    def death(self, grace: float) -> int | None:
        """Its exit code, negative for a signal, if it ends within `grace` seconds by itself."""
        try:
            return self.process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            return None


@contextlib.contextmanager
def training_worker(
    images: SharedImages, recipe: Recipe, device: str, limits: TrainingLimits, unsafe: bool = False
) -> Iterator[TrainingWorker]:
    """A fresh training process; it is dead when the context ends.

    Args:
        images: what it trains on.
        recipe: how it trains.
        device: "cuda" or "cpu".
        limits: what it may use.
        unsafe: continue where the minimum of `confine` is not met.

    Raises:
        NotStarted: Python, torch, CUDA or the confinement failed.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        settings = {
            "device": device,
            "limits": dataclasses.asdict(limits),
            "recipe": dataclasses.asdict(recipe),
            "shape": images.shape,
        }
        command = python_command(_BOOTSTRAP, theirs.fileno(), images.number, os.getpid(), PROJECT, json.dumps(settings))
        process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno(), images.number],
            env=_environment(device),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            theirs.close()
            yield TrainingWorker(process, ours, _await_ready(ours, process, limits, unsafe))
        finally:
            process.kill()
            process.wait()


def _await_ready(
    channel: socket.socket, process: subprocess.Popen, limits: TrainingLimits, unsafe: bool
) -> tuple[str, ...]:
    try:
        hello, _ = wire.receive(channel, wire.MAX_REPLY_HEADER, 0, time.monotonic() + limits.start_seconds)
    except wire.DeadlineExceeded:
        raise NotStarted(f"it was not ready within {limits.start_seconds:g} s") from None
    except wire.WireError:
        process.kill()
        raise NotStarted(f"it ended before it was ready ({how_it_ended(process.wait())})") from None
    if "failed" in hello:
        raise NotStarted(hello["failed"])
    layers = tuple(hello["layers"])
    if not (unsafe or minimum_met(layers)):
        raise NotStarted(f"it cannot be confined: {missing(layers)}")
    return layers


def how_it_ended(exit_code: int) -> str:
    """An exit code in words."""
    return signal.strsignal(-exit_code) or f"signal {-exit_code}" if exit_code < 0 else f"exit status {exit_code}"


def _environment(device: str) -> dict[str, str]:
    variables = environment()
    if device == "cuda":
        del variables["CUDA_VISIBLE_DEVICES"]
        variables |= {name: os.environ[name] for name in _KEPT_FOR_CUDA if name in os.environ}
        variables["CUDA_CACHE_DISABLE"] = "1"  # the process cannot write files
    return variables
