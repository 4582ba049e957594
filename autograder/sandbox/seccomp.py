"""A seccomp filter for workers: one process, no sockets, no opening of files for writing, signals to itself only.

Written by hand because the bindings of libseccomp need a C library that a machine may lack, and seccompy, which does
not, has no rules for ranges of call numbers (those of x32, and those that are newer than the list in `syscalls`). The
program is classic BPF: a linear list of tests, each followed by its action.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

from autograder.sandbox.linux import syscall
from autograder.sandbox.syscalls import NEWEST, NUMBERS

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column in NUMBERS, AUDIT_ARCH_*
_SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _GET_ACTION_AVAIL = 1, 2
_ALL_THREADS = 1

_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _GREATER_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AND, _SHIFT_RIGHT = 0x54, 0x74
_X32 = 0x40000000  # the numbers of the x32 ABI of x86_64, for the same calls

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_FCNTL = (0, 1, 2, 3, 4, 1030)  # duplicate, flags; not the owner of signals, locks, leases
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_NVIDIA_IOCTL_TYPE = 0x46  # the type byte, 'F', of all requests to /dev/nvidiactl and /dev/nvidia0
_NVIDIA_UVM_IOCTL = (0x30000001, 0x30000002)  # begin and end; all others of /dev/nvidia-uvm are below 256
# PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ, PR_SET_VMA
_PRCTL = (3, 15, 16, 23, 0x53564D41)


def supported() -> bool:
    """Return whether the kernel supports seccomp filters and the call numbers of this architecture are known."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    action = ctypes.c_uint32(_KILL)
    try:
        syscall(_SECCOMP_CALL[machine], _GET_ACTION_AVAIL, 0, ctypes.cast(ctypes.byref(action), ctypes.c_void_p))
    except OSError:
        return False
    return True


def install(gpu: bool = False) -> None:
    """Install the filter in all threads of this process. Requires no_new_privs; cannot be undone.

    Args:
        gpu: also allow what NVIDIA's driver needs, see `program`.
    """
    apply(program(platform.machine(), os.getpid(), gpu))


def apply(code: bytes) -> None:
    """Load a BPF program into the kernel, which runs it at every system call of this process."""
    instructions = ctypes.create_string_buffer(code, len(code))
    pointer = struct.pack("@HP", len(code) // 8, ctypes.addressof(instructions))
    argument = ctypes.create_string_buffer(pointer, len(pointer))
    call = _SECCOMP_CALL[platform.machine()]
    if thread := syscall(call, _SET_MODE_FILTER, _ALL_THREADS, ctypes.cast(argument, ctypes.c_void_p)):
        raise OSError(errno.EBUSY, f"thread {thread} has another filter")


def program(machine: str, pid: int, gpu: bool = False) -> bytes:
    """Assemble the filter for the process `pid` on `machine`.

    With `gpu`, existing files may be opened for writing, and NVIDIA's ioctls are allowed. Use it only in a process
    where Landlock allows writing to nothing but the driver's devices.
    """
    column, architecture = _ARCHITECTURES[machine]
    writing = _WRITING & ~os.O_RDWR if gpu else _WRITING
    judged = {
        "clone": _thread_only(),
        "kill": _one_of(0, (pid,), errno.EPERM),
        "tgkill": _one_of(0, (pid,), errno.EPERM),
        "prlimit64": _one_of(0, (0, pid), errno.EPERM),
        "prctl": _one_of(0, _PRCTL, errno.EPERM),
        "fcntl": _one_of(1, _FCNTL, errno.EPERM),
        "ioctl": (_nvidia() if gpu else []) + _one_of(1, _IOCTL, errno.ENOTTY),
        "open": _no_bits(1, writing, errno.EACCES),
        "openat": _no_bits(2, writing, errno.EACCES),
        "clone3": [_verdict(errno.ENOSYS)],
        "openat2": [_verdict(errno.ENOSYS)],
    }
    code = [_load(4), *_unless(_EQUAL, architecture, _KILL), _load(0)]
    if machine == "x86_64":
        code += _when(_GREATER_EQUAL, _X32, _KILL)
    code += _when(_GREATER_EQUAL, NEWEST + 1, _ERRNO | errno.ENOSYS)
    for name, numbers in NUMBERS.items():
        if (number := numbers[column]) is None:
            continue
        block = judged.get(name, [_instruction(_RETURN, _ALLOW)])
        code += [_instruction(_EQUAL, number, 0, len(block)), *block]
    code.append(_verdict(errno.EPERM))
    return b"".join(code)


def _one_of(argument: int, allowed: Iterable[int], refusal: int) -> list[bytes]:
    tests = [line for value in allowed for line in _when(_EQUAL, value, _ALLOW)]
    return [_load_argument(argument), *tests, _verdict(refusal)]


def _nvidia() -> list[bytes]:
    return [
        _load_argument(1),
        *(line for value in _NVIDIA_UVM_IOCTL for line in _when(_EQUAL, value, _ALLOW)),
        _instruction(_SHIFT_RIGHT, 8),
        *_when(_EQUAL, 0, _ALLOW),
        _instruction(_AND, 0xFF),
        *_when(_EQUAL, _NVIDIA_IOCTL_TYPE, _ALLOW),
    ]


def _no_bits(argument: int, mask: int, refusal: int) -> list[bytes]:
    return [_load_argument(argument), *_when(_ANY_BIT, mask, _ERRNO | refusal), _instruction(_RETURN, _ALLOW)]


def _thread_only() -> list[bytes]:
    refuse = _ERRNO | errno.EPERM
    return [
        _load_argument(0),
        *_when(_ANY_BIT, _CLONE_NAMESPACES, refuse),
        *_when(_ANY_BIT, _CLONE_THREAD, _ALLOW),
        _verdict(errno.EPERM),
    ]


def _when(test: int, value: int, action: int) -> list[bytes]:
    return [_instruction(test, value, 0, 1), _instruction(_RETURN, action)]


def _unless(test: int, value: int, action: int) -> list[bytes]:
    return [_instruction(test, value, 1, 0), _instruction(_RETURN, action)]


def _verdict(error: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | error)


def _load_argument(index: int) -> bytes:
    """Load the low half of an argument: the kernel takes every argument tested here as a 32-bit integer."""
    return _load(16 + 8 * index)


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, offset)


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
