"""What the worker has is not sent again, and the state of a module is still what it is."""

import pytest
import torch

from autograder.oracle import is_right
from autograder.oracle.small_images import takes_small_images
from autograder.sandbox.remote_student import RemoteStudent
from autograder.sandbox.session import Session
from autograder.student.errors import StudentCrash, StudentError
from autograder.student.local import LocalStudent
from autograder.student.passes import (
    gradient_norms,
    gradients_of,
    in_train_mode,
    modes_return_module,
    outputs_of,
    shared_tensors,
    step_along_gradients,
)
from autograder.student.state import outline_of, parameters_of, update_state
from autograder.submission import read_submission, slice_submission
from autograder.suite.own_network import look_at_own_network

BLOCK = """
import torch
from torch import nn

class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)

    def forward(self, x):
        if bool(x.isnan().any()):
            raise ValueError("not a number")
        return self.bn1(self.conv1(x))
"""
ASSIGNS = """
    def load_state_dict(self, state, strict=True):
        return super().load_state_dict(state, strict, assign=True)
"""
LIES = """
    def state_dict(self):
        import sys
        frame = sys._getframe(1)
        while "known" not in frame.f_locals:
            frame = frame.f_back
        server = frame.f_locals["self"]
        state = dict(super().state_dict())
        server._loaded[frame.f_locals["module"]] = frame.f_locals["known"], {n: v.clone() for n, v in state.items()}
        return state
"""
OUTLINES = """
    def named_parameters(self):
        import sys
        frame = sys._getframe(1)
        while "_serve" not in frame.f_code.co_name:
            frame = frame.f_back
        server = frame.f_locals["server"]
        told = {"state": [%(name)r], "parameters": [[%(name)r, True]], "outlines": {%(name)r: %(entry)r}}
        server._operations["state"] = lambda **_: (told, {})
        return super().named_parameters()
"""
KEEPS_ITS_OUTPUT = """
    def forward(self, x):
        if not hasattr(self, "out"):
            self.out = torch.empty_like(x)
        self.out.copy_(x)
        return self.out
"""
SHARES = """
LAYER = nn.Conv2d(16, 16, 3, padding=1, bias=False)

class BasicBlock(BasicBlock):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__(in_planes, planes, stride)
        self.conv1 = LAYER
"""
RAISES = """

class BasicBlock(BasicBlock):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__(in_planes, planes, stride)
        if planes == 1:
            raise ValueError("one channel")


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
"""
RETURNS_NOTHING = """
    def train(self, mode=True):
        super().train(mode)
"""
KERNEL = 16 * 16 * 9 * 4


@pytest.fixture
def make(tmp_path, zygote, monkeypatch):
    """Make a block in a worker; `make.sent` and `make.received` count bytes of tensors, `make.requests` frames."""
    students = []

    def make_block(more=""):
        path = tmp_path / "resnet.py"
        path.write_text(BLOCK + more)
        students.append(RemoteStudent(slice_submission(read_submission(path)), zygote=zygote))
        make_block.student = students[-1]
        return make_block.student.BasicBlock(16, 16).eval()

    exchange = Session._exchange

    def counted(session, requests, seconds):
        make_block.requests += 1
        make_block.sent += sum(len(request.body) for request in requests)
        result, tensors = exchange(session, requests, seconds)
        make_block.received += sum(tensor.nbytes for tensor in tensors.values())
        return result, tensors

    monkeypatch.setattr(Session, "_exchange", counted)
    make_block.sent = make_block.received = make_block.requests = 0
    yield make_block
    for student in students:
        student.close()


def drawn(block):
    return {name: torch.rand(value.shape).to(value.dtype) + 1 for name, value in block.state_dict().items()}


def assert_state(block, expected):
    found = block.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_what_is_known_is_not_sent(make):
    block = make()
    state = drawn(block)
    block.load_state_dict(state)
    make.received = 0
    assert_state(block, state)
    assert make.received == 0
    make.sent = 0
    block.load_state_dict(state | {"bn1.bias": torch.zeros(16)})
    assert_state(block, state | {"bn1.bias": torch.zeros(16)})
    assert make.sent < 1000
    make.sent = 0
    outputs = outputs_of(block, [torch.ones(1, 16, 4, 4)] * 3, block.state_dict())
    assert len(outputs) == 3
    assert make.sent < KERNEL


def test_of_an_outline_no_kernel_is_sent(make):
    block = make()
    outline, parameters = outline_of(block), parameters_of(block)
    assert make.received < 1000
    state = block.state_dict()
    assert make.received > KERNEL
    assert [(n, v.shape, v.dtype) for n, v in outline.items()] == [(n, v.shape, v.dtype) for n, v in state.items()]
    assert [name for name, value in outline.items() if value.is_meta] == ["conv1.weight"]
    assert torch.equal(outline["bn1.running_var"], torch.ones(16))
    assert [(n, p.requires_grad) for n, p in parameters.items()] == [
        ("conv1.weight", True),
        ("bn1.weight", True),
        ("bn1.bias", True),
    ]


def test_an_outline_is_asked_for_once_until_the_module_is_used(make):
    block, other = make(), make.student.BasicBlock(16, 16)
    outline_of(block)
    block.load_state_dict({name: torch.zeros_like(value) for name, value in block.state_dict().items()})
    other(torch.ones(1, 16, 4, 4))
    before = make.requests
    assert int(outline_of(block)["bn1.num_batches_tracked"]) == 0
    assert make.requests == before
    block.train()(torch.randn(4, 16, 4, 4))
    assert int(outline_of(block)["bn1.num_batches_tracked"]) == 1


def test_what_is_not_updated_stays(make):
    block = make()
    state = block.state_dict()
    shift, scale = {"bn1.bias": torch.full((16,), 2.0)}, {"bn1.weight": torch.full((16,), 3.0)}
    make.sent = make.received = 0
    for changes in (shift, scale, scale, shift | scale):
        update_state(block, changes)
        outline_of(block)
    assert make.sent < KERNEL
    assert make.received < KERNEL
    assert_state(block, state | shift | scale)
    other = drawn(block)
    block.load_state_dict(other)
    update_state(block, shift)  # nothing is confirmed yet
    assert_state(block, other | shift)
    block.train()(torch.randn(4, 16, 4, 4))
    update_state(block, shift)
    assert not torch.equal(block.state_dict()["bn1.running_mean"], other["bn1.running_mean"])
    block.load_state_dict(other | shift)
    assert_state(block, other | shift)
    update_state(block, {"bn2.bias": torch.zeros(16)})
    with pytest.raises(StudentError, match="Unexpected key"):
        block.state_dict()


def test_a_step_along_gradients(make):
    block = make()
    state = drawn(block)
    block.load_state_dict(state)
    block(torch.randn(2, 16, 4, 4)).sum().backward()
    gradients = block.gradients()
    norms = gradient_norms(block)
    assert norms.keys() == gradients.keys()
    assert all(norms[name] == pytest.approx(float(g.double().norm())) for name, g in gradients.items())
    make.sent = 0
    step_along_gradients(block, state, 0.5)
    assert_state(block, state | {name: state[name] + 0.5 * gradient for name, gradient in gradients.items()})
    assert make.sent < KERNEL


def test_outputs_of_several_inputs_are_those_of_each(make):
    inputs = [torch.full((1, 16, 4, 4), float(value)) for value in (1, 2, 1, 3)]
    for more in ("", KEEPS_ITS_OUTPUT):
        block = make(more)
        expected = [block(x).detach() for x in inputs]
        for output, one in zip(outputs_of(block, inputs), expected, strict=True):
            assert torch.equal(output, one)
    assert [float(one.mean()) for one in expected] == [1, 2, 1, 3]


def test_train_mode_in_one_request_is_that_of_each_step(make):
    block, other = make(), make()
    state, x, upstream = drawn(block), torch.randn(3, 16, 4, 4), torch.randn(3, 16, 4, 4)
    for one in (block, other):
        one.load_state_dict(state)
    found = in_train_mode(block, x, upstream, 2)
    leaf = x.clone().requires_grad_()
    y = other.train()(leaf)
    expected = {"y": y.detach(), "again 0": y.detach(), "again 1": y.detach()}
    expected |= {f"state {name}": value for name, value in other.state_dict().items() if value.dim() == 1}
    y.backward(upstream)
    expected |= {"x": leaf.grad, **{f"gradient {name}": value for name, value in gradients_of(other).items()}}
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert not torch.equal(block.state_dict()["bn1.running_mean"], state["bn1.running_mean"])
    with pytest.raises(StudentError, match="another output"):
        in_train_mode(block, x, upstream[:1], 0)


def test_tensors_in_the_same_memory_are_found(make):
    assert not shared_tensors(make(), make.student.BasicBlock(16, 16))
    assert shared_tensors(make(SHARES), make.student.BasicBlock(16, 16)) == ["conv1.weight"]


def test_what_another_module_changes_is_seen(make):
    block = make(SHARES)
    other = make.student.BasicBlock(16, 16)
    before = block.state_dict()["conv1.weight"]
    other.load_state_dict(drawn(other))
    assert not torch.equal(block.state_dict()["conv1.weight"], before)


def test_what_a_pass_changes_is_seen(make):
    block = make()
    state = drawn(block)
    block.load_state_dict(state)
    block.train()(torch.randn(4, 16, 4, 4))
    after = block.state_dict()
    changed = {name for name in state if not torch.equal(state[name], after[name])}
    assert changed == {"bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked"}
    block.load_state_dict(state)
    assert_state(block, state)


def test_what_is_written_into_a_tensor_is_sent(make):
    block = make()
    state = drawn(block)
    block.load_state_dict(state)
    block(torch.ones(1, 16, 4, 4))
    state["bn1.weight"].fill_(3)
    block.load_state_dict(state)
    assert torch.equal(block.state_dict()["bn1.weight"], torch.full((16,), 3.0))


def test_after_an_exception_everything_is_sent(make):
    block = make()
    state = drawn(block)
    block.load_state_dict(state)
    block(torch.ones(1, 16, 4, 4))
    block.load_state_dict({name: 2 * value for name, value in state.items()})
    with pytest.raises(StudentError, match="not a number"):
        block(torch.full((1, 16, 4, 4), torch.nan))
    assert_state(block, {name: 2 * value for name, value in state.items()})
    block.load_state_dict({"bn1.bias": torch.ones(16)})
    with pytest.raises(StudentError, match="Missing key"):
        block.state_dict()
    other = drawn(block)
    block.load_state_dict(other)
    assert_state(block, other)


def test_a_module_that_takes_the_tensors_themselves(make):
    block = make(ASSIGNS)
    state = drawn(block)
    block.load_state_dict(state)
    block.train()(torch.randn(4, 16, 4, 4))
    assert not torch.equal(block.state_dict()["bn1.running_mean"], state["bn1.running_mean"])


def test_a_worker_that_names_what_was_never_loaded(make):
    with pytest.raises(StudentCrash, match="interfered"):
        make(LIES).state_dict()


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("a", ["F32", [1 << 20, 1 << 10]]),
        ("a", ["F32", [1 << 40, 4]]),
        ("a", ["F32", [4]]),
        ("a", ["I64", [4, 4]]),
        ("a", ["F4", [4, 4]]),
        ("a", ["F32", [4, -4]]),
        ("a", ["F32", [4, True]]),
        ("a", ["F32", "44"]),
        ("a", "F32"),
        ("a" * 1000, ["F32", [4, 4]]),
    ],
)
def test_outlines_that_are_none(make, name, entry):
    """A worker may declare any shape, and whoever gets it draws as many numbers."""
    block = make(OUTLINES % {"name": name, "entry": entry})
    block.gradients()
    with pytest.raises(StudentCrash, match="interfered"):
        outline_of(block)


def test_an_outline_instead_of_values(make):
    block = make(OUTLINES % {"name": "a", "entry": ["F32", [4, 4]]})
    block.gradients()
    assert outline_of(block)["a"].shape == (4, 4)
    with pytest.raises(StudentCrash, match="interfered"):
        block.state_dict()


@pytest.mark.parametrize(("more", "returned"), [("", True), (RETURNS_NOTHING, False)], ids=["right", "wrong"])
def test_what_train_and_eval_return(tmp_path, more, returned):
    """Both here and in a worker, where nobody waits for it otherwise."""
    path = tmp_path / "resnet.py"
    path.write_text(BLOCK + more)
    assert modes_return_module(LocalStudent.from_file(path).BasicBlock(8, 8)) is returned
    with RemoteStudent(slice_submission(read_submission(path))) as student:
        block = student.BasicBlock(8, 8)
        assert modes_return_module(block) is returned
        assert not block.training


@pytest.mark.parametrize(
    "look",
    [lambda student: is_right(student, "BasicBlock", 16, 16), takes_small_images, look_at_own_network],
    ids=["block", "size of images", "own network"],
)
def test_a_look_leaves_an_exception_to_the_check_that_caused_it(make, look):
    make(RAISES)
    student = make.student
    student.BasicBlock(16, 1)
    with pytest.raises(StudentError, match="one channel"):
        look(student)
