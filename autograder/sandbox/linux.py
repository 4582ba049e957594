"""Linux calls for which Python has no wrapper. Each raises `OSError` when the kernel refuses it."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 1 << 12, 1 << 14, 1 << 18

_MNT_DETACH = 2

CAP_SETGID, CAP_SETUID, CAP_SYS_CHROOT = 6, 7, 18

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT, _MOST_KEPT = 32 << 20, 256 << 20

_MADV_COLLAPSE, _HUGE_PAGE = 25, 2 << 20

_libc = ctypes.CDLL(None, use_errno=True)
_CAPABILITY_VERSION_3 = 0x20080522


def syscall(number: int, *args: int | ctypes.c_void_p | None) -> int:
    """Call the kernel directly; every argument is passed as one machine word."""
    words = [arg if isinstance(arg, ctypes.c_void_p) else ctypes.c_long(arg or 0) for arg in args]
    _libc.syscall.restype = ctypes.c_long
    return _checked(_libc.syscall(ctypes.c_long(number), *words))


def prctl(option: int, value: int = 0) -> int:
    """`prctl(option, value, 0, 0, 0)`."""
    return _checked(_libc.prctl(option, *(ctypes.c_ulong(word) for word in (value, 0, 0, 0))))


def set_name(name: str) -> None:
    """Set the name of this thread, which other processes read in `/proc/PID/comm`."""
    _checked(_libc.prctl(PR_SET_NAME, name.encode()))


def keep_freed_memory() -> None:
    """Have the C library use freed memory again, not return it: each new megabyte costs 256 page faults."""
    if hasattr(_libc, "mallopt"):  # glibc
        _libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        _libc.mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT)


def return_freed_memory() -> None:
    """Have the C library give all memory that is free back to the kernel."""
    if hasattr(_libc, "malloc_trim"):  # glibc
        _libc.malloc_trim(0)


def use_huge_pages() -> None:
    """Move the memory of this process into pages of 2 MB, where the kernel can (Linux 6.1); it takes half a second.

    A process that is forked afterwards gets one entry of the page table for them, not 512.
    """
    with open("/proc/self/maps") as maps:
        regions = [line.split() for line in maps]
    for place, rights, _, _, _, *name in regions:
        first, last = (int(address, 16) for address in place.split("-"))
        start, end = -(-first // _HUGE_PAGE) * _HUGE_PAGE, last // _HUGE_PAGE * _HUGE_PAGE
        if rights == "rw-p" and name in ([], ["[heap]"]) and start < end:
            _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)


def unshare(flags: int) -> None:
    """Move this process into new namespaces."""
    _checked(_libc.unshare(flags))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount a file system, or with `MS_BIND` a folder or file at another place."""
    words = (source.encode(), target.encode(), kind.encode())
    _checked(_libc.mount(*words, ctypes.c_ulong(flags), options.encode()))


def unmount(target: str) -> None:
    """Detach what is mounted at a path, and everything below."""
    _checked(_libc.umount2(target.encode(), _MNT_DETACH))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies; exit if the parent is dead already."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def drop_capabilities() -> None:
    """Give up all capabilities. A process in a new user namespace starts with all of them."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))


def has_capability(number: int) -> bool:
    """Return whether this capability is effective in this process."""
    with open("/proc/self/status") as status:
        effective = next(line for line in status if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> number & 1)


def thread_count() -> int:
    """The number of OS threads of this process, including those that Python did not start."""
    return len(os.listdir("/proc/self/task"))


def _checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
