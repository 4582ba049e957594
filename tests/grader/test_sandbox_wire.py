"""Frames and tensors from a hostile peer: read exactly, or refused; never a crash, a hang or a large allocation."""

import json
import math
import socket
import struct
import threading
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load as library_load
from safetensors.torch import save as library_save

from autograder.sandbox import wire
from autograder.sandbox.repeats import lengthen, shorten
from autograder.sandbox.tensors import check, pack, unpack
from autograder.student.draw import DRAWN, normal

TENSORS = {
    "float": torch.randn(2, 3),
    "double": torch.randn(4, dtype=torch.float64),
    "half": torch.randn(3).half(),
    "bfloat": torch.randn(3).bfloat16(),
    "long": torch.arange(5),
    "byte": torch.arange(3, dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "complex": torch.randn(2, dtype=torch.complex64),
    "scalar": torch.tensor(7),
    "empty": torch.empty(0, 3),
    "strided": torch.randn(4, 6)[::2, ::3],
    "nan": torch.tensor([math.nan, math.inf]),
}


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def soon(seconds=5.0):
    return time.monotonic() + seconds


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a.nan_to_num(0), b.nan_to_num(0))


def body_of(table, data=b""):
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    return bytearray(struct.pack("<Q", len(text)) + text + data)


def entry(dtype="F32", shape=(1,), start=0, end=4):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


def test_tensors_survive_in_their_order():
    back = unpack(bytearray(pack(TENSORS)))
    assert list(back) == list(TENSORS)
    assert all(same(back[name], tensor) for name, tensor in TENSORS.items())
    assert unpack(bytearray(pack({}))) == {}


def test_the_format_is_that_of_safetensors():
    plain = {name: tensor.contiguous() for name, tensor in TENSORS.items()}
    by_library = library_load(bytes(pack(plain)))
    assert by_library.keys() == plain.keys()
    assert all(same(by_library[name], tensor) for name, tensor in plain.items())
    one = {"x": torch.randn(3, 4)}
    assert same(unpack(bytearray(library_save(one)))["x"], one["x"])


def test_only_what_repeats_is_shortened():
    tensors = {
        "drawn": 0.1 * normal((64, 64, 3, 3)),
        "zeros": torch.zeros(100, 100),
        "small": normal((20, 20)),
        "random": torch.randn(100, 100),
        "nearly": normal((64, 64, 3, 3)),
        "signs": torch.zeros(100, 100),
        "double": torch.zeros(100, 100, dtype=torch.float64),
        "turned": torch.zeros(100, 200).T,
    }
    tensors["nearly"].view(-1)[-1] += 1
    tensors["signs"].view(-1)[-1] = -0.0
    short, shapes = shorten(tensors)
    assert shapes == {"drawn": [64, 64, 3, 3], "zeros": [100, 100]}
    assert len(short["drawn"]) == len(short["zeros"]) == DRAWN
    back = lengthen(unpack(bytearray(pack(short))), shapes)
    assert list(back) == list(tensors)
    assert all(same(back[name], tensor) for name, tensor in tensors.items())
    assert str(back["signs"][-1, -1]) == "tensor(-0.)"


@pytest.mark.parametrize(
    "body",
    [
        b"1234",
        struct.pack("<Q", 100) + b"{}",
        struct.pack("<Q", 2**63) + b"{}",
        body_of(b"[]"),
        body_of(b'{"a": NaN}'),
        body_of(b"[" * 100_000),
        body_of({"x": entry()}),
        body_of({"x": entry()}, b"12345"),
        body_of({"x": entry(end=8)}, b"12345678"),
        body_of({"x": entry(start=-4, end=0)}, b"1234"),
        body_of({"x": entry(), "y": entry()}, b"1234"),
        body_of({"x": entry(), "y": entry(start=8, end=12)}, b"123456789012"),
        body_of({"x": entry("F4")}, b"1234"),
        body_of({"x": entry(shape=[-1, -1])}, b"1234"),
        body_of({"x": entry(shape=[2**62, 4], end=0)}),
        body_of({"x": entry(shape=[2**40, 0], end=0)}),
        body_of({"x": entry(shape=[0, 2**31, 2**31, 2**31], end=0)}),
        body_of({"x": entry(shape=[2**31, 2**31, 2**31, 0], end=0)}),
        body_of({"x": entry(shape=[1] * 1000)}, b"1234"),
        body_of({"x": entry(shape=["1"])}, b"1234"),
        body_of({"x": entry(shape=[True])}, b"1234"),
        body_of({"x": entry(shape=[1.0])}, b"1234"),
        body_of({"x": {**entry(), "score": 100}}, b"1234"),
        body_of({"x": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}, b"1234"),
        body_of({"x": [0, 4]}, b"1234"),
        body_of({"x" * 1000: entry()}, b"1234"),
        body_of({"\x1b[2J": entry()}, b"1234"),
        body_of({"__metadata__": {"x": "y"}}),
        body_of({"x": entry("BOOL", [4])}, b"\0\1\2\0"),
        body_of({f"{number}": entry(shape=[0], end=0) for number in range(5000)}),
        body_of(b'{"x": {}, "x": {}}'),
    ],
)
def test_malformed_tensors_are_refused(body):
    with pytest.raises(wire.WireError):
        unpack(bytearray(body))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_tensors_are_refused_or_sound(data):
    body = bytearray(pack({"a": torch.ones(3), "b": torch.ones(2, 2, dtype=torch.bool)}))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(0, len(body))) :]
    try:
        tensors = unpack(body)
    except wire.WireError:
        return
    assert all(torch.is_tensor(tensor.clone()) for tensor in tensors.values())


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_noise_is_refused(noise):
    if noise:
        with pytest.raises(wire.WireError):
            unpack(bytearray(noise))


def test_what_was_asked_for_is_checked_exactly():
    tensors = {"x": torch.zeros(2, 3)}
    check(tensors, {"x": (torch.float32, (2, 3))})
    for expected in (
        {},
        {"y": (torch.float32, (2, 3))},
        {"x": (torch.float64, (2, 3))},
        {"x": (torch.float32, (3, 2))},
        {"x": (torch.float32, (2, 3)), "y": (torch.float32, (1,))},
    ):
        with pytest.raises(wire.WireError):
            check(tensors, expected)


def test_frames_survive(pair):
    ours, theirs = pair
    header, body = {"id": 1, "text": "ä\n"}, pack({"x": torch.randn(300, 1000)})
    sender = threading.Thread(target=wire.send, args=(theirs, header, body, soon()))
    sender.start()
    got_header, got_body = wire.receive(ours, 1000, len(body), soon())
    sender.join()
    assert (got_header, bytes(got_body)) == (header, body)


def frame(header=b"{}", body=b"", magic=b"RGW1", header_size=None, body_size=None):
    sizes = (len(header) if header_size is None else header_size, len(body) if body_size is None else body_size)
    return struct.pack("<4sIQ", magic, *sizes) + header + body


@pytest.mark.parametrize(
    "data",
    [
        frame(magic=b"GET "),
        frame(b"[]"),
        frame(b"{"),
        frame(b'{"a": NaN}'),
        frame(b'{"a": -Infinity}'),
        frame(b'{"a": 1, "a": 2}'),
        frame(b"\xff\xfe"),
        frame(b'{"a": ' + b"9" * 50_000 + b"}"),
        frame(b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
        frame(header_size=2**32 - 1),
        frame(body_size=2**64 - 1),
        frame(body_size=1001),
    ],
)
def test_malformed_frames_are_refused(pair, data):
    ours, theirs = pair
    theirs.sendall(data)
    with pytest.raises(wire.WireError):
        wire.receive(ours, 1 << 18, 1000, soon())


def test_sizes_are_checked_before_memory_is_allocated(pair):
    ours, theirs = pair
    theirs.sendall(frame(body_size=1 << 50))
    with pytest.raises(wire.TooLarge):
        wire.receive(ours, 1000, 1 << 40, soon())


def test_half_a_frame_and_silence_meet_the_deadline(pair):
    ours, theirs = pair
    theirs.sendall(frame(b"{}", header_size=100))
    began = time.monotonic()
    with pytest.raises(wire.DeadlineExceeded):
        wire.receive(ours, 1000, 0, soon(0.2))
    assert time.monotonic() - began < 1


def test_one_deadline_covers_a_frame_that_drips(pair):
    ours, theirs = pair
    done = threading.Event()

    def drip():
        for byte in frame(b" " * 1000):
            if done.wait(0.02):
                return
            theirs.sendall(bytes([byte]))

    dripper = threading.Thread(target=drip)
    dripper.start()
    began = time.monotonic()
    with pytest.raises(wire.DeadlineExceeded):
        wire.receive(ours, 1000, 0, soon(0.3))
    assert time.monotonic() - began < 1
    done.set()
    dripper.join()


def test_a_peer_that_does_not_read_meets_the_deadline(pair):
    ours, _ = pair
    with pytest.raises(wire.DeadlineExceeded):
        wire.send(ours, {}, bytes(1 << 25), soon(0.2))


def test_a_peer_that_is_gone_is_noticed(pair):
    ours, theirs = pair
    theirs.sendall(frame(b"{}", header_size=100))
    theirs.close()
    with pytest.raises(wire.PeerClosed):
        wire.receive(ours, 1000, 0, soon())
    with pytest.raises(wire.PeerClosed):
        wire.send(ours, {}, bytes(1 << 20), soon())


def test_fields_are_exact():
    assert wire.fields({"a": 1}, {"a": int}) == {"a": 1}
    for header in ({"a": True}, {"a": 1, "b": 2}, {}, {"a": 1.0}, [1], None):
        with pytest.raises(wire.WireError):
            wire.fields(header, {"a": int})
