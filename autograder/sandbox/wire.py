"""Frames between the grader and a worker: a JSON header of bounded size, and a body that `tensors` reads. No pickle.

A worker may send any bytes. Sizes are checked before memory is allocated, one deadline covers a whole frame, and
nothing is used before it has been parsed and checked. Every failure is a `WireError`, except a deadline.

This module does not import torch, so that a zygote can be started before the grader has imported it.
"""

import json
import math
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any

MAX_REPLY_HEADER = 1 << 21
MAX_REQUEST_HEADER = 1 << 25

_MAGIC = b"RGW1"
_PREFIX = struct.Struct("<4sIQ")
_CHUNK = 1 << 20


class WireError(Exception):
    """The bytes received are not a frame, or not the expected frame."""


class TooLarge(WireError):
    """The frame is larger than allowed; no memory was allocated for it."""


class PeerClosed(WireError):
    """The other side closed the connection."""


class DeadlineExceeded(Exception):
    """The other side did not accept or send a frame in time."""


def send(
    sock: socket.socket,
    header: Mapping[str, Any],
    body: bytes | bytearray = b"",
    deadline: float = math.inf,
    before: Sequence[bytes] = (),
) -> None:
    """Send one frame; `deadline` is a value of `time.monotonic()`. The body begins with the parts in `before`."""
    text = _ENCODER.encode(header).encode()
    text += b" " * (-len(text) % 8)  # the numbers in the body lie where their types need it
    size = sum(map(len, before)) + len(body)
    parts = [_PREFIX.pack(_MAGIC, len(text), size) + text, *before, body]
    if size < _CHUNK:  # the other side wakes up once
        parts = [b"".join(parts)]
    try:
        for part in parts:
            view = memoryview(part)
            while view:
                _await(sock, deadline)
                view = view[sock.send(view) :]
    except TimeoutError:
        raise DeadlineExceeded from None
    except OSError as error:
        raise PeerClosed(str(error)) from None


def receive(
    sock: socket.socket, max_header: int, max_body: int, deadline: float = math.inf
) -> tuple[dict[str, Any], memoryview]:
    """Receive one frame: its header, parsed as JSON, and its body, not parsed."""
    magic, header_size, body_size = _PREFIX.unpack(_receive_exactly(sock, _PREFIX.size, deadline))
    if magic != _MAGIC:
        raise WireError("not a frame")
    if header_size > max_header or body_size > max_body:
        raise TooLarge(f"{header_size} bytes of header, {body_size} bytes of tensors")
    frame = _receive_exactly(sock, header_size + body_size, deadline)
    return parse_header(frame[:header_size]), memoryview(frame)[header_size:]


def parse_header(text: bytes | bytearray) -> dict[str, Any]:
    """Parse a JSON object; NaN, repeated keys and nesting that exhausts the stack are errors."""
    try:
        header = _DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {type(error).__name__}") from None
    if not isinstance(header, dict):
        raise WireError("not a JSON object")
    return header


def fields(header: object, types: Mapping[str, type]) -> dict[str, Any]:
    """Return `header` if it has exactly these fields, each of exactly this type (a bool is not an int)."""
    if not isinstance(header, dict) or header.keys() != types.keys():
        raise WireError(f"expected the fields {sorted(types)}")
    for name, kind in types.items():
        if type(header[name]) is not kind:
            raise WireError(f"expected {name} to be {kind.__name__}")
    return header


def _receive_exactly(sock: socket.socket, size: int, deadline: float) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    try:
        while view:
            _await(sock, deadline)
            if not (count := sock.recv_into(view, min(len(view), _CHUNK))):
                raise PeerClosed("the connection was closed")
            view = view[count:]
    except TimeoutError:
        raise DeadlineExceeded from None
    except OSError as error:
        raise PeerClosed(str(error)) from None
    return data


def _await(sock: socket.socket, deadline: float) -> None:
    """Set the timeout of `sock` such that its next call ends at `deadline`."""
    if deadline == math.inf:
        if sock.gettimeout() is not None:
            sock.settimeout(None)
        return
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise DeadlineExceeded
    sock.settimeout(remaining)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a repeated key")
    return result


_ENCODER = json.JSONEncoder(allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_without_repeats)
