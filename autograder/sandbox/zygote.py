"""The process that workers are forked from. It imports torch once, has one thread and never runs student code.

`launcher` starts it with `python -I -B`. It receives JSON over a socket whose other end only the grader holds. When
that end closes, or the grader dies, it kills its workers and exits.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from autograder.sandbox import linux
from autograder.sandbox.confine import Plan, available_layers, enter_namespaces, make_plan, python_paths
from autograder.sandbox.limits import Limits
from autograder.sandbox.reachable import provide_python
from autograder.sandbox.ready_made import EmptyModuleFinder

_PARENT_CHECK_SECONDS = 0.5
_NOT_PREPARED = {"antigravity", "idlelib", "this", "tkinter", "turtle", "turtledemo"}  # they open windows or print
_PREPARED = """
collections.abc concurrent.futures.thread ctypes.util ctypes.wintypes encodings.cp437 encodings.idna encodings.latin_1
encodings.utf_8_sig html.parser importlib.metadata importlib.resources logging.config logging.handlers
multiprocessing.pool multiprocessing.queues multiprocessing.synchronize os.path unittest.mock urllib.request
xml.etree.ElementTree numpy.random torch.func torch.utils.checkpoint
"""
"""Modules that submissions or torch may import later, besides the top level of the standard library."""


def main(control: int, parent: int, project: str, many: bool) -> None:
    """Prepare, report the layers, then fork and reap workers on request until the grader is gone."""
    sock = socket.socket(fileno=control)
    try:
        plan = _prepare(Path(project))
        if many:
            linux.use_huge_pages()
    except Exception as error:
        sock.send(json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
        return
    _serve(sock, parent, plan)


def _serve(sock: socket.socket, parent: int, plan: Plan) -> None:
    sock.send(json.dumps({"layers": plan.layers}).encode())
    workers: set[int] = set()
    try:
        while _wait_for_request(sock, parent):
            message, descriptors, _, _ = socket.recv_fds(sock, 1 << 16, 1)
            if not message:
                return
            reply = _obey(json.loads(message), descriptors, plan, workers, sock)
            sock.send(json.dumps(reply).encode())
    except OSError:
        return  # the grader ended in the middle of a message
    finally:
        for pid in list(workers):
            _reap(pid, workers, grace=0)


def _prepare(project: Path) -> Plan:
    """Import and use what workers need: to do it once takes less time, and not every worker can load files."""
    layers = available_layers()
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    linux.keep_freed_memory()
    if enter_namespaces():
        layers = (*layers, "namespaces")
    import_everything(project)
    readable = readable_paths(project)
    provide_python(layers, readable)
    plan = make_plan(layers, readable)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    if (threads := linux.thread_count()) != 1:
        raise RuntimeError(f"a process with {threads} threads cannot be forked safely")
    gc.collect()
    gc.freeze()
    return plan


def readable_paths(project: Path) -> list[Path]:
    """Return what a worker may read: Python's files and the course's `utils.py`."""
    utils = project / "utils.py"
    return [*python_paths(), *([utils] if utils.is_file() else [])]


def import_everything(project: Path) -> None:
    """Import the top level of the standard library, torch, and what they may import later."""
    for name in sys.stdlib_module_names - _NOT_PREPARED:
        with contextlib.suppress(ImportError):  # of another platform, or left out of this Python
            importlib.import_module(name)
    for name in _PREPARED.split():
        importlib.import_module(name)
    # A notebook's classes may stand in `with keep_going():`. torchvision imports the other one, which creates a folder
    # with PyTorch 2.6: a worker may not.
    for name in ("lab.keep_going", "torch.distributed.nn"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    from autograder.sandbox import data_set, worker
    from autograder.submission import similarity

    worker.seed()
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
    y = network(torch.randn(2, 3, 8, 8))
    y.backward(torch.ones_like(y))  # makes torch import sympy, which takes a quarter of a second
    worker.Adam(network, lr=0.1).step()
    worker.unpack(bytearray(worker.pack(network.state_dict())))
    similarity.known_sources()  # a reader cannot read these files
    data_set.install(project / "utils.py")
    EmptyModuleFinder.install()
    _extend_typing()
    _replace_compiler(torch)
    # The folder of this package also holds the tests: nothing more may be imported from it.
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != project]
    sys.path_importer_cache.clear()


def _extend_typing() -> None:
    """Students may have Python 3.12, with `from typing import override`; it does nothing when code runs."""
    typing = importlib.import_module("typing")
    if not hasattr(typing, "override"):
        typing.override = lambda method: method


def _replace_compiler(torch: Any) -> None:
    """`torch.compile` starts other processes, which a worker may not. It changes no result: leave the code as it is."""

    def compile(model: Any = None, **options: Any) -> Any:
        return (lambda function: function) if model is None else model

    torch.compile = compile
    torch.nn.Module.compile = lambda self, *args, **kwargs: None


def _wait_for_request(sock: socket.socket, parent: int) -> bool:
    """Wait for a message or the end of the connection; return False when the grader has died.

    A parent-death signal does not work here: the kernel sends it when the *thread* that started this process ends. The
    end of the connection does not suffice either: another child of the grader may have inherited the grader's end.
    """
    while not select.select([sock], [], [], _PARENT_CHECK_SECONDS)[0]:
        if os.getppid() != parent:
            return False
    return True


def _obey(
    request: dict[str, Any], descriptors: list[int], plan: Plan, workers: set[int], sock: socket.socket
) -> dict[str, Any]:
    if request["op"] == "reap":
        return _reap(request["pid"], workers, request["grace"])
    (channel,) = descriptors
    try:
        twin = request["op"] == "twin"
        pid = _fork_twin(channel, plan, sock) if twin else _fork(channel, plan, Limits(**request["limits"]))
    except OSError as error:  # no more processes, or no memory
        return {"failed": f"no process can be started: {error.strerror}"}
    finally:
        os.close(channel)
    workers.add(pid)
    return {"pid": pid}


def _fork(channel: int, plan: Plan, limits: Limits) -> int:
    zygote = os.getpid()
    if pid := os.fork():
        return pid
    try:
        sys.modules["autograder.sandbox.worker"].main(channel, plan, limits, zygote)
    finally:
        os._exit(70)


def _fork_twin(control: int, plan: Plan, sock: socket.socket) -> int:
    """Fork another zygote, for whoever holds the other end of `control`; it shares the memory of this one."""
    parent = os.getpid()
    if pid := os.fork():
        return pid
    try:
        sock.close()
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        _serve(socket.socket(fileno=control), parent, plan)
    finally:
        os._exit(0)


def _reap(pid: int, workers: set[int], grace: float) -> dict[str, Any]:
    """End a worker and its children, and report how it ended. It has `grace` seconds to end by itself."""
    deadline = time.monotonic() + grace
    while (found := os.wait4(pid, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.002)
    killed = found[0] == 0
    if killed:
        os.kill(pid, signal.SIGKILL)
        found = os.wait4(pid, 0)
    workers.discard(pid)
    while orphans := _children() - workers:
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)
            os.waitpid(orphan, 0)
    _, status, usage = found
    return {
        "killed": killed,
        "exit_code": os.waitstatus_to_exitcode(status),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
    }


def _children() -> set[int]:
    """The children of this process, which as subreaper also inherits the children of dead workers."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # usually there are none: to look at each process of the machine takes longer
        return set()
    children = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_bytes()  # the name in it is the process's own choice: not always text
            except OSError:
                continue  # ended meanwhile
            if int(stat.rpartition(b")")[2].split()[1]) == os.getpid():
                children.add(int(entry.name))
    return children
