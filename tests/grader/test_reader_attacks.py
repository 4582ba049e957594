"""A file that takes over the process that reads it gains nothing; `tests/grader/slow` tries every payload."""

import platform

import pytest

from autograder.sandbox import reader
from autograder.submission import UnreadableSubmission
from autograder.submission.reading import Reading
from autograder.submission.slice import Slice
from tests.grader import attacks
from tests.grader.attacks import exploited_reader
from tests.grader.attacks.attack_run import needs_x86_64
from tests.grader.attacks.exploited_reader import attack_reader, exploited_zygote

FEW = (
    *(
        "escape_daemon",
        "escape_kill_grader",
        "escape_poison_next",
        "exhaust_disk",
        "exhaust_memory",
        "forge_patch_worker",
    ),
    *("hang_in_c", "hang_deaf_to_signals", "network_tcp", "network_reuse_channel", "protocol_garbage"),
    *("protocol_huge_sizes", "protocol_odd_json", "read_by_path", "read_hidden_modules", "read_process_memory"),
)


@pytest.fixture(scope="module")
def bait(tmp_path_factory):
    with attacks.bait(tmp_path_factory.mktemp("grader")) as bait:
        yield bait


@pytest.fixture(scope="module")
def zygote(bait):
    with exploited_zygote() as zygote:
        yield zygote


EVERY = [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in attacks.NAMES]


@pytest.mark.parametrize("name", EVERY)
def test_a_file_that_takes_over_the_reader_gains_nothing(name, bait, zygote, tmp_path):
    if needs_x86_64(bait.aim(name)) and platform.machine() != "x86_64":
        pytest.skip("this payload uses the system call numbers of x86_64")
    print(f"{name}: {attack_reader(name, bait, zygote, tmp_path)[:300]}")


def test_the_hole_is_there(zygote, tmp_path):
    """What these tests try, they try in the reader: its code is really executed there."""
    (tmp_path / "a.py").write_text("import sys\nraise SystemExit('executed in ' + ' '.join(sys.argv))")
    with pytest.raises(UnreadableSubmission, match="SystemExit: executed in submission"):
        reader.read_confined(tmp_path / "a.py", zygote, exploited_reader.LIMITS)


FORGED = """
import json, sys
reader = sys.modules["autograder.sandbox.reader"]
import torch
class BasicBlock:
    def __init__(self, *args):
        text = json.dumps({reply}).encode()
        tensor = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        sys.modules["autograder.sandbox.worker"].Server._read = None
        from autograder.sandbox import wire
        from autograder.sandbox.tensors import pack
        import gc, socket
        [sock] = [thing for thing in gc.get_objects() if type(thing) is socket.socket and thing.fileno() >= 0]
        wire.send(sock, {"id": 0, "result": {"unreadable": ""}}, pack({"reading": tensor}))
        import os
        os._exit(0)
"""
EMPTY = {"cells": [], "missing": [], "problems": []}
LONG = {**EMPTY, "cells": [{"label": "a", "source": "x = 1\n" * 9000, "keep": [0], "module": ""}]}
READING = Reading(Slice.from_json(EMPTY), Slice.from_json(EMPTY), "", {}).to_json()


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {**READING, "slice": None},
        {**READING, "slice": {**EMPTY, "cells": [{"label": "a"}]}},
        {**READING, "slice": {**EMPTY, "cells": [{"label": 1, "source": 2, "keep": 3, "module": 4}]}},
        {**READING, "ready_made": 5},
        {**READING, "sketch": ["x"]},
        {**READING, "bare": LONG},  # more than may be trained, and says that it is not
    ],
)
def test_a_forged_reading_is_refused(reply, zygote, tmp_path):
    (tmp_path / "a.py").write_text(FORGED.replace("{reply}", repr(reply)))
    with pytest.raises(reader.GraderBroken):
        reader.read_confined(tmp_path / "a.py", zygote, exploited_reader.LIMITS)


def test_a_forged_reading_that_is_one_is_judged_as_any_code(zygote, tmp_path):
    (tmp_path / "a.py").write_text(FORGED.replace("{reply}", repr(READING)))
    assert reader.read_confined(tmp_path / "a.py", zygote, exploited_reader.LIMITS).slice.cells == ()
