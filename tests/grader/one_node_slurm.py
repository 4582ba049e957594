"""A real Slurm of one node, for tests: Debian's packages, installed and started where this process is root."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("slurm-wlm", "munge")
CONFIG = """\
ClusterName=test
SlurmctldHost={host}
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
KillWait=2
NodeName={host} CPUs={cpus} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES State=UP MaxTime=INFINITE
"""


class NoSlurm(Exception):
    """There is none here; `str()` says why."""


def install() -> None:
    """Install Slurm and munge if they are not there.

    Raises:
        NoSlurm: this process is not root, or apt-get does not find them.
    """
    if os.geteuid() != 0:
        raise NoSlurm("Slurm is installed and started by root")
    if all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        return
    if shutil.which("apt-get") is None:
        raise NoSlurm("there is no apt-get here, and no Slurm")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        process = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True, check=False)
        if process.returncode:
            raise NoSlurm(f"apt-get cannot install {', '.join(PACKAGES)}: {process.stderr.strip()[-200:]}")


@contextlib.contextmanager
def one_node_slurm(folder: Path, cpus: int = 2) -> Iterator[dict[str, str]]:
    """Start munged, slurmctld and slurmd below `folder`; yields the variables that clients need."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    config = CONFIG.format(host=host, folder=folder, cpus=cpus, controller=_free_port(), daemon=_free_port())
    (folder / "slurm.conf").write_text(config)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    munged = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}"]
    munged += [f"--{name}-file={folder}/munged.{name}" for name in ("pid", "log", "seed")]
    with contextlib.ExitStack() as running:
        for command in (munged, ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-c", "-N", host]):
            process = subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            running.callback(_stop, process)
            time.sleep(1)
        _await_idle(environment, folder)
        yield {"SLURM_CONF": environment["SLURM_CONF"]}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await_idle(environment: dict[str, str], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        said = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], env=environment, capture_output=True, text=True, check=False
        )
        if said.stdout.strip() == "idle":
            return
        time.sleep(1)
    logs = "\n".join(path.read_text(errors="replace")[-1500:] for path in folder.glob("*.log"))
    raise NoSlurm(f"the node does not become idle: {said.stdout} {said.stderr}\n{logs}")


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
