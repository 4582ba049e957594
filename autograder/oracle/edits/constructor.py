"""Constructors, class attributes, and the function ResNet18."""

from dataclasses import replace

from autograder.oracle.edits.kind import (
    EVERYWHERE,
    PAPER_NETWORK,
    PART_4,
    PARTS_2_3,
    RESNET,
    Change,
    Found,
    Hints,
    kind,
)
from autograder.oracle.edits.network import rebuild
from autograder.oracle.program import Program, basic_block, bottleneck, network

MAKE = {"BasicBlock": basic_block, "Bottleneck": bottleneck}


def _rebuilt(pick) -> Change:
    """The block that other arguments of the constructor make; the task is still the same one."""

    def change(p: Program) -> Program:
        made = MAKE[p.kind](*pick(*p.arguments))
        return replace(made, facts=p.facts)

    return change


@kind("{text}", PARTS_2_3)
def wrong_arguments(program: Program, _: Hints) -> Found:
    """The constructor of a block takes its arguments otherwise."""
    text = "Your constructor takes planes first; it should be (in_planes, planes, stride=1)."
    yield "arguments_swapped", _rebuilt(lambda i, p, s: (p, i, s)), {"text": text}
    text = "Your constructor has no argument stride; it should be (in_planes, planes, stride=1)."
    too_many = ("TypeError", "positional argument")
    no_stride = lambda p: p if p.fact("how") == "default" else p.state(raises=too_many)  # noqa: E731
    yield "no_stride_argument", no_stride, {"text": text}
    text = "Your constructor needs more arguments than (in_planes, planes, stride=1)."
    yield "too_many_arguments", lambda p: p.state(raises=("TypeError", "required positional argument")), {"text": text}
    text = "Your constructor has no default for stride; it should be (in_planes, planes, stride=1)."
    no_default = lambda p: p.state(raises=("TypeError", "required positional")) if p.fact("how") == "default" else p  # noqa: E731
    yield "no_default_stride", no_default, {"text": text}
    text = "The default of stride is 2 in your constructor; it should be (in_planes, planes, stride=1)."
    two = lambda p: _rebuilt(lambda i, q, s: (i, q, 2))(p) if p.fact("how") == "default" else p  # noqa: E731
    yield "default_stride", two, {"text": text}
    text = "Your block ignores its argument stride: it is always {0}."
    for stride in (1, 2):
        yield "stride_argument_ignored", _rebuilt(lambda i, p, s, n=stride: (i, p, n)), {"text": text.format(stride)}
    text = "Your block ignores its argument {0}."
    yield "planes_ignored", _rebuilt(lambda i, p, s: (i, i, s)), {"text": text.format("planes")}
    yield "in_planes_ignored", _rebuilt(lambda i, p, s: (p, p, s)), {"text": text.format("in_planes")}
    text = "Your block divides planes by 4, as if it were the width that leaves the block."
    if program.kind == "Bottleneck":
        yield "planes_divided", _rebuilt(lambda i, p, s: (i, max(p // 4, 1), s)), {"text": text}


@kind("{text}", PARTS_2_3, EVERYWHERE)
def not_initialised(program: Program, _: Hints) -> Found:
    """nn.Module is not set up."""
    text = "super().__init__() is missing in your constructor, or comes too late: it must come first."
    raises = ("AttributeError", "before Module.__init__()")
    yield "super_init_forgotten", lambda p: p.state(raises=raises), {"text": text}


@kind("{text}", PARTS_2_3)
def wrong_expansion(program: Program, _: Hints) -> Found:
    """The class attribute that ResNet reads."""
    text = "Your class has no attribute `expansion`; it belongs to the class, above __init__: ResNet reads it there."
    yield "expansion_missing", lambda p: p.state(expansion=None), {"text": text}
    for value in (1, 2, 4, 8):
        text = f"The class attribute `expansion` is {value}, but the block returns another multiple of planes."
        yield "expansion_wrong", lambda p, v=value: p.state(expansion=v), {"text": text}


def _classes(p: Program, classes: int) -> Program:
    return p.change("linear", classes=classes)


@kind("{text}", PART_4, (RESNET,))
def wrong_num_classes(program: Program, _: Hints) -> Found:
    """The constructor of the network takes num_classes otherwise."""
    text = "The default of num_classes is {0} in your constructor; it should be 10."
    for classes in (100, 1000, 1, 2):
        other = lambda p, c=classes: _classes(p, c) if p.fact("how") == "default" or p.kind == "ResNet18" else p  # noqa: E731
        yield "default_num_classes", other, {"text": text.format(classes)}
    text = "Your constructor has no argument num_classes; it should be (block, num_blocks, num_classes=10)."
    too_many = ("TypeError", "positional argument"), ("TypeError", "unexpected keyword")
    without = lambda p: p.state(raises=too_many[p.fact("how") == "keyword"])  # noqa: E731
    missing = lambda p: p if p.fact("how") == "default" or p.kind == "ResNet18" else without(p)  # noqa: E731
    yield "no_num_classes", missing, {"text": text}
    text = "Another argument comes before num_classes in your constructor; it should be (block, num_blocks, num_classes=10)."
    third = lambda p: (
        _classes(p, 10).change("conv", in_planes=p.arguments[2])
        if p.fact("how") == "positional" and p.kind == RESNET
        else p
    )  # noqa: E731
    yield "num_classes_not_third", third, {"text": text}
    ignored = lambda p: _classes(p, 10) if p.fact("how") == "positional" else p  # noqa: E731
    yield "num_classes_not_third", ignored, {"text": text}
    text = "Your constructor has no default for num_classes; it should be (block, num_blocks, num_classes=10)."
    needed = lambda p: p.state(raises=("TypeError", "required positional")) if p.fact("how") == "default" else p  # noqa: E731
    yield "no_default_num_classes", needed, {"text": text}


@kind("{text}", PART_4, (RESNET,))
def wrong_blocks(program: Program, _: Hints) -> Found:
    """The network does not build the blocks that it is given, or calls them otherwise."""
    text = (
        "Your network never builds the block that it is given: use `block`, not a class of your own or torchvision's."
    )
    yield "block_ignored", lambda p: p.state(opaque=True), {"text": text}
    yield "block_ignored", lambda p: p.state(opaque=True) if p.kind == RESNET else p, {"text": text}
    text = "Your network builds the shortcut of a block itself and passes it on; a block builds its own: block(in_planes, planes, stride)."
    yield "shortcut_from_outside", lambda p: _extra(p, "Module"), {"text": text}
    text = "Your network passes further arguments to its blocks; they are built as block(in_planes, planes, stride)."
    yield "block_gets_extra_argument", lambda p: _extra(p, "other"), {"text": text}
    text = "Your function that builds a stage returns nothing, so the stages are None."
    raises = ("TypeError", "'NoneType' object is not callable")

    def nothing(p: Program) -> Program:
        blocks = [o.name for o in p.ops if o.kind == "block"]
        return p.change_all(blocks, registered=False).state(forward_raises=raises)

    yield "stage_builder_returns_nothing", nothing, {"text": text}
    text = "Your constructor changes the list num_blocks (pop, insert); the caller may still need it."
    yield "num_blocks_changed", lambda p: p if p.kind != RESNET else p.state(list_changed=True), {"text": text}


def _extra(p: Program, what: str) -> Program:
    tolerant = p.fact("how") == "tolerant"
    return p.state(extra=what) if tolerant else p.state(raises=("WrongCall", "a block is built as"))


@kind("{text}", PART_4, (RESNET,))
def wrong_resnet18(program: Program, _: Hints) -> Found:
    """The function ResNet18 builds something else."""

    def only_there(change: Change) -> Change:
        return lambda p: change(p) if p.kind == "ResNet18" else p

    def of(blocks: tuple[int, ...], classes: int = 10) -> Change:
        return only_there(lambda p: replace(network(1, blocks, classes), kind=p.kind, facts=p.facts))

    text = "ResNet18() builds {0} blocks in its stages; it should be 2, 2, 2, 2."
    others = (
        (3, 4, 6, 3),
        (1, 1, 1, 1),
        (2, 2, 2, 3),
        (3, 3, 3, 3),
        (2, 2, 2, 1),
        (1, 2, 2, 1),
        (5, 5, 5, 5),
        (9, 9, 9, 9),
        (3, 4, 23, 3),
    )
    for blocks in others:
        yield "resnet18_depth", of(blocks), {"text": text.format(", ".join(map(str, blocks)))}
    text = "ResNet18() returns {0} logits; it should be 10."
    for classes in (100, 1000):
        yield "resnet18_classes", of((2, 2, 2, 2), classes), {"text": text.format(classes)}
    text = "ResNet18() is not made of BasicBlock."
    yield "resnet18_of_other_blocks", only_there(lambda p: p.state(opaque=True)), {"text": text}
    text = "ResNet18() returns its network in eval mode: return it as it is built."
    yield "resnet18_in_eval_mode", only_there(lambda p: p.state(mode="eval")), {"text": text}
    text = "ResNet18() returns the same network each time; it should build a new one."
    yield "resnet18_shared", only_there(lambda p: p.state(shared=True)), {"text": text}
    for what, text in (
        ("NoneType", "ResNet18() returns nothing: it must end in `return`."),
        ("type", "ResNet18() returns the class; it should return a network: call it."),
    ):
        raises = ("TypeError", f"is no module: {what}")
        name = "resnet18_returns_nothing" if what == "NoneType" else "resnet18_returns_class"
        yield name, only_there(lambda p, r=raises: p.state(raises=r)), {"text": text}


@kind("Your network builds its blocks with (in_planes, planes, stride) other than it should.", PAPER_NETWORK, (RESNET,))
def other_stages(program: Program, hints: Hints) -> Found:
    """Whatever else the network says that it built, where it computes accordingly."""

    def change(p: Program) -> Program | None:
        calls = dict(hints.calls).get(p.arguments)
        if not calls or calls == p.calls:
            return p
        return rebuild(p, [calls])

    if hints.calls:
        yield "stages_differ", change, {}
