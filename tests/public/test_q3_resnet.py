"""Question 3: the network, a stem, four stages of blocks, global average pooling and a linear head.

The blocks here are probes (see `autograder.student.probe`), so a mistake in q1 or q2 costs nothing in q3. What `ResNet`
does to blocks of the student's own class is looked at in one network of them, if they are right by themselves.
"""

import contextlib
from collections import Counter

import pytest
import torch

from autograder.oracle import judge_network
from autograder.oracle.small_images import CIFAR10, image_size
from autograder.student.errors import NOT_ABOUT_THE_CODE
from autograder.student.passes import outputs_of, shared_tensors
from autograder.student.probe import calls_of
from autograder.student.signature import accepts_classes, classes_parameter
from autograder.student.state import load_state, outline_of
from autograder.suite import expect
from autograder.suite.blocks import (
    assert_depends_on,
    assert_holds_own_blocks,
    every_parameter_is_reached,
    layout,
    probe_weights,
)
from autograder.suite.own_network import assert_own_blocks_learn, blocks_run
from autograder.suite.probe_network import probe_network
from autograder.suite.start import assert_learns_from_start

pytestmark = pytest.mark.question("q3")

NETWORKS = [(1, [2, 1, 3, 2]), (2, [1, 2, 1, 1])]  # (expansion, num_blocks)
RESNET18 = "ResNet18() is ResNet(BasicBlock, [2, 2, 2, 2])"
THROWN_AWAY = "blocks are built and thrown away: is one attribute assigned twice, or a stage not assigned to self?"
IN_A_LIST = "PyTorch does not see what is in a Python list: use nn.Sequential or nn.ModuleList"
HINT = "does _make_layer pass (in_planes, planes, stride), and set in_planes = planes * block.expansion after each?"


def parameters(expansion: int, num_blocks: list[int], norm: bool = False) -> int:
    """How many parameters a network of probe blocks has: stem, blocks, head for ten classes.

    Args:
        norm: whether the blocks have BatchNorm.
    """
    blocks = sum((in_planes + 2 * norm) * planes * expansion for in_planes, planes, _ in layout(expansion, num_blocks))
    return 64 * 3 * 9 + 2 * 64 + blocks + 512 * expansion * 10 + 10


def same_strides(built, expected) -> bool:
    """Whether blocks have the right strides, in whichever order they are built; wrong widths are another check's."""
    if sorted(call[:2] for call in expected) == sorted(tuple(call[:2]) for call in built):
        return sorted(expected) == sorted(map(tuple, built))
    return [call[2] for call in built] == [call[2] for call in expected]


def written(num_blocks: list[int], num_classes: int = 10) -> str:
    """The network as the student would write it."""
    return f"ResNet(block, {num_blocks}{f', num_classes={num_classes}' if num_classes != 10 else ''})"


@pytest.mark.points(3)
@pytest.mark.parametrize(
    ("expansion", "num_blocks", "num_classes"), [(1, [2, 1, 3, 2], None), (2, [1, 2, 1, 1], 7), (4, [1, 1, 1, 1], 10)]
)
def test_logits_shape(student, expansion, num_blocks, num_classes):
    """Logits: (N, 3, 32, 32) becomes (N, num_classes), for any block, depth and number of classes."""
    given = [] if num_classes is None else [num_classes]

    def returns_logits(make, classes, *given):
        net = expect.in_eval_mode(make(student.probe(expansion), [*num_blocks], *given))
        numbers = (2, 1)
        outputs = outputs_of(net, [torch.randn(images, 3, *CIFAR10) for images in numbers])
        for images, output in zip(numbers, outputs, strict=False):  # they end with the first that is no tensor
            expect.assert_shape(
                output,
                (images, classes),
                f"{written(num_blocks, classes)} with block.expansion = {expansion} returns ({images}, {classes}) "
                f"logits for {images} image{'s' if images > 1 else ''}",
                "the linear layer goes from 512 * block.expansion features to num_classes"
                if images > 1
                else "squeeze() also drops the batch dimension when it is 1: use flatten(1)",
            )

    def adapted():
        classes = num_classes if accepts_classes(student.parameters("ResNet")) else None
        returns_logits(student.ResNet, classes or 10, classes or 10)

    with explained_by_parameters(student, adapted):
        returns_logits(student.ResNet.exactly, num_classes or 10, *given)


@contextlib.contextmanager
def explained_by_parameters(student, adapted):
    """Name the mistake where the constructor's parameters are not those of the question, and nothing else is wrong.

    Args:
        adapted: does the same by a call that is adapted to the parameters, as other checks do.
    """
    try:
        yield
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        if passes(adapted):
            assert_parameters(student)
        raise


def passes(check):
    """Whether a check raises nothing."""
    try:
        check()
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        return False
    return True


def assert_parameters(student):
    """The constructor's parameters are those of the question."""
    parameters = student.parameters("ResNet")
    found = classes_parameter(parameters)
    if accepts_classes(parameters) and (found is None or (found in parameters[2:3] and found.default == "10")):
        return
    expect.fail(
        "ResNet(block, num_blocks, num_classes=10)",
        f"ResNet({', '.join(map(str, parameters))})",
        "num_classes is the third parameter, and 10 where nobody says anything",
        "parameters_of_resnet",
        "The parameters of your ResNet.__init__ are not those of the question.",
    )


@pytest.mark.points(4)
@pytest.mark.parametrize(("expansion", "num_blocks"), NETWORKS)
def test_stages(student, expansion, num_blocks):
    """Stages: the right number of blocks at the right widths, and the output depends on each."""
    network = probe_network(student, expansion, num_blocks)
    if network.given != num_blocks:
        hint = "pop(), insert() and the like change the caller's list: read it by index, or loop over it"
        expect.fail("ResNet leaves the list num_blocks as it was", f"{num_blocks} became {network.given}", hint)
    statement = f"{written(num_blocks)} with block.expansion = {expansion} builds blocks with (in_planes, planes) ="
    widths = [call[:2] for call in layout(expansion, num_blocks)]
    built = [call[:2] for call in network.built]
    if sorted(built) != sorted(widths):  # in which order they are built is free: a probe refuses other channels
        expect.fail(f"{statement} {widths}", f"{built}", HINT)
    shapes = probe_weights(layout(expansion, num_blocks), expansion)
    held = [tuple(value.shape) for value in network.state.values()]
    if missing := Counter(shapes) - Counter(held):
        expect.fail(
            f"the weight of every block is part of the network's state: one of shape {next(iter(missing))} too",
            "no such tensor in state_dict()",
            THROWN_AWAY if len(network.kept) < len(widths) else IN_A_LIST,
        )
    assert_depends_on(network.net, set(shapes), network.state, gradients_of_parameters(network))
    if call := network.foreign_call:
        expect.fail(
            "ResNet calls block(in_planes, planes, stride): any block that has these parameters will do",
            f"your ResNet calls {call}",
            "a block builds its own shortcut, from in_planes, planes and stride; set other options in the block itself",
            "foreign_call_of_block",
            "Your ResNet passes arguments to block that the question does not have.",
        )


def gradients_of_parameters(network):
    """Those of the parameters of a network; none where there are none."""
    try:
        return network.gradients[1]
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        return {}


@pytest.mark.points(3)
@pytest.mark.parametrize(("expansion", "num_blocks"), NETWORKS)
def test_downsampling(student, expansion, num_blocks):
    """Downsampling: stride 2 at the start of stages 2 to 4 and nowhere else; the stem has no pooling."""
    network, wanted = probe_network(student, expansion, num_blocks), layout(expansion, num_blocks)
    built = network.built
    if not same_strides(built, wanted):
        statement = f"{written(num_blocks)} builds its blocks with the strides {[call[2] for call in wanted]}"
        expect.fail(
            statement,
            f"{[call[2] for call in built]}",
            "only the first block of a stage carries the stride; stage 1 has stride 1",
        )
    gradient, _ = network.gradients
    seen = gradient.abs().sum(dim=(0, 1)).nonzero() if gradient is not None else torch.empty(0, 2)
    expected = torch.cartesian_prod(torch.arange(0, 32, 8), torch.arange(0, 32, 8))
    if seen.shape != expected.shape or not torch.equal(seen, expected):
        expect.fail(
            "32x32 becomes 4x4 before the pooling: with a stem that looks at one pixel and blocks that are 1x1 "
            "convolutions, the logits depend on every 8th pixel of every 8th row, 16 pixels in all",
            f"they depend on {len(seen)} pixels",
            "the stem has stride 1 and no max-pool; the head averages over all positions that are left",
        )


@pytest.mark.points(4)
@pytest.mark.parametrize(("expansion", "num_blocks"), NETWORKS)
def test_parameters(student, expansion, num_blocks):
    """Parameters: every layer is registered, none is shared, and every one learns."""
    what = f"{written(num_blocks)} made of probe blocks"
    network = probe_network(student, expansion, num_blocks)
    hint = (
        "stem: 3x3 convolution without bias, BatchNorm; head: linear with bias. A Python list hides layers from "
        "PyTorch (use nn.Sequential or nn.ModuleList); [block] * n repeats one block"
    )
    expect.assert_parameter_count(network.net, parameters(expansion, num_blocks), what, hint)
    x = torch.randn(2, 3, *image_size(student))
    expect.assert_every_parameter_learns(network.net, x, what, network.state)
    if (expansion, num_blocks) == NETWORKS[0]:
        assert_own_blocks_learn(student)
        assert_learns_from_start(student, student.ResNet(student.probe(1, norm=True), (1, 1, 1, 1)), x, what)


@pytest.mark.points(2)
@pytest.mark.parametrize("num_classes", [10, 7])
def test_head(student, num_classes):
    """Head: the linear layer comes last; logits are neither softmax nor ReLU outputs."""
    if not accepts_classes(student.parameters("ResNet")):
        num_classes = 10
    net = expect.in_eval_mode(student.ResNet(student.probe(1), (1, 1, 1, 1), num_classes))
    bias = torch.linspace(-2, 2, num_classes)
    if not any(tuple(value.shape) == (num_classes,) for value in outline_of(net).values()):
        statement = f"the head of {written([1, 1, 1, 1], num_classes)} is a linear layer with a bias of {num_classes}"
        expect.fail(statement, "no tensor of that shape in its state", "nn.Linear(512 * block.expansion, num_classes)")

    def rule(_: str, value: torch.Tensor) -> torch.Tensor:
        if tuple(value.shape) == (num_classes,):
            return bias
        is_weight = sorted(size for size in value.shape if size > 1) == [num_classes, 512]  # x @ W stores it transposed
        return torch.zeros(value.shape, dtype=value.dtype) if is_weight else value

    expect.set_state(net, rule)
    expect.assert_same(
        net(torch.randn(2, 3, *image_size(student))),
        bias.repeat(2, 1),
        f"with the weight of the linear layer set to zero the logits are its bias, {bias[0]:.1f} to {bias[-1]:.1f}",
        "return what the linear layer gives: nn.CrossEntropyLoss applies the softmax itself",
    )


@pytest.mark.points(1)
@pytest.mark.forward
@pytest.mark.parametrize(
    ("expansion", "num_blocks", "mode"),
    [(1, [1, 1, 2, 1], "eval"), (2, [2, 1, 1, 1], "eval"), (1, [1, 1, 1, 1], "train")],
)
def test_whole_function(student, expansion, num_blocks, mode):
    """The whole function: with any weights, in both modes, stem, stages, pooling and head compute what they should."""
    judge_network(student, expansion, num_blocks, 10, aspect=mode).require()


@pytest.mark.points(3)
def test_resnet18(student):
    """ResNet18(): two basic blocks in each stage, ten classes, 11,173,962 parameters."""

    def returns_logits():
        net = expect.in_eval_mode(student.ResNet(student.probe(1), [2, 2, 2, 2], 10))
        expect.assert_shape(net(torch.randn(2, 3, 32, 32)), (2, 10), RESNET18)

    with explained_by_parameters(student, returns_logits):
        probe = student.probe(1, norm=True)
        if (net := resnet18_of_probes(student, probe)) is not None:
            judge_resnet18_of_probes(student, probe, net)
        else:
            judge_own_resnet18(student)
    assert_own_blocks_learn(student)


def judge_resnet18_of_probes(student, probe, net):
    """Judge `net`, which ResNet18() built of probe blocks."""
    expected = layout(1, [2, 2, 2, 2])
    built = calls_of(probe, expected)
    if sorted(built) != sorted(expected):
        expect.fail(f"{RESNET18}: 8 blocks, (in_planes, planes, stride) = {expected}", f"{len(built)} blocks: {built}")
    assert_new_network(net, student.ResNet18(basic_block=probe))
    state = assert_in_train_mode(net)
    what = "ResNet18() made of probe blocks"
    expect.assert_parameter_count(net, parameters(1, [2, 2, 2, 2], norm=True), what, "each block and layer once")
    x = torch.randn(2, 3, *image_size(student))
    if not every_parameter_is_reached(net, x):  # with the weights of plain ResNet, it computes the same: see below
        assert_own_blocks_learn(student)  # which has a name for layers of blocks that are frozen
        expect.assert_every_parameter_learns(net, x, what, state)
    expect.assert_modes_return_module(net, "ResNet")
    assert_nothing_added(student, net, student.ResNet(student.probe(1, norm=True), (2, 2, 2, 2)), state)


def assert_nothing_added(student, net, plain, state):
    """ResNet18() must compute what ResNet, which made `plain`, computes with the same weights, and nothing besides.

    Args:
        net: what ResNet18() returned.
        state: some weights for it.
    """
    names = list(shapes := {name: value.shape for name, value in outline_of(plain).items()})
    if [*shapes.values()] != [value.shape for value in state.values()]:
        return  # built in another way: there is nothing to compare
    load_state(plain, dict(zip(names, state.values(), strict=True)))
    load_state(net, state)
    x = torch.randn(2, 3, *image_size(student))
    for training in (True, False):  # eval mode depends on the running statistics that train mode leaves
        plain.train(training)
        expected, *again = outputs_of(plain, [x, x])
        if not isinstance(expected, torch.Tensor) or not again or not torch.equal(expected, again[0]):
            return  # what is random in ResNet is judged there
        mode = "train" if training else "eval"
        statement = f"in {mode} mode, ResNet18() computes what ResNet(BasicBlock, [2, 2, 2, 2]) computes"
        hint = "return the network as it is built: no layer, hook or setting is added to it"
        net.train(training)
        expect.assert_same(outputs_of(net, [x, x])[-1], expected, statement, hint)


def assert_new_network(net, another):
    """Every call of ResNet18() returns a network of its own: `net` and `another` one share nothing."""
    statement = "every call of ResNet18() builds a new network"
    hint = "is the network built outside of the function, or is a list of blocks kept, as a default `blocks=[]` is?"
    expect.assert_shares_nothing(net, another, statement, hint)


def assert_in_train_mode(net):
    """`net`, as ResNet18() returns it, is in train mode.

    Returns:
        The new weights of `net`.
    """
    x = torch.randn(2, 3, *CIFAR10)
    state = expect.scramble(net)
    alone, *others = outputs_of(net, [x, torch.cat([x[:1], torch.rand_like(x[1:])])])
    expect.assert_shape(alone, (2, 10), f"{RESNET18}, so its logits are (N, 10)")
    statement = "ResNet18() returns a network in train mode, whose BatchNorm normalises with the batch"
    got = "the logits of an image do not depend on the rest of the batch, as in eval mode"
    expect.assert_differ(others[0][:1], alone[:1], statement, got, "return the network as it is built, without .eval()")
    return state


def resnet18_of_probes(student, probe):
    """ResNet18() made of probes; None where that cannot be: it has its blocks from elsewhere, or looks into them."""
    try:
        net = student.ResNet18(basic_block=probe)
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:  # a probe lacks a layer that ResNet initializes, say: the student's own block decides
        return None
    return net if probe.calls else None


def judge_own_resnet18(student):
    """Judge ResNet18() with the student's own blocks, whose own mistakes are charged in q1."""
    net, runs = student.ResNet18(), blocks_run(student)
    if runs:
        expect.assert_shape(net(torch.randn(2, 3, 32, 32)), (2, 10), f"{RESNET18}, so its logits are (N, 10)")
    assert_holds_own_blocks(student, [2, 2, 2, 2], net)
    if shared_tensors(student.BasicBlock(64, 64, 1), student.BasicBlock(64, 64, 1)):
        return  # nor do its blocks, which q1 charges
    assert_new_network(net, student.ResNet18())
    blocks = [student.skeleton("BasicBlock", *shape) for shape in layout(1, [2, 2, 2, 2])]
    expected = parameters(1, [0, 0, 0, 0]) + sum(map(expect.count_parameters, blocks))
    expect.assert_parameter_count(net, expected, RESNET18, "return ResNet(BasicBlock, [2, 2, 2, 2])")
    if not runs:
        return
    if not is_random(block := student.BasicBlock(16, 32, 2)):
        judge_running_resnet18(student, net, block)
    elif hasattr(student, "without_dropout"):
        with student.without_dropout():
            if not is_random(block):
                judge_running_resnet18(student, net, block)


def is_random(block):
    """Whether a block returns something else for the same images again, or nothing: then no single draw says much."""
    x = torch.randn(2, 16, 8, 8)
    try:
        block.train()
        first, again = outputs_of(block, [x, x], expect.scramble(block))
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        return True
    return not isinstance(first, torch.Tensor) or not torch.equal(first, again)


def judge_running_resnet18(student, net, block):
    """Judge what ResNet18() of the student's own blocks computes, if one block by itself learns."""
    try:
        expect.assert_every_parameter_learns(block, torch.randn(2, 16, 8, 8), "BasicBlock")
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        return
    state = assert_in_train_mode(net)
    expect.assert_every_parameter_learns(net, torch.randn(2, 3, *image_size(student)), "ResNet18()", state)
    expect.assert_modes_return_module(net, "ResNet")
    assert_nothing_added(student, net, student.ResNet(student.BasicBlock, [2, 2, 2, 2]), state)
