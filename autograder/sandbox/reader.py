"""Reads submissions in a confined process: a file that exhausts time or memory when it is unpacked or parsed does not
affect other submissions.

The process is forked from the zygote for one file and confined like a worker. It replies with a `Reading` of bounded
size, which is checked here.
"""

import itertools
import json
import signal
import time
from pathlib import Path

import torch

from autograder.sandbox import wire
from autograder.sandbox.launcher import Death, Worker, Zygote
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.tensors import check, pack, unpack
from autograder.student.errors import GraderBroken
from autograder.submission import Reading, UnreadableSubmission, Upload, read_source, read_upload
from autograder.submission.read import shown
from autograder.submission.sanitize import sanitize
from autograder.submission.size_limit import MOST_BYTES, weight_of

READER_LIMITS = Limits(request_seconds=60.0, cpu_seconds=10, memory_bytes=1024 * MIB, reply_bytes=4 * MIB, threads=4)
"""Limits for reading what one student handed in. A typical file takes a few milliseconds."""
MOST_WORDS = 2000
"""Characters of a message that a reader sends."""
_GRACE_SECONDS = 0.5


def read_confined(path: Path, zygote: Zygote, limits: Limits = READER_LIMITS) -> Reading:
    """Read a submission, a file or a folder, in a confined process of its own.

    Raises:
        UnreadableSubmission: no code can be read from it within the limits; `str()` is one line for the student.
        GraderBroken: the reader itself failed.
    """
    upload = read_upload(path)
    worker = zygote.start_worker(limits)
    death = None
    try:
        return _ask(worker, upload, limits)
    except wire.DeadlineExceeded:
        raise UnreadableSubmission(_too_slow(path.name, limits.request_seconds)) from None
    except wire.TooLarge:
        raise UnreadableSubmission(f"{shown(path.name)}: it holds too much code.") from None
    except wire.PeerClosed:
        death = zygote.reap(worker.pid, _GRACE_SECONDS)
        raise UnreadableSubmission(_why_it_died(path.name, death, limits)) from None
    except wire.WireError as error:
        raise GraderBroken(f"{shown(path.name)}: the reader sent {error}") from None
    finally:
        worker.channel.close()
        if death is None:
            zygote.reap(worker.pid)


def _ask(worker: Worker, upload: Upload, limits: Limits) -> Reading:
    name, deadline = upload.name, time.monotonic() + limits.request_seconds
    sizes = {path: len(data) for path, data in upload.files.items()}
    data = bytearray(b"".join([*upload.files.values(), b"\0"]))  # a tensor of no bytes cannot be sent
    body = pack({"files": torch.frombuffer(data, dtype=torch.uint8)})
    request = {"id": 0, "op": "read", "args": {"name": name, "sizes": sizes}, "size": len(body)}
    wire.send(worker.channel, request, body, deadline)
    reply, replied = wire.receive(worker.channel, wire.MAX_REPLY_HEADER, limits.reply_bytes, deadline)
    if "error" in reply:
        error = wire.fields(reply["error"], {"kind": str, "message": str, "traceback": str})
        if error["kind"] == "MemoryError":
            raise UnreadableSubmission(_too_big(name, limits))
        what = sanitize(f"{error['kind']}: {error['message']}", MOST_WORDS, one_line=True)
        raise GraderBroken(f"{shown(name)}: the reader failed with {what}")
    result = wire.fields(reply.get("result"), {"unreadable": str})
    tensors = unpack(replied)
    if result["unreadable"]:
        check(tensors, {})
        raise UnreadableSubmission(sanitize(result["unreadable"], MOST_WORDS, one_line=True))
    if tensors.keys() != {"reading"} or tensors["reading"].dtype != torch.uint8:
        raise wire.WireError("no reading")
    try:
        reading = Reading.from_json(wire.parse_header(bytes(tensors["reading"].numpy())))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise wire.WireError("an incomplete reading") from None
    for one in (reading, *reading.earlier):
        if not one.too_long and weight_of(one.bare) > MOST_BYTES:
            raise wire.WireError("more code to train than there may be")
    return reading


def answer(name: str, sizes: dict[str, int], data: bytes) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """In the reader process: read the files, and reply in tensors as a worker does."""
    ends = itertools.accumulate(sizes.values())
    files = {path: data[end - sizes[path] : end] for path, end in zip(sizes, ends, strict=True)}
    try:
        text = json.dumps(read_source(Upload(name, files)).to_json()).encode()
    except UnreadableSubmission as error:
        return {"unreadable": str(error)}, {}
    return {"unreadable": ""}, {"reading": torch.frombuffer(bytearray(text), dtype=torch.uint8)}


def _too_slow(name: str, seconds: float) -> str:
    return f"{shown(name)}: it took more than {seconds:g} s to read: leave out generated code and data."


def _too_big(name: str, limits: Limits) -> str:
    allowed = f"{limits.memory_bytes // MIB} MB of memory"
    return f"{shown(name)}: it cannot be read within {allowed}: leave out data, and what is nested very deeply."


def _why_it_died(name: str, death: Death, limits: Limits) -> str:
    if death.exit_code == -signal.SIGXCPU or death.cpu_seconds >= limits.cpu_seconds:
        return _too_slow(name, limits.cpu_seconds)
    return _too_big(name, limits)
