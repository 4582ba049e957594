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

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
NAMES = sorted(path.stem for path in FOLDER.glob("[a-z]*_*.py"))
TRIUMPH = "ATTACK SUCCEEDED"
TRACE = "sandbox_attack"
"""Part of the name of every file that a payload tries to leave."""


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


def _list(folder: str | Path) -> list[str]:
    try:
        return os.listdir(folder)
    except PermissionError:
        return []
