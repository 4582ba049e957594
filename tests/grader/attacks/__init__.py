"""Hostile submissions, and what it takes to run one and see what it did.

Each module in this folder is a submission that attacks; its name begins with its group: forge, read, hang, exhaust,
escape, network or protocol. It says "ATTACK SUCCEEDED" when it got what it wanted. They aim at nothing but the
sandbox of the machine they run on.
"""

import contextlib
import os
import secrets
import socket
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from autograder.sandbox.launcher import Zygote
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.remote_student import RemoteStudent
from autograder.submission import read_submission, slice_submission

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
GROUPS = ("escape", "exhaust", "forge", "hang", "network", "protocol", "read")
NAMES = sorted(path.stem for group in GROUPS for path in FOLDER.glob(f"{group}_*.py"))
TRIUMPH = "ATTACK SUCCEEDED"
TRACE = "sandbox_attack"
"""Part of the name of every file that a payload tries to leave."""
LIMITS = Limits(
    import_seconds=1.5,
    request_seconds=1.0,
    submission_seconds=3.0,
    cpu_seconds=4,
    memory_bytes=512 * MIB,
    reply_bytes=64 * MIB,
    stops=2,
)
SLACK = 30.0
"""Seconds for what is not the student's: starting and burying workers, on a machine that does other things."""

HONEST = """
import torch
from torch import nn

class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)

    def forward(self, x):
        return torch.relu(self.conv(x))
"""


@dataclass
class Bait:
    """What only the grader may touch, put where attacks look for it."""

    secret: Path
    token: str
    listener: socket.socket
    abstract: socket.socket
    before: os.stat_result = field(init=False)

    def __post_init__(self):
        self.before = self.secret.stat()

    @property
    def port(self) -> int:
        """TCP port of the listener."""
        return self.listener.getsockname()[1]

    def aim(self, name: str) -> str:
        """The source of a payload, with its targets filled in."""
        source = (FOLDER / f"{name}.py").read_text()
        targets = {"SECRET": self.secret, "ROOT": ROOT, "PORT": self.port, "GRADER": os.getpid()}
        for target, value in targets.items():
            source = source.replace(f"@{target}@", str(value))
        return source

    def assert_untouched(self) -> None:
        """Nobody connected, and the file is as it was."""
        for sock in (self.listener, self.abstract):
            with contextlib.suppress(BlockingIOError):
                connection, _ = sock.accept()
                connection.close()
                raise AssertionError("somebody connected")
        now = self.secret.stat()
        for name in ("st_mode", "st_uid", "st_gid", "st_size", "st_mtime_ns", "st_nlink", "st_ino"):
            assert getattr(now, name) == getattr(self.before, name), name


@contextlib.contextmanager
def bait(folder: Path) -> Iterator[Bait]:
    """Lay a secret file and two listening sockets out; the token is in the environment and in memory as well."""
    token = f"GRADER-SECRET-{secrets.token_hex(16)}"
    secret = folder / "secret.txt"
    secret.write_text(token)
    secret.chmod(stat.S_IRUSR | stat.S_IWUSR)
    with socket.socket() as listener, socket.socket(socket.AF_UNIX) as abstract:
        listener.bind(("127.0.0.1", 0))
        abstract.bind(f"\0sandbox-attack-{listener.getsockname()[1]}")
        for sock in (listener, abstract):
            sock.listen()
            sock.setblocking(False)
        os.environ["GRADER_SECRET"] = token
        try:
            yield Bait(secret, token, listener, abstract)
        finally:
            del os.environ["GRADER_SECRET"]


@dataclass
class Transcript:
    """Everything that came back from a student's code."""

    texts: list[str] = field(default_factory=list)
    tensors: list[torch.Tensor] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """All that a student could get to see."""
        return "\n".join(self.texts)

    def attempt(self, do: Callable[[], Any]) -> Any:
        """Note what `do` returns or raises; None when it raises."""
        try:
            result = do()
        except Exception as error:
            self.texts.append(f"{type(error).__name__}: {error}")
            return None
        for thing in result.values() if isinstance(result, dict) else [result]:
            if isinstance(thing, torch.Tensor):
                self.tensors.append(thing)
            else:
                self.texts.append(repr(thing))
        return result


def drive(student: Any) -> Transcript:
    """Use a student's classes in all the ways a suite does; nothing that they do stops it."""
    transcript, began = Transcript(), time.monotonic()
    attempt = transcript.attempt
    attempt(lambda: student.problems)
    for name in ("BasicBlock", "Bottleneck"):
        block = attempt(lambda name=name: getattr(student, name)(8, 8))
        if block is not None:
            x = torch.randn(2, 8, 8, 8, requires_grad=True)
            attempt(lambda block=block: block.load_state_dict(block.state_dict()))
            y = attempt(lambda block=block, x=x: block.train()(x))
            attempt(lambda y=y: y.sum().backward())
            attempt(lambda block=block: dict(block.named_parameters()))
            attempt(lambda block=block, x=x: block.eval()(x.detach()))
    network = attempt(lambda: student.ResNet(student.probe(), [1, 1, 1, 1]))
    attempt(lambda: network(torch.randn(1, 3, 32, 32)))
    attempt(lambda: student.ResNet18(student.probe()))
    transcript.seconds = time.monotonic() - began
    return transcript


def run_gallery(name: str, bait: Bait, zygote: Zygote, folder: Path) -> tuple[str, ...]:
    """Drive one payload, assert that it got nothing and left nothing, and return the layers that confined it."""
    with student_of(bait.aim(name), folder, zygote) as student:
        transcript = drive(student)
        isolation = student.isolation
    assert TRIUMPH not in transcript.text, transcript.text[:2000]
    assert bait.token not in transcript.text
    assert all(bait.token.encode() not in _bytes(tensor) for tensor in transcript.tensors)
    assert readable(transcript.text)
    assert len(transcript.text) < 200_000
    assert transcript.seconds < LIMITS.submission_seconds + SLACK
    assert transcript.texts, "an attack without any effect at all was not run"
    assert_nothing_left(bait)
    assert_still_sane(folder, zygote)
    return isolation


def student_of(source: str, folder: Path, zygote: Zygote, limits: Limits = LIMITS) -> RemoteStudent:
    """The student surface of a script."""
    path = folder / "submission.py"
    path.write_text(source)
    return RemoteStudent(slice_submission(read_submission(path)), limits, zygote)


def readable(text: str) -> bool:
    """Is there nothing in it that a terminal or a browser would obey?"""
    return {letter for letter in text if not letter.isprintable()} <= {"\n", "\t"}


def assert_nothing_left(bait: Bait) -> None:
    """No worker under any zygote of ours, no file, no connection."""
    bait.assert_untouched()
    left = {child: processes(child) for child in processes(os.getpid())}
    assert not any(left.values()), left
    assert traces() == []


def assert_still_sane(folder: Path, zygote: Zygote) -> None:
    """This process judges as before, and the next submission gets its due."""
    assert not torch.equal(torch.zeros(2), torch.ones(2))
    assert not torch.allclose(torch.zeros(2), torch.ones(2))
    with student_of(HONEST, folder, zygote) as student:
        block = student.BasicBlock(2, 3)
        x = torch.randn(2, 2, 5, 5)
        expected = torch.conv2d(x, block.state_dict()["conv.weight"], padding=1).relu()
        assert torch.allclose(block(x), expected, atol=1e-5)


def traces() -> list[str]:
    """Files that a payload has left."""
    folders = (ROOT, "/tmp", "/var/tmp", "/dev/shm", "/run/lock", os.path.expanduser("~"), os.getcwd())
    return [
        f"{folder}/{name}" for folder in folders if os.path.isdir(folder) for name in _list(folder) if TRACE in name
    ]


def processes(parent: int) -> set[int]:
    """Children of a process, and orphans with a uid from the range of the workers."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                ppid = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if ppid == parent or (ppid == 1 and entry.stat().st_uid >= 0x70000000):
                    found.add(int(entry.name))
    return found


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _list(folder: str | Path) -> list[str]:
    try:
        return os.listdir(folder)
    except PermissionError:
        return []
