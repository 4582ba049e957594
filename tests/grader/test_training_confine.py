"""The confinement of a process that uses a GPU, tried without one: what its driver needs passes, all else does not.

Threads that are there before the last step, as CUDA's are, are bound like those that come after.
"""

import json
import sys

import pytest

from autograder.sandbox import landlock
from autograder.sandbox.confine import available_layers, minimum_met
from tests.grader.conftest import ROOT, run

SCRIPT = """
import ctypes, errno, json, os, socket, sys, threading
from pathlib import Path
from autograder.sandbox.limits import TrainingLimits
from autograder.training.inside.confine import give_up_files, give_up_rights, prepare

libc = ctypes.CDLL(None, use_errno=True)


def attempt(do):
    try:
        do()
        return "passes"
    except OSError as error:
        return errno.errorcode[error.errno]


def ask(number, request):
    if libc.ioctl(number, ctypes.c_ulong(request), 0) == -1:
        raise OSError(ctypes.get_errno(), "")


def name_thread():
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "r+") as file:
        file.write("cuda")


def everything():
    return {
        "uid": os.getuid(),
        "write": attempt(lambda: open("/tmp/sandbox_attack", "w")),
        "change": attempt(lambda: open("/dev/full", "r+b")),
        "source": attempt(lambda: open(sys.argv[1] + "/README.md")),
        "accounts": attempt(lambda: open("/etc/passwd")),
        "environment of the grader": attempt(lambda: open(f"/proc/{parent}/environ")),
        "name of a thread": attempt(name_thread),
        "processors": attempt(lambda: open("/proc/cpuinfo")),
        "socket": attempt(socket.socket),
        "process": attempt(os.fork),
        "signal": attempt(lambda: os.kill(parent, 0)),
        "nvidia": attempt(lambda: ask(-1, 0xC020462A)),
        "uvm": attempt(lambda: ask(-1, 0x30000001)),
        "small request": attempt(lambda: ask(-1, 25)),
        "another request": attempt(lambda: ask(-1, 0x89A0)),
        "thread": attempt(lambda: threading.Thread(target=int).start()),
    }


parent = os.getppid()
stage = prepare(Path(sys.argv[1]), TrainingLimits(), gpu=True)
give_up_files(stage)
go, seen = threading.Event(), {}
early = threading.Thread(target=lambda: (seen.update(named=attempt(name_thread)), go.wait(), seen.update(everything())))
early.start()
layers = give_up_rights(stage, parent)
go.set()
early.join()
print(json.dumps({"layers": layers, "early": seen, "main": everything(), "named": seen.pop("named")}))
"""
PASSES = ("name of a thread", "processors", "thread")
TO_THE_DRIVER = ("nvidia", "uvm", "small request")


@pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock")
def test_every_thread_is_bound():
    assert minimum_met(available_layers())
    process = run(sys.executable, "-c", SCRIPT, ROOT, PYTHONPATH=str(ROOT))
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout)
    assert minimum_met(result["layers"])
    assert result["named"] == "passes", "drivers give up when they cannot name their threads"
    assert result["early"] == result["main"]
    found = result["main"]
    if "uid" in result["layers"]:
        assert found.pop("uid") > 1000
    found.pop("uid", None)
    assert {name for name in found if found[name] == "passes"} == set(PASSES), found
    assert {found[name] for name in TO_THE_DRIVER} == {"EBADF"}, "the kernel looks at them"
    assert found["another request"] == "ENOTTY", "the filter does not let it through"
