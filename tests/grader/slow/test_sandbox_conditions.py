"""The sandbox where people grade: as root, as an ordinary user, in a container, on a kernel without Landlock."""

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from autograder.sandbox import landlock
from autograder.sandbox.confine import available_layers, minimum_met
from tests.grader import attacks
from tests.grader.conftest import run

# One payload a group and the ones that only some layer stops; an ordinary user, who has fewer layers, meets all.
FEW = (
    *("escape_become_root", "escape_daemon", "escape_kill_grader", "escape_namespaces", "exhaust_disk", "exhaust_ipc"),
    *("exhaust_threads", "forge_patch_torch", "hang_stop_self", "network_tcp", "network_unix", "protocol_garbage"),
    *("read_by_path", "read_by_ptrace", "read_hidden_modules", "read_process_memory"),
)
LAYERS = {
    "ordinary_user": {"landlock", "seccomp", "rlimits"},
    "container": {"uid", "landlock", "seccomp", "rlimits"},
    "old_container": {"uid", "chroot", "seccomp", "rlimits"},
}
NEEDS_LANDLOCK = ("ordinary_user", "container")

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def under(condition, *command, **environment):
    """Run a command under a condition; skips where this machine cannot show it."""
    process = run(
        *(sys.executable, "-m", "tests.grader.attacks.conditions", condition, "--", sys.executable, "-B", *command),
        OMP_NUM_THREADS="1",
        **environment,
    )
    if process.returncode == 77:
        pytest.skip(process.stderr.strip())
    return process


@root_only
@pytest.mark.parametrize("process", ["worker", "reader"])
@pytest.mark.parametrize("condition", LAYERS)
def test_payloads_gain_nothing(condition, process):
    if condition in NEEDS_LANDLOCK and not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    names = attacks.NAMES if condition == "ordinary_user" else FEW
    where = ["--reader"] if process == "reader" else []
    done = under(condition, "-m", "tests.grader.attacks.attack_run", *where, *names)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    layers = ", ".join(result["isolation"])
    print(f"{condition}, {process}: {result['payloads']} payloads in {result['seconds']:.0f} s; {layers}")
    assert result["broken"] == {}
    assert result["payloads"] == len(names)
    assert set(result["isolation"]) - {"namespaces"} == LAYERS[condition]
    assert minimum_met(result["isolation"])


def test_here_as_well():
    """Whoever runs these tests: the layers that a result names are those that are there."""
    result = json.loads(run(sys.executable, "-m", "tests.grader.attacks.attack_run", *FEW[:2]).stdout.splitlines()[-1])
    print(f"here: {', '.join(result['isolation'])}")
    assert result["broken"] == {}
    assert set(result["isolation"]) - {"namespaces"} == set(available_layers())


@pytest.fixture
def public():
    """A folder that everybody may use; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


@root_only
def test_old_machine_is_refused_unless_told_otherwise(public):
    submission = public / "honest.py"
    submission.write_text(attacks.HONEST)
    out = public / "results"
    command = ("-m", "autograder", "grade", submission, "--out", out, "--device", "cpu", "--only", "q1")

    refused = under("old_machine", *command)
    assert refused.returncode == 1, refused.stderr
    (line,) = refused.stderr.splitlines()
    assert "Landlock is missing" in line
    assert "--unsafe" in line
    assert "Traceback" not in refused.stderr
    assert not refused.stdout
    assert not out.exists()

    allowed = under("old_machine", *command, "--unsafe")
    assert allowed.returncode == 0, allowed.stderr
    result = json.loads((out / "honest.json").read_text())
    print(f"old_machine, --unsafe: {', '.join(result['isolation'])}")
    assert set(result["isolation"]) - {"namespaces"} == {"unsafe", "seccomp", "rlimits"}
    assert result["score"] > 0
