"""Tensors as bytes in the safetensors format: names, dtypes, shapes and numbers, never code.

`unpack` accepts untrusted bytes: it returns valid tensors or raises `WireError`.
"""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from autograder.sandbox.wire import WireError, fields, parse_header

MAX_TABLE = 1 << 22
MAX_TENSORS = 4096
MAX_NAME = 512
MAX_DIMENSIONS = 8
MAX_SIZE = 1 << 31  # of one dimension; an empty tensor may declare any other

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
    """Return whether `pack` can write this tensor; not if it is sparse, quantized or on the meta device."""
    return tensor.dtype in _NAMES and tensor.layout == torch.strided and tensor.device.type == "cpu"


def unpack(body: bytearray | memoryview) -> dict[str, Tensor]:
    """Read what `pack` wrote, in the same order; the tensors are views of `body`.

    Stricter than the format: the tensors must be stored in the order of the table and without gaps. Values are not
    checked; they may be NaN.

    Raises:
        WireError: `body` has another form.
    """
    tensors, start = {}, _LENGTH.size
    if body:
        table_size = _LENGTH.unpack_from(body)[0] if len(body) >= start else len(body)
        if table_size > min(MAX_TABLE, len(body) - start):
            raise WireError("a table of tensors that is too large, or not there")
        table = parse_header(bytes(body[start : start + table_size]))
        if len(table) > MAX_TENSORS:
            raise WireError(f"{len(table)} tensors")
        start += table_size
        data = memoryview(body)[start:]
        end = 0
        for name, entry in table.items():
            tensors[name], end = _tensor(name, entry, data, end)
        if end != len(data):
            raise WireError("bytes that belong to no tensor")
    return tensors


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


def _tensor(name: str, entry: object, data: memoryview, start: int) -> tuple[Tensor, int]:
    """Return the tensor of this entry, which must begin at `start`, and the offset of its end."""
    fields(entry, _FIELDS)
    if len(name) > MAX_NAME or not name.isprintable():
        raise WireError("a tensor with a strange name")
    shape = entry["shape"]
    dtype = _checked_dtype(entry["dtype"], shape)
    end = start + math.prod(shape) * dtype.itemsize
    if entry["data_offsets"] != [start, end] or end > len(data):
        raise WireError("a tensor whose size does not match its shape")
    if start == end:
        return torch.empty(shape, dtype=dtype), end
    if dtype == torch.bool and bytes(data[start:end]).translate(None, b"\0\1"):
        raise WireError("a bool that is neither true nor false")
    tensor = torch.frombuffer(data, dtype=dtype, count=math.prod(shape), offset=start).view(shape)
    return tensor if tensor.data_ptr() % dtype.itemsize == 0 else tensor.clone(), end


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
