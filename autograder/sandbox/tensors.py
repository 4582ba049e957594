"""Tensors as bytes in the safetensors format: names, dtypes, shapes and numbers, never code.

`unpack` accepts untrusted bytes: it returns valid tensors or raises `WireError`.
"""

import functools
import json
import math
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from autograder.sandbox.wire import WireError, fields, parse_header

MAX_TABLE = 1 << 22
MAX_TENSORS = 4096
MAX_NAME = 512
MAX_DIMENSIONS = 8
MAX_SIZE = 1 << 31  # of one dimension; an empty tensor may declare any other

_KNOWN = 256
"""Tables that are kept: the same ones come again and again."""
_MOST_KNOWN = 1 << 13
"""Bytes of a table that is kept."""

_LENGTH = struct.Struct("<Q")
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
_OF_NUMPY = {torch.float32, torch.float64, torch.int64, torch.uint8}
"""Types that NumPy has as well: most tensors have one of them, and are read without a detour."""
_FIELDS = {"dtype": str, "shape": list, "data_offsets": list}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}

Expected = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Write tensors in the safetensors format. This is several times faster than the library."""
    if not tensors:
        return b""
    table = _table(tuple((name, value.dtype, value.shape) for name, value in tensors.items()))
    return b"".join([table, *map(_raw_bytes, tensors.values())])


def packable(tensor: Tensor) -> bool:
    """Return whether `pack` can write this tensor; not if it is sparse, quantized or on the meta device."""
    return tensor.dtype in _NAMES and tensor.layout == torch.strided and tensor.device.type == "cpu"


def unpack(body: bytearray | memoryview) -> dict[str, Tensor]:
    """Read what `pack` wrote, in the same order; the tensors are views of `body`.

    Stricter than the format: the tensors must be stored in the order of the table and without gaps. Values are not
    checked; they may be NaN.

    Raises:
        WireError: `body` has another form.
    """
    if not body:
        return {}
    body, start = memoryview(body), _LENGTH.size
    table_size = _LENGTH.unpack_from(body)[0] if len(body) >= start else len(body)
    if table_size > min(MAX_TABLE, len(body) - start):
        raise WireError("a table of tensors that is too large, or not there")
    start += table_size
    text, data = bytes(body[_LENGTH.size : start]), body[start:]
    entries = (_known_entries if table_size <= _MOST_KNOWN else _entries)(text)
    if (entries[-1].end if entries else 0) != len(data):
        raise WireError("tensors whose sizes do not match that of the body")
    return {entry.name: _tensor(entry, data) for entry in entries}


def outline(tensor: Tensor) -> list[Any]:
    """The dtype and the shape of a tensor, for JSON."""
    return [_NAMES[tensor.dtype], list(tensor.shape)]


def from_outline(entry: object) -> Tensor:
    """A tensor of that dtype and shape without values, on the meta device; raises `WireError` where there is none."""
    if type(entry) is not list or [type(part) for part in entry] != [str, list]:
        raise WireError("expected a dtype and a shape")
    return torch.empty(entry[1], dtype=_checked_dtype(*entry), device="meta")


def check(tensors: Mapping[str, Tensor], expected: Expected) -> None:
    """Raise `WireError` unless `tensors` has exactly the names, dtypes and shapes `expected`."""
    if tensors.keys() != expected.keys():
        raise WireError(f"expected the tensors {sorted(expected)}")
    for name, (dtype, shape) in expected.items():
        if tensors[name].dtype != dtype or tuple(tensors[name].shape) != shape:
            raise WireError(f"expected {name} to be {dtype} of shape {shape}")


def same_bits(tensor: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one type and shape hold the same bits; a NaN is the same as itself."""
    return np.array_equal(*(np.frombuffer(_raw_bytes(one), np.uint8) for one in (tensor, other)))


class _Entry(NamedTuple):
    """Of a table: where a tensor lies."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    end: int


@functools.lru_cache(_KNOWN)
def _table(tensors: tuple[tuple[str, torch.dtype, tuple[int, ...]], ...]) -> bytes:
    """The table of tensors of these names, types and shapes, with its length before it."""
    table, end = {}, 0
    for name, dtype, shape in tensors:
        start, end = end, end + math.prod(shape) * dtype.itemsize
        table[name] = {"dtype": _NAMES[dtype], "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 8)
    return _LENGTH.pack(len(text)) + text


def _entries(text: bytes) -> tuple[_Entry, ...]:
    """Parse a table, and check it; the first tensor begins at 0, and each other one where the one before it ends."""
    table, entries, end = parse_header(text), [], 0
    if len(table) > MAX_TENSORS:
        raise WireError(f"{len(table)} tensors")
    for name, entry in table.items():
        fields(entry, _FIELDS)
        if len(name) > MAX_NAME or not name.isprintable():
            raise WireError("a tensor with a strange name")
        dtype, start = _checked_dtype(entry["dtype"], entry["shape"]), end
        end += math.prod(entry["shape"]) * dtype.itemsize
        if entry["data_offsets"] != [start, end]:
            raise WireError("a tensor whose size does not match its shape")
        entries.append(_Entry(name, dtype, tuple(entry["shape"]), start, end))
    return tuple(entries)


_known_entries = functools.lru_cache(_KNOWN)(_entries)


def _tensor(entry: _Entry, data: memoryview) -> Tensor:
    """The tensor of this entry."""
    _, dtype, shape, start, end = entry
    if start == end:
        return torch.empty(shape, dtype=dtype)
    if dtype == torch.bool and bytes(data[start:end]).translate(None, b"\0\1"):
        raise WireError("a bool that is neither true nor false")
    count = (end - start) // dtype.itemsize
    tensor = torch.frombuffer(data, dtype=dtype, count=count, offset=start)
    tensor = tensor if len(shape) == 1 else tensor.view(shape)
    return tensor if tensor.data_ptr() % dtype.itemsize == 0 else tensor.clone()


def _checked_dtype(name: str, shape: list[Any]) -> torch.dtype:
    """The dtype of this name; raises `WireError` where there is none, or no tensor of this shape."""
    if name not in _DTYPES or len(shape) > MAX_DIMENSIONS:
        raise WireError("a tensor with a strange dtype or shape")
    sizes = [size for size in shape if size]  # PyTorch multiplies them all, also where one is 0
    if not all(type(size) is int and 0 <= size <= MAX_SIZE for size in shape) or math.prod(sizes) > MAX_SIZE:
        raise WireError("a tensor with a strange shape")
    return _DTYPES[name]


def _raw_bytes(tensor: Tensor) -> memoryview:
    if tensor.dtype in _OF_NUMPY and tensor.is_contiguous() and not tensor.is_neg() and tensor.dim() and tensor.numel():
        return memoryview(tensor.detach().numpy()).cast("B")
    flat = tensor.detach().contiguous().reshape(-1).resolve_conj().resolve_neg()
    return memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b"")
