"""Frames between the grader and a worker: a bounded JSON header and a body of safetensors. No pickle.

What a worker sends may be anything. Sizes are checked before memory is allocated, one deadline covers a
whole frame, and nothing is used before it has been parsed and checked; every failure is a `WireError`.
"""

import json
import math
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

MAX_REPLY_HEADER = 1 << 18
MAX_REQUEST_HEADER = 1 << 25
MAX_TABLE = 1 << 22
MAX_TENSORS = 4096
MAX_NAME = 512
MAX_DIMENSIONS = 8
MAX_SIZE = 1 << 31  # of one dimension; an empty tensor may declare any other

_MAGIC = b"RGW1"
_PREFIX = struct.Struct("<4sIQ")
_LENGTH = struct.Struct("<Q")
_CHUNK = 1 << 20
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "C64": torch.complex64,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}

Expected = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]


class WireError(Exception):
    """What came is not a frame, or not the frame that was asked for."""


class TooLarge(WireError):
    """More than was allowed; nothing was allocated for it."""


class PeerClosed(WireError):
    """The other side is gone."""


class DeadlineExceeded(Exception):
    """The other side did not take or deliver a frame in time."""


def send(
    sock: socket.socket, header: Mapping[str, Any], body: bytes | bytearray = b"", deadline: float = math.inf
) -> None:
    """Send one frame; `deadline` is a `time.monotonic()`."""
    text = json.dumps(header, allow_nan=False).encode()
    try:
        for part in (_PREFIX.pack(_MAGIC, len(text), len(body)) + text, body):
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
) -> tuple[dict[str, Any], bytearray]:
    """Receive one frame: its header, checked to be plain JSON, and its body, unparsed."""
    magic, header_size, body_size = _PREFIX.unpack(_receive_exactly(sock, _PREFIX.size, deadline))
    if magic != _MAGIC:
        raise WireError("not a frame")
    if header_size > max_header or body_size > max_body:
        raise TooLarge(f"{header_size} bytes of header, {body_size} bytes of tensors")
    header = parse_header(_receive_exactly(sock, header_size, deadline))
    return header, _receive_exactly(sock, body_size, deadline)


def parse_header(text: bytes | bytearray) -> dict[str, Any]:
    """Parse a JSON object; refuses NaN, repeated keys and nesting that exhausts the stack."""
    try:
        header = json.loads(text.decode(), parse_constant=_refuse, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {type(error).__name__}") from None
    if not isinstance(header, dict):
        raise WireError("not a JSON object")
    return header


def fields(header: object, types: Mapping[str, type]) -> dict[str, Any]:
    """Return `header` when it has exactly these fields, each exactly of this type (a bool is no int)."""
    if not isinstance(header, dict) or header.keys() != types.keys():
        raise WireError(f"expected the fields {sorted(types)}")
    for name, kind in types.items():
        if type(header[name]) is not kind:
            raise WireError(f"expected {name} to be {kind.__name__}")
    return header


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Write tensors in the safetensors format, which the library does several times more slowly."""
    table, parts, end = {}, [], 0
    for name, tensor in tensors.items():
        data = _raw_bytes(tensor)
        table[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [end, end + len(data)],
        }
        parts.append(data)
        end += len(data)
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([_LENGTH.pack(len(text)), text, *parts]) if table else b""


def packable(tensor: Tensor) -> bool:
    """Can `pack` write this tensor? Not a sparse, quantised or meta one."""
    return tensor.dtype in _NAMES and tensor.layout == torch.strided and tensor.device.type == "cpu"


def unpack(body: bytearray, expected: Expected | None = None) -> dict[str, Tensor]:
    """Read what `pack` wrote, in the same order; the tensors are views of `body`.

    Stricter than the format: tensors lie in the order of the table and without gaps. With `expected`, names, dtypes
    and shapes must be exactly these. Values are not judged: a NaN is as good as any other wrong answer.
    """
    tensors, start = {}, _LENGTH.size
    if body:
        table_size = _LENGTH.unpack_from(body)[0] if len(body) >= start else len(body)
        if table_size > min(MAX_TABLE, len(body) - start):
            raise WireError("a table of tensors that is too large, or not there")
        table = parse_header(body[start : start + table_size])
        if len(table) > MAX_TENSORS:
            raise WireError(f"{len(table)} tensors")
        start += table_size
        data = memoryview(body)[start:]
        end = 0
        for name, entry in table.items():
            tensors[name], end = _tensor(name, entry, data, end)
        if end != len(data):
            raise WireError("bytes that belong to no tensor")
    if expected is not None:
        check(tensors, expected)
    return tensors


def check(tensors: Mapping[str, Tensor], expected: Expected) -> None:
    """Raise unless `tensors` has exactly the names, dtypes and shapes `expected`."""
    if tensors.keys() != expected.keys():
        raise WireError(f"expected the tensors {sorted(expected)}")
    for name, (dtype, shape) in expected.items():
        if tensors[name].dtype != dtype or tuple(tensors[name].shape) != shape:
            raise WireError(f"expected {name} to be {dtype} of shape {shape}")


def _tensor(name: str, entry: object, data: memoryview, start: int) -> tuple[Tensor, int]:
    """Return the tensor of this entry, which must begin at `start`, and where it ends."""
    fields(entry, {"dtype": str, "shape": list, "data_offsets": list})
    dtype, shape = _DTYPES.get(entry["dtype"]), entry["shape"]
    if len(name) > MAX_NAME or not name.isprintable() or dtype is None or len(shape) > MAX_DIMENSIONS:
        raise WireError("a tensor with a strange name, dtype or shape")
    if not all(type(size) is int and 0 <= size <= MAX_SIZE for size in shape):
        raise WireError("a tensor with a strange shape")
    end = start + math.prod(shape) * dtype.itemsize
    if entry["data_offsets"] != [start, end] or end > len(data):
        raise WireError("a tensor whose size does not match its shape")
    if start == end:
        return torch.empty(shape, dtype=dtype), end
    part = data[start:end]
    if dtype == torch.bool and bytes(part).translate(None, b"\0\1"):
        raise WireError("a bool that is neither true nor false")
    tensor = torch.frombuffer(part, dtype=dtype).reshape(shape)
    return tensor if tensor.data_ptr() % dtype.itemsize == 0 else tensor.clone(), end


def _raw_bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().contiguous().reshape(-1).resolve_conj().resolve_neg()
    return memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b"")


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
    """Let the next call on `sock` wait until `deadline`, and no longer."""
    if deadline == math.inf:
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
