"""The layers that confine a worker before it receives student code.

| layer | takes away | needs |
| --- | --- | --- |
| `uid` | the rights of the user who grades; each worker gets its own user id | root |
| `landlock` | writing files; reading files other than those of Python and torch | Linux 5.13, enabled |
| `chroot` | all files; used with `uid` where Landlock is missing | root |
| `seccomp` | processes, sockets, opening files for writing, signals to others, most system calls | x86_64, aarch64 |
| `rlimits` | memory, CPU time, threads, open files beyond `Limits` | nothing |
| `namespaces` | network, IPC, host name; entered once by the zygote | root, or user namespaces |

`minimum_met` says which layers must be present before student code runs.
"""

import contextlib
import os
import resource
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox import landlock, linux, seccomp
from autograder.sandbox.limits import Limits, TrainingLimits
from autograder.sandbox.ready_made import withhold

# Above all ranges that distributions assign; as many user ids as there can be process ids.
_FIRST_UID, _UIDS = 0x70000000, 1 << 22
_RANDOM = "/dev/urandom"
"""What `torch.seed()` reads."""
_SHARED_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")


@dataclass(frozen=True)
class Plan:
    """How workers are confined on this machine. The zygote opens the file descriptors while it still has the rights."""

    layers: tuple[str, ...]
    ruleset: int | None = None
    empty_root: int | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The file descriptors a worker must not close before it is confined."""
        return tuple(number for number in (self.ruleset, self.empty_root) if number is not None)


def available_layers() -> tuple[str, ...]:
    """Return the layers that work on this machine, without `namespaces`, which are probed by entering them."""
    layers = []
    has_landlock = landlock.abi() > 0
    if os.geteuid() == 0 and linux.has_capability(linux.CAP_SETUID) and linux.has_capability(linux.CAP_SETGID):
        has_chroot = not has_landlock and linux.has_capability(linux.CAP_SYS_CHROOT)
        if _uid_range() is not None and (has_landlock or has_chroot):
            layers += ["uid", "chroot"] if has_chroot else ["uid"]
    if has_landlock:
        layers.append("landlock")
    if seccomp.supported():
        layers.append("seccomp")
    return (*layers, "rlimits")


def minimum_met(layers: Iterable[str]) -> bool:
    """Return whether these layers suffice to run untrusted code: seccomp, and Landlock or a user id of its own."""
    present = set(layers)
    return "seccomp" in present and bool(present & {"uid", "landlock"})


def missing(layers: Iterable[str]) -> str:
    """Return what is missing for `minimum_met`, in words for the user who grades."""
    present, lacks = set(layers), []
    if "seccomp" not in present:
        lacks.append("seccomp is missing (Linux on x86_64 or aarch64, with CONFIG_SECCOMP_FILTER)")
    if not present & {"uid", "landlock"}:
        lacks.append("Landlock is missing (Linux 5.13, listed in /sys/kernel/security/lsm), and you are not root")
    return "; ".join(lacks)


def enter_namespaces() -> bool:
    """Move this process into new namespaces for network, IPC and host name; return False where not permitted."""
    flags = linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
    if os.geteuid() != 0:
        flags |= linux.CLONE_NEWUSER
    try:
        linux.unshare(flags)
    except OSError:
        return False
    return True


def make_plan(layers: tuple[str, ...], readable: Iterable[Path], writable: Iterable[Path] = ()) -> Plan:
    """Open what workers need to confine themselves.

    Args:
        layers: the layers to use.
        readable: files and folders that workers may read, except the ready-made networks in them.
        writable: existing files that workers may also write.
    """
    ruleset = None
    if "landlock" in layers:
        readable, listable = withhold(readable)
        ruleset = landlock.ruleset(readable, writable, listable)
    empty_root = _open_empty_directory() if "chroot" in layers else None
    return Plan(layers, ruleset, empty_root)


def python_paths() -> list[Path]:
    """Return what a worker may read: Python, its packages, the shared libraries they load, and random numbers."""
    homes = [Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    packages = [path for path in map(Path, sys.path) if path.name in ("site-packages", "dist-packages")]
    candidates = [*(home / name for home in homes for name in ("lib", "lib64")), *packages]
    candidates += map(Path, (*_SHARED_LIBRARIES, _RANDOM))
    return sorted({path.resolve() for path in candidates if path.exists()})


def confine(plan: Plan, limits: Limits, parent: int) -> None:
    """Apply every layer of `plan` to this process. This cannot be undone.

    The order matters: changing the user id clears the parent-death signal, and after Landlock and seccomp no other
    layer can be applied.

    Raises:
        OSError: a layer could not be applied.
    """
    become(choose_identity(plan, limits, _mapped_bytes() + limits.memory_bytes), plan, parent)
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    if "landlock" in plan.layers:
        landlock.restrict_self(plan.ruleset)
    for number in plan.descriptors:
        os.close(number)
    if "seccomp" in plan.layers:
        seccomp.install()


@dataclass(frozen=True)
class WorkerIdentity:
    """The user id that a worker takes, None to keep its present one, and its resource limits."""

    uid: int | None
    rlimits: dict[int, tuple[int, int]]


def choose_identity(plan: Plan, limits: Limits | TrainingLimits, address_space: int | None) -> WorkerIdentity:
    """Choose user id and resource limits of this process, while `/proc` can still be read.

    Args:
        address_space: limit on the mapped bytes; no limit when None.
    """
    uid = _own_uid() if "uid" in plan.layers else None
    return WorkerIdentity(uid, _rlimits(limits, address_space, others=0 if uid else _tasks_on_this_machine()))


def become(identity: WorkerIdentity, plan: Plan, parent: int) -> None:
    """Apply the layers that affect all threads of a process: chroot, user id, capabilities, resource limits."""
    uid = identity.uid
    if "chroot" in plan.layers:
        os.fchdir(plan.empty_root)
        os.chroot(".")
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    linux.drop_capabilities()
    linux.die_with_parent(parent)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    for kind, limit in identity.rlimits.items():
        resource.setrlimit(kind, limit)


def _own_uid() -> int:
    """A user and group id that nothing else on this machine has, derived from the process id."""
    first, count = _uid_range()
    return first + os.getpid() % count


def _uid_range() -> tuple[int, int] | None:
    """`(first, count)` of the user ids for workers; a container has only those in `/proc/self/uid_map`."""
    ranges = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    if any(first <= _FIRST_UID and first + count >= _FIRST_UID + _UIDS for first, _, count in ranges):
        return _FIRST_UID, _UIDS
    first, _, count = max(ranges, key=lambda entry: entry[2])
    return (first + count // 2, count // 2 - 16) if count >= 1 << 16 else None


def _rlimits(limits: Limits | TrainingLimits, address_space: int | None, others: int) -> dict[int, tuple[int, int]]:
    """Soft and hard limits. `others`: tasks with the same user id, which the kernel counts as well."""
    wanted = {
        resource.RLIMIT_NPROC: 1 + limits.threads + others,
        resource.RLIMIT_NOFILE: limits.files,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_CPU: limits.cpu_seconds + 1,
    }
    if address_space is not None:
        wanted[resource.RLIMIT_AS] = address_space
    result = {}
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        result[kind] = (value, value)
    # SIGXCPU at the soft limit identifies this cause of death; code that ignores it is killed a second later.
    last = result[resource.RLIMIT_CPU][1]
    result[resource.RLIMIT_CPU] = (last - 1, last)
    return result


def _mapped_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _tasks_on_this_machine() -> int:
    return int(Path("/proc/loadavg").read_text().split()[3].split("/")[1])


def _open_empty_directory() -> int:
    """Open a directory and remove its name: nothing can be created in it, and nothing needs to be cleaned up."""
    path = tempfile.mkdtemp()
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(os.rmdir, path)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
