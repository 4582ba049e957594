"""Starts the zygote, requests workers from it, and has it kill them."""

import contextlib
import dataclasses
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from autograder.sandbox import wire
from autograder.sandbox.confine import available_layers, minimum_met, missing
from autograder.sandbox.limits import Limits
from autograder.student.errors import GraderBroken

PROJECT = Path(__file__).resolve().parents[2]
_START_SECONDS = 120  # importing torch from a network disk can take this long
_ANSWER_SECONDS = 30
_BOOTSTRAP = (
    "import sys; control, parent, project, many, *packages = sys.argv[1:]; sys.path += [project, *packages]; "
    "from autograder.sandbox.zygote import main; main(int(control), int(parent), project, bool(int(many)))"
)


class SandboxUnavailable(GraderBroken):
    """Student code cannot be confined on this machine; `str()` is one line for the user who grades."""


def require_confinement() -> None:
    """Raise `SandboxUnavailable` unless `confine.minimum_met`."""
    if not sys.platform.startswith("linux"):
        lacks = "it takes Linux"
    elif not minimum_met(offered := available_layers()):
        lacks = missing(offered)
    else:
        return
    raise SandboxUnavailable(
        f"student code cannot be confined here: {lacks}. "
        "`--unsafe` grades all the same, with what this machine offers; every result will say so"
    )


@dataclasses.dataclass(frozen=True)
class Death:
    """How a worker ended: its exit code (negative for a signal) and the processor time that it used."""

    exit_code: int
    cpu_seconds: float
    killed: bool
    """Whether the zygote killed it, because it had not ended by itself."""


@dataclasses.dataclass(frozen=True)
class Worker:
    """A confined process that waits for its first request on `channel`."""

    pid: int
    channel: socket.socket


class Zygote:
    """Forks confined workers within milliseconds. Use as a context manager; threads may share it.

    The zygote process imports torch in the background; the first worker waits for it.

    Args:
        unsafe: run student code even if the layers of `confine.minimum_met` are missing.
        many: many workers are to be started: it pays to prepare for that.

    Raises:
        SandboxUnavailable: this is not Linux, or layers are missing. Methods raise it when the zygote or a worker does
            not start.
    """

    def __init__(self, unsafe: bool = False, many: bool = False):
        if not (unsafe and sys.platform.startswith("linux")):
            require_confinement()
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                python_command(_BOOTSTRAP, theirs.fileno(), os.getpid(), PROJECT, int(many)),
                pass_fds=[theirs.fileno()],
                env=environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._layers: tuple[str, ...] = ()

    def twin(self) -> "Zygote":
        """Another zygote, forked from this one: it shares its memory, and ends with it at the latest."""
        _ = self.layers
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._ask({"op": "twin"}, theirs)
        return _held(ours)

    def __reduce__(self) -> tuple:
        """Another process of the grader may use it, where `multiprocessing` starts that process with it."""
        return _held, (self._control, self.layers)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that confine the workers; waits until the zygote is ready."""
        with self._lock:
            if not self._layers:
                self._layers = self._wait_until_ready()
        return self._layers

    def start_worker(self, limits: Limits) -> Worker:
        """Fork and confine a worker. It has not received any student code when this returns."""
        _ = self.layers
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as cleanup:
            cleanup.enter_context(ours)
            with theirs:
                pid = self._ask({"op": "fork", "limits": dataclasses.asdict(limits)}, theirs)["pid"]
            try:
                hello, _ = wire.receive(ours, wire.MAX_REPLY_HEADER, 0, time.monotonic() + _ANSWER_SECONDS)
            except (wire.WireError, wire.DeadlineExceeded) as error:
                self.reap(pid)
                raise SandboxUnavailable(f"a worker did not start: {error}") from None
            if "failed" in hello:
                self.reap(pid)
                raise SandboxUnavailable(f"a worker could not be confined: {hello['failed']}")
            cleanup.pop_all()
        return Worker(pid, ours)

    def reap(self, pid: int, grace: float = 0.0) -> Death:
        """Kill a worker and its children, unless it ends by itself within `grace` seconds."""
        return Death(**self._ask({"op": "reap", "pid": pid, "grace": grace}))

    def close(self) -> None:
        """End the zygote and every worker."""
        self._control.close()
        if self._process is None:  # it ends when the last one closes its end
            return
        if not self._layers:  # nobody has waited until it is ready: there are no workers
            self._process.kill()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the kernel kills its workers then
            self._process.wait()

    def __enter__(self) -> "Zygote":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_until_ready(self) -> tuple[str, ...]:
        answer = self._receive(_START_SECONDS)
        if "failed" in answer:
            raise SandboxUnavailable(f"the sandbox could not start: {answer['failed']}")
        return tuple(answer["layers"])

    def _ask(self, request: dict[str, Any], channel: socket.socket | None = None) -> dict[str, Any]:
        with self._lock:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], [channel.fileno()] if channel else [])
            except OSError:
                raise SandboxUnavailable("the process that starts workers is gone") from None
            answer = self._receive(_ANSWER_SECONDS)
        if "failed" in answer:
            raise SandboxUnavailable(answer["failed"])
        return answer

    def _receive(self, seconds: float) -> dict[str, Any]:
        if not select.select([self._control], [], [], seconds)[0]:
            raise SandboxUnavailable(f"the process that starts workers did not answer within {seconds} s")
        try:
            message = self._control.recv(1 << 16)
        except OSError:
            message = b""
        if not message:
            raise SandboxUnavailable("the process that starts workers ended unexpectedly")
        return json.loads(message)


def _held(control: socket.socket, layers: tuple[str, ...] = ()) -> Zygote:
    """A zygote that another process started."""
    zygote = object.__new__(Zygote)
    zygote._lock, zygote._control, zygote._layers, zygote._process = threading.Lock(), control, layers, None
    return zygote


def python_command(bootstrap: str, *arguments: object) -> list[str]:
    """The command of an isolated Python; `bootstrap` gets the arguments, then the folders of packages."""
    # -I leaves out the packages of the user and of PYTHONPATH.
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return [sys.executable, "-I", "-B", "-c", bootstrap, *map(str, arguments), *packages]


def environment() -> dict[str, str]:
    """The environment of a confined process: one thread, no GPU, and of the grader's only the library path."""
    variables = {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "LC_ALL": "C.UTF-8",
    }
    if path := os.environ.get("LD_LIBRARY_PATH"):
        variables["LD_LIBRARY_PATH"] = path
    return variables
