"""The confined process that trains one student's network, and ends afterwards.

It is not forked, because CUDA does not survive a fork. It imports and initializes everything that it will need, gives
up its rights (see `confine`), reports that it is ready, and only then receives the student's code. It gets the held-out
images when the training is over. The grader trusts nothing that it sends.
"""

import dataclasses
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autograder.sandbox import wire
from autograder.sandbox.limits import TrainingLimits
from autograder.sandbox.tensors import pack, packable, unpack
from autograder.sandbox.worker import describe, seed
from autograder.sandbox.zygote import import_everything
from autograder.student.local import LocalStudent, why_missing
from autograder.student.state import state_of
from autograder.submission import Slice, execute
from autograder.training.inside.baseline_network import BasicBlock, resnet18
from autograder.training.inside.confine import give_up_files, give_up_rights, prepare
from autograder.training.inside.fit import Progress, Recipe, fit, predict
from autograder.training.inside.precision import Way
from autograder.training.inside.shared_images import map_images

SECONDS_BETWEEN_REPORTS = 0.5


def main(channel: int, images: int, parent: int, project: str, settings: str) -> None:
    """Get ready, report it, train, and answer with logits; ends when the channel closes."""
    sock = socket.socket(fileno=channel)
    given = json.loads(settings)
    device, limits, recipe = given["device"], TrainingLimits(**given["limits"]), Recipe(**given["recipe"])
    try:
        pictures = map_images(images, given["shape"])
        os.close(images)
        layers = _get_ready(torch.device(device), pictures, recipe, limits, parent, Path(project))
    except Exception as error:
        wire.send(sock, {"failed": " ".join(f"{type(error).__name__}: {error}".split())[:500]})
        return
    wire.send(sock, {"layers": list(layers)})
    try:
        header, body = wire.receive(sock, wire.MAX_REQUEST_HEADER, limits.reply_bytes)
        net, way = _train(sock, header, unpack(body)["labels"], pictures, recipe, torch.device(device))
        wire.send(sock, {"fitted": {}})
        header, body = wire.receive(sock, wire.MAX_REQUEST_HEADER, limits.reply_bytes)
        reply = {"logits": predict(net, unpack(body)["images"], way, device=torch.device(device))}
        if header["want_state"]:
            reply |= {f"state:{name}": value for name, value in _on_cpu(net).items()}
        wire.send(sock, {"answer": {}}, pack(reply))
    except wire.WireError:
        return
    except BaseException as error:  # sys.exit() in forward is an error like any other
        wire.send(sock, {"error": describe(error)})


def _get_ready(
    device: torch.device, pictures: Tensor, recipe: Recipe, limits: TrainingLimits, parent: int, project: Path
) -> tuple[str, ...]:
    """Import, confine, warm up, in the order that the layers need; returns the names of the layers."""
    gpu = device.type == "cuda"
    import_everything(project)
    _try_out(pictures, recipe, torch.device("cpu"))
    stage = prepare(project, limits, gpu)
    give_up_files(stage)
    if gpu:
        _try_out(pictures, recipe, device)  # CUDA loads libraries and opens devices lazily
    layers = give_up_rights(stage, parent)
    _try_out(pictures, recipe, device)
    os.environ.clear()
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = "/"  # made by torch's compiler if it is not there; nothing is put in it
    os.environ["HOME"] = "/tmp"  # `Path.home()` raises where the user id has no name
    sys.argv = ["submission"]
    return layers


def _try_out(pictures: Tensor, recipe: Recipe, device: torch.device) -> None:
    """Train a small network, or on a GPU the baseline network with the recipe's batch size, for a step.

    If it succeeds once the process is confined, then driver, GPU, memory and confinement are fit for the training,
    before any student code could claim otherwise.
    """
    if device.type == "cpu":
        net = nn.Sequential(nn.Conv2d(3, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        _train_one_step(net, pictures[:2], recipe, device)
        return
    if not torch.cuda.is_available():
        raise RuntimeError("CUDA finds no GPU in this process; does `nvidia-smi` work, and does the driver fit torch?")
    _train_one_step(resnet18(), pictures[: recipe.batch_size], recipe, device)
    torch.cuda.synchronize()
    torch.cuda.empty_cache()


def _train_one_step(net: nn.Module, pictures: Tensor, recipe: Recipe, device: torch.device) -> None:
    labels = torch.arange(len(pictures)) % 10
    way = fit(net, pictures, labels, dataclasses.replace(recipe, epochs=1), device=device, seed=0)
    predict(net, pictures, way, device=device)


def _train(
    sock: socket.socket, header: dict[str, Any], labels: Tensor, pictures: Tensor, recipe: Recipe, device: torch.device
) -> tuple[nn.Module, Way]:
    seed()
    _forget_baseline_network()
    slice_ = Slice.from_json(header["slice"])
    namespace: dict[str, Any] = {}
    problems = execute(slice_, namespace)
    student = LocalStudent(namespace, why_missing(slice_, problems))
    net = student.ResNet18() if header["own_block"] else _of_baseline_blocks(student)
    if not isinstance(net, nn.Module):
        raise TypeError(f"ResNet18() returned a {type(net).__name__}, not an nn.Module")
    wire.send(sock, {"built": {}})
    return net, fit(net, pictures, labels, recipe, device=device, seed=header["seed"], progress=_reporter(sock))


def _forget_baseline_network() -> None:
    """Code whose own network is wrong must not find a right one beside it. Its block stays."""
    global resnet18
    name = resnet18.__module__
    parent, _, last = name.rpartition(".")
    del sys.modules[name].resnet18, resnet18
    del sys.modules[name]
    delattr(sys.modules[parent], last)


def _of_baseline_blocks(student: LocalStudent) -> nn.Module:
    """`ResNet18()` of the baseline network's blocks; of its own where it reads attributes that those do not have."""
    try:
        return student.ResNet18(BasicBlock)
    except Exception:
        return student.ResNet18()


def _reporter(sock: socket.socket) -> Callable[[Progress], None]:
    """A function that reports progress to the grader, twice a second at most."""
    last = -SECONDS_BETWEEN_REPORTS

    def tell(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_REPORTS:
            last = time.monotonic()
            figures = {name: value if value == value else -1 for name, value in dataclasses.asdict(progress).items()}
            wire.send(sock, {"progress": figures})  # JSON has no NaN

    return tell


def _on_cpu(net: nn.Module) -> dict[str, Tensor]:
    state = {name: value.detach().cpu() for name, value in state_of(net).items()}
    return {name: value for name, value in state.items() if packable(value)}
