"""Landlock: a worker may read a few folders and write nothing.

A ruleset is created once by the zygote, which can still open every path. It is applied in each worker after the worker
has given up its privileges.

There are Python bindings. `landlock` handles files only, neither TCP nor signals. `landlockpy`, and `py-landlock` with
its low-level functions, could replace the three system calls below. With them, too, the caller must leave out
rights that a file cannot have, and treat EPERM (from a container's filter) as "no Landlock". What they would save does
not justify another package in the grader's containers.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from autograder.sandbox.linux import syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR, _IOCTL_DEVICE = 1 << 1, 1 << 2, 1 << 3, 1 << 15
_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 5: 16}  # ABI: number of file-system rights it knows
_NETWORK_ABI, _ALL_NETWORK = 4, 0b11  # bind and connect of TCP
_SCOPE_ABI, _ALL_SCOPES = 6, 0b11  # abstract unix sockets, signals


def abi() -> int:
    """Return the Landlock ABI version of the running kernel; 0 when Landlock is missing or disabled."""
    try:
        return syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0
        raise


def ruleset(readable: Iterable[Path], writable: Iterable[Path] = (), listable: Iterable[Path] = ()) -> int:
    """Create a ruleset that allows reading below `readable` and denies everything else.

    Args:
        readable: files and folders.
        writable: existing files, also devices, that may be written and used with ioctl; no file can be created.
        listable: folders below which file names, but no files, can be read.

    Returns:
        The file descriptor of the ruleset.
    """
    version = abi()
    handled = (1 << max(bits for known, bits in _RIGHTS_OF_ABI.items() if known <= version)) - 1
    network = _ALL_NETWORK if version >= _NETWORK_ABI else 0
    scopes = _ALL_SCOPES if version >= _SCOPE_ABI else 0
    attributes = struct.pack("=QQQ", handled, network, scopes)
    size = 24 if scopes else 16 if network else 8  # older kernels know a shorter structure
    number = syscall(_CREATE_RULESET, _pointer(attributes), size, 0)
    for path in readable:
        _allow(number, path, _READ_FILE | _READ_DIR)
    for path in listable:
        _allow(number, path, _READ_DIR)
    for path in writable:
        _allow(number, path, handled & (_READ_FILE | _READ_DIR | _WRITE_FILE | _IOCTL_DEVICE))
    return number


def restrict_self(ruleset: int) -> None:
    """Apply `ruleset` to this thread and to all that it starts. Requires no_new_privs; cannot be undone."""
    syscall(_RESTRICT_SELF, ruleset, 0)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = rights if path.is_dir() else rights & ~_READ_DIR
        syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, _pointer(struct.pack("=Qi", rights, parent)), 0)
    finally:
        os.close(parent)


def _pointer(data: bytes) -> ctypes.c_void_p:
    buffer = ctypes.create_string_buffer(data, len(data))
    pointer = ctypes.cast(buffer, ctypes.c_void_p)
    pointer.keep_alive = buffer
    return pointer
