"""A submission is unpacked and parsed in a confined process; whatever it holds, an answer comes soon."""

import dataclasses
import io
import json
import time
import zipfile

import pytest

from autograder.maintain.build import solved_source
from autograder.sandbox import reader
from autograder.sandbox.limits import MIB
from autograder.sandbox.reader import READER_LIMITS, read_confined
from autograder.student.errors import GraderBroken
from autograder.submission import UnreadableSubmission, read_source, read_upload

LIMITS = dataclasses.replace(READER_LIMITS, cpu_seconds=1)
LITTLE_MEMORY = dataclasses.replace(READER_LIMITS, memory_bytes=64 * MIB)


def zipped(cells: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": ""}] * cells}))
    return buffer.getvalue()


def with_plots(megabytes: int) -> bytes:
    """A notebook whose outputs are this large."""
    output = {"output_type": "display_data", "data": {"image/png": "A" * (megabytes * 1_000_000)}, "metadata": {}}
    cell = {"cell_type": "code", "metadata": {}, "outputs": [output], "source": "class BasicBlock:\n    pass"}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def lines(pattern: str, count: int) -> bytes:
    return "".join(pattern.format(i, i + 1) for i in range(count)).encode()


READ_SOON = {
    "newlines.py": b"\n" * 199_000 + b"x",
    "spaces.py": b" " * 199_000 + b"x",
    "magic_calls.py": b"run_cell_magic(" * 12_000,
    "assignments.py": lines("a{} = a{}\n", 9_000),
    "names.py": b",".join(b"v%d" % i for i in range(12_000)) + b" = 1,\nimport torchvision.models\nBasicBlock = v1\n",
    "aliases.py": b",".join(b"v%d" % i for i in range(12_000)) + b" = " + b",".join(b"v%d" % i for i in range(12_000)),
    "nested.py": b"(" * 90_000,
    "nested.ipynb": b'{"cells":' + b"[" * 2_000_000,
}
REFUSED = {
    "cells.zip": (zipped(100_000), LIMITS, "holds more than 2000 cells"),
    "statements.py": (b"0\n" * 20_000, LIMITS, "holds more than 10,000 statements"),
    "memory.ipynb": (b'{"cells":[' + b"[]," * 2_000_000 + b"[]]}", LITTLE_MEMORY, "cannot be read within 64 MB"),
    "time.py": (lines("def f{}(): f{}()\n", 9_000), LIMITS, "took more than 1 s to read"),
}


def processor_seconds(zygote, path) -> float:
    """What reading takes, the machine's other work aside."""
    deaths = []
    reap = zygote.reap
    zygote.reap = lambda *args: deaths.append(reap(*args)) or deaths[-1]
    try:
        read_confined(path, zygote)
    except UnreadableSubmission:
        pass
    finally:
        zygote.reap = reap
    return sum(death.cpu_seconds for death in deaths)


@pytest.mark.parametrize("name", READ_SOON)
def test_what_used_to_take_minutes_is_read_in_a_second(name, tmp_path, zygote):
    (tmp_path / name).write_bytes(READ_SOON[name])
    assert processor_seconds(zygote, tmp_path / name) < 2


@pytest.mark.parametrize("name", REFUSED)
def test_what_takes_too_much_is_refused_in_one_line(name, tmp_path, zygote):
    data, limits, reason = REFUSED[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableSubmission) as caught:
        read_confined(tmp_path / name, zygote, limits)
    assert str(caught.value).startswith(f"{name}: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_notebook_with_many_plots_is_read(tmp_path, zygote):
    (tmp_path / "plots.ipynb").write_bytes(with_plots(49))
    assert read_confined(tmp_path / "plots.ipynb", zygote).slice.cells


def test_a_folder_with_an_empty_file_is_read(tmp_path, zygote):
    folder = tmp_path / "anna"
    folder.mkdir()
    (folder / "Untitled.ipynb").touch()
    (folder / "hw\\net.py").write_text("class BasicBlock:\n    pass")
    assert read_confined(folder, zygote).file == "hw/net.py"
    assert read_confined(folder, zygote) == read_source(read_upload(folder))


def test_a_reader_that_sleeps_is_ended(tmp_path, zygote):
    """Wall-clock time counts too: here a reader does nothing but wait."""
    (tmp_path / "a.py").write_text("x = 1")
    limits = dataclasses.replace(LIMITS, request_seconds=0.0)
    began = time.monotonic()
    with pytest.raises(UnreadableSubmission, match="took more than 0 s to read"):
        read_confined(tmp_path / "a.py", zygote, limits)
    assert time.monotonic() - began < 10


def test_it_finds_what_is_found_in_this_process(tmp_path, zygote):
    path = tmp_path / "solution.py"
    path.write_text(f"{solved_source()}\nimport torchvision\nResNet18 = torchvision.models.resnet18\n")
    reading = read_confined(path, zygote)
    assert reading == read_source(read_upload(path))
    assert reading.ready_made.keys() == {"ResNet18"}


def test_a_mistake_of_ours_is_not_the_students(tmp_path, zygote, monkeypatch):
    """What the reader says beyond what it may is no reason to blame the file."""
    (tmp_path / "a.py").write_text("x = 1")
    monkeypatch.setattr(reader.wire, "send", lambda sock, header, *rest: SEND(sock, {**header, "op": "nothing"}, *rest))
    with pytest.raises(GraderBroken, match="the reader failed with KeyError"):
        read_confined(tmp_path / "a.py", zygote)


SEND = reader.wire.send


def test_its_memory_is_limited(zygote):
    assert READER_LIMITS.memory_bytes <= 1024 * MIB
