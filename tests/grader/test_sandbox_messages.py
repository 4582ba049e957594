"""What a student reads: each limit in its own words; an exception with the student's own lines and nothing of ours."""

import dataclasses
import re
import subprocess
import sys

import nbformat
import pytest
import torch

from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.oracle import diagnosis_of
from autograder.sandbox.limits import MAX_PROBLEMS, MIB, Limits
from autograder.sandbox.remote_student import RemoteStudent
from autograder.sandbox.zygote import _children
from autograder.student.errors import StudentCrash, StudentError, StudentTimeout
from autograder.student.passes import in_train_mode, outputs_of
from autograder.submission import read_submission, slice_submission

ROOMY = Limits(request_seconds=20, submission_seconds=60, cpu_seconds=30, memory_bytes=512 * MIB, reply_bytes=8 * MIB)

FORWARD = """
import hashlib, os, socket, subprocess, threading, time
import torch
from torch import nn

class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        {body}
        return x * self.weight
"""


def student_of(source, folder, zygote, **limits):
    path = folder / "resnet.py"
    path.write_text(source)
    return RemoteStudent(slice_submission(read_submission(path)), dataclasses.replace(ROOMY, **limits), zygote)


def forward(body, folder, zygote, times=1, **limits):
    with student_of(FORWARD.format(body=body), folder, zygote, **limits) as student:
        for _ in range(times):
            student.BasicBlock(8, 8)(torch.zeros(1, 8, 4, 4))


LIMITS = {
    "wall clock of a request": (
        "time.sleep(1000)",
        {"request_seconds": 1.0},
        StudentTimeout,
        r"`BasicBlock\.forward` did not return within 1 s\.",
    ),
    "processor time": (
        "while True: hashlib.pbkdf2_hmac('sha256', b'', b'', 10_000)",
        {"cpu_seconds": 1},
        StudentCrash,
        r"`BasicBlock\.forward` used up the 1 s of processor time that a submission has\.",
    ),
    "memory of Python": (
        "hoard = [bytearray(64 << 20) for _ in range(100)]",
        {},
        StudentError,
        r"MemoryError.*\nYour code may use 512 MB of memory\.\Z",
    ),
    "memory of torch": (
        "hoard = torch.ones(1 << 30)",
        {},
        StudentError,
        r"can't allocate memory.*\nYour code may use 512 MB of memory\.\Z",
    ),
    "output": (
        "x = torch.zeros(4 << 20)",
        {},
        StudentError,
        r"a result of 16 MB, more than the 8 MB allowed",
    ),
    "threads": (
        "for _ in range(100): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        {},
        StudentError,
        r"can't start new thread.*\nYour code may run 16 threads, and no other processes\.\Z",
    ),
    "processes": (
        "os.fork()",
        {},
        StudentError,
        r"PermissionError.*\nWhile graded, your code cannot write files, start processes or use the network\.\Z",
    ),
    "programs": ("subprocess.run(['true'])", {}, StudentError, r"PermissionError.*cannot write files, start processes"),
    "files": (
        "hoard = [os.pipe() for _ in range(100)]",
        {},
        StudentError,
        r"Too many open files.*\nYour code may have 64 files open\.\Z",
    ),
    "writing": ("open('/tmp/sandbox_message', 'w')", {}, StudentError, r"PermissionError.*cannot write files"),
    "network": ("socket.socket()", {}, StudentError, r"PermissionError.*use the network"),
    "end of the process": (
        "os._exit(3)",
        {},
        StudentCrash,
        r"`BasicBlock\.forward` ended the Python process \(exit status 3\)",
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_each_limit_has_its_own_message(limit, tmp_path, zygote):
    body, limits, kind, words = LIMITS[limit]
    with pytest.raises(kind) as caught:
        forward(body, tmp_path, zygote, **limits)
    assert type(caught.value) is kind
    assert re.search(words, str(caught.value), re.DOTALL), str(caught.value)


def test_wall_clock_of_the_submission(tmp_path, zygote):
    with pytest.raises(StudentTimeout, match=r"the 2 s (of the submission are over|that a submission has)"):
        forward("time.sleep(0.9)", tmp_path, zygote, times=9, submission_seconds=2.0)


def test_wall_clock_of_the_class_statements(tmp_path, zygote):
    source = FORWARD.format(body="pass") + "    time.sleep(1000)\n"
    with (
        student_of(source, tmp_path, zygote, import_seconds=1.0) as student,
        pytest.raises(StudentTimeout, match=r"Executing your classes and functions did not return within 1 s\."),
    ):
        student.BasicBlock(8, 8)


def test_each_pass_has_a_time_of_its_own(tmp_path, zygote):
    """Several passes in one request may take longer together; one that is slow among them may not."""
    body = "time.sleep(0.5 if x.sum() < 100 else 9)"
    x = torch.zeros(2, 8, 4, 4)
    with student_of(FORWARD.format(body=body), tmp_path, zygote, request_seconds=1.5) as student:
        block = student.BasicBlock(8, 8)
        assert len(outputs_of(block, [x] * 5)) == 5
        assert "again 3" in in_train_mode(block, x, x, 4)
        with pytest.raises(StudentTimeout, match=r"`BasicBlock\.forward` did not return within 1\.5 s\."):
            outputs_of(block, [x, x, x + 1])


def test_every_worker_died(tmp_path, zygote):
    """After `stops` deaths a question is given up, and the message says why it died."""
    with student_of(FORWARD.format(body="os._exit(3)"), tmp_path, zygote, stops=2) as student:
        for _ in range(2):
            with pytest.raises(StudentCrash, match="exit status 3"):
                student.BasicBlock(8, 8)(torch.zeros(1, 8, 4, 4))
        with pytest.raises(
            StudentCrash, match=r"stopped 2 times here; these checks do not start it again\..*exit status 3"
        ):
            student.BasicBlock(8, 8)


CELLS = [
    "import torch\nfrom torch import nn\n\ndef helper(x):\n    return x.reshape(7, 7)",
    "# a comment of my own\nclass Backwards(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
    "        return x.clone()\n\n    @staticmethod\n    def backward(ctx, gradient):\n        return helper(gradient)",
    "class BasicBlock(nn.Module):\n    expansion = 1\n\n    def __init__(self, in_planes, planes, stride=1):\n"
    "        super().__init__()\n        self.conv = nn.Conv2d(in_planes, planes, 3)\n        if planes == 13:\n"
    "            raise ValueError('unlucky')\n\n    def forward(self, x):\n        if self.training:\n"
    "            return Backwards.apply(self.conv(x))\n        return helper(self.conv(x))",
    "class Bottleneck(nn.Module):\n    size = [1, 2][5]",
]
# Where each cell starts in the script, less one: lines are counted from 1 in a cell, and in the whole script.
STARTS = [sum(cell.count("\n") + 2 for cell in CELLS[:number]) for number in range(len(CELLS))]


def as_notebook(folder):
    path = folder / "resnet.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS]), path)
    return path, lambda cell, line: f"cell {cell}, line {line}"


def as_script(folder):
    path = folder / "resnet.py"
    path.write_text("\n\n".join(CELLS))
    return path, lambda cell, line: f"resnet.py, line {STARTS[cell - 1] + line}"


def train(student):
    x = torch.randn(1, 8, 9, 9)
    student.BasicBlock(8, 8).train()(x).sum().backward()


ERRORS = {
    "constructor": (
        lambda student: student.BasicBlock(8, 13),
        [(3, 8, "__init__", "raise ValueError('unlucky')")],
        "ValueError: unlucky",
    ),
    "forward": (
        lambda student: student.BasicBlock(8, 8).eval()(torch.randn(1, 8, 9, 9)),
        [(3, 13, "forward", "return helper(self.conv(x))"), (1, 5, "helper", "return x.reshape(7, 7)")],
        "RuntimeError: shape '[7, 7]' is invalid for input of size 392",
    ),
    "inside torch": (
        lambda student: student.BasicBlock(8, 8).eval()(torch.randn(1, 5, 9, 9)),
        [(3, 13, "forward", "return helper(self.conv(x))")],
        "expected input[1, 5, 9, 9] to have 8 channels, but got 5 channels instead",
    ),
    "backward": (
        train,
        [(2, 9, "backward", "return helper(gradient)"), (1, 5, "helper", "return x.reshape(7, 7)")],
        "RuntimeError: shape '[7, 7]' is invalid for input of size 392",
    ),
}
OURS = ("autograder", "site-packages", "torch/", "worker", "session", "/root", "/home", "Traceback", 'File "')


@pytest.mark.parametrize("write", [as_notebook, as_script])
@pytest.mark.parametrize("case", ERRORS)
def test_errors_show_the_students_own_lines(case, write, tmp_path, zygote):
    do, frames, last = ERRORS[case]
    path, place = write(tmp_path)
    with RemoteStudent(slice_submission(read_submission(path)), ROOMY, zygote) as student:

        def do_now():
            do(student)
            student.flush()

        with pytest.raises(StudentError) as caught:
            do_now()
        text = str(caught.value)
        expected = [f"{place(cell, line)}, in {name}\n    {source}" for cell, line, name, source in frames]
        assert text.startswith("\n".join(expected) + "\n"), text
        assert last in text.splitlines()[-1]
        assert not [word for word in OURS if word in text], text

        (problem,) = student.problems
        assert f"{place(4, 2)}, in Bottleneck\n    size = [1, 2][5]" in problem
        assert problem.endswith("IndexError: list index out of range")
        assert not [word for word in OURS if word in problem], problem


def test_many_statements_that_raise_are_no_crash(tmp_path, zygote):
    path = tmp_path / "submission.py"
    long = "\N{ROCKET}" * 2000
    path.write_text(
        f"def fail():\n    raise ValueError({long!r})\n\n"
        "class BasicBlock:\n    pass\n\n" + "\n".join(f"BasicBlock.x{n} = fail()" for n in range(100))
    )
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as student:
        assert len(student.problems) == MAX_PROBLEMS
        assert student.BasicBlock


def test_a_process_with_a_name_that_is_no_text_stops_no_zygote():
    code = "import ctypes, time; ctypes.CDLL(None).prctl(15, bytes([255, 254])); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert process.pid in _children()
        process.kill()


ODD_NAMES = """
import torch
from torch import nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)

    def forward(self, x):
        return self.conv(x)

    def named_parameters(self, *args, **kwargs):
        yield from super().named_parameters(*args, **kwargs)
        if self.conv.weight.grad is not None:
            yield "\\x1b[31m\\ud800", nn.Parameter(torch.zeros(1))
"""


def test_a_parameter_has_a_name_that_can_be_shown(tmp_path, zygote):
    path = tmp_path / "submission.py"
    path.write_text(ODD_NAMES)
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as student:
        block = student.BasicBlock(2, 2)
        block(torch.randn(1, 2, 4, 4)).sum().backward()
        with pytest.raises(StudentCrash, match="interfered"):
            block.gradients()


def test_classes_may_stand_in_keep_going(tmp_path, zygote):
    path = tmp_path / "submission.py"
    path.write_text(
        "from lab.keep_going import keep_going\nfrom torch import nn\n\n\n"
        "with keep_going():\n    class BasicBlock(nn.Module):\n        expansion = 1\n"
    )
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as student:
        assert student.BasicBlock.expansion == 1
        assert not student.problems


def test_there_is_a_home(tmp_path, zygote):
    path = tmp_path / "submission.py"
    path.write_text(
        "from pathlib import Path\n\nCACHE = Path.home() / '.cache'\n\n\n"
        "class BasicBlock:\n    expansion = len(CACHE.parts)\n"
    )
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as student:
        assert student.BasicBlock.expansion > 1


@pytest.mark.parametrize("name", ["resnet18_returns_class", "resnet18_returns_nothing", "resnet18_shared"])
def test_what_resnet18_returns_is_named_behind_the_sandbox_too(name, tmp_path, zygote):
    [entry] = [one for one in entries().values() if one.misconception == name and one.name.startswith("q3_resnet18_")]
    path = tmp_path / "submission.py"
    path.write_text(complete(entry, solved_source()))
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as student:
        assert diagnosis_of(student, "q3").names == (name,)


def test_a_list_is_taken_for_its_layers_behind_the_sandbox_too(tmp_path, zygote):
    path = tmp_path / "submission.py"
    path.write_text(complete(entries()["q1_shortcut_in_module_list"], solved_source()))
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as student:
        block, x = student.BasicBlock(8, 16), torch.randn(2, 8, 4, 4)
        with student.with_lists():
            assert block(x).shape == (2, 16, 4, 4)
        with pytest.raises(StudentError, match="ModuleList"):
            block(x)
        assert diagnosis_of(student, "q1").names == ("module_list_called",)


def test_dropout_is_switched_off_behind_the_sandbox_too(tmp_path, zygote):
    path = tmp_path / "submission.py"
    path.write_text(complete(entries()["q1_dropout_in_both_modes"], solved_source()))
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as student:
        block, x = student.BasicBlock(8, 8), torch.randn(2, 8, 4, 4)
        with student.without_dropout():
            assert torch.equal(block(x), block(x))
            assert torch.equal(*block.outputs([x, x]))
        assert not torch.equal(block(x), block(x))
        assert diagnosis_of(student, "q1").names == ("dropout_in_eval",)
