"""Constructors, class attributes, and the function ResNet18."""

from collections.abc import Callable
from dataclasses import replace

from autograder.oracle.edits.kind import (
    BLOCKS,
    BOTTLENECK,
    EVERYWHERE,
    NOT_CALLABLE,
    RESNET,
    Change,
    Found,
    Hints,
    kind,
    projects,
    where_it,
)
from autograder.oracle.edits.network import blocks, rebuild
from autograder.oracle.program import Program, basic_block, bottleneck, layout, shortcut
from autograder.student.signature import NOT_WHOLE

MAKE = {"BasicBlock": basic_block, "Bottleneck": bottleneck}
REQUIRED = ("TypeError", "required positional argument")


def by_default(change: Change) -> Change:
    """Only where the last argument is left out."""
    return where_it(lambda p: p.fact("how") == "default", change)


def resnet18(change: Change) -> Change:
    """Only what the function ResNet18 returns."""
    return where_it(lambda p: p.kind == "ResNet18", change)


def raises(*error: str) -> Change:
    """The constructor raises an exception of this type whose text has this fragment."""
    return lambda p: p.state(raises=error)


def made_with(pick: Callable[[int, int, int], tuple[int, int, int]]) -> Change:
    """The block that other arguments make."""
    return lambda p: replace(MAKE[p.kind](*pick(*p.arguments)), facts=p.facts)


@kind(rank=2)
def wrong_arguments(program: Program, _: Hints) -> Found:
    """The constructor of a block takes its arguments otherwise."""
    yield "arguments_swapped", made_with(lambda i, p, s: (p, i, s))
    yield (
        "no_stride_argument",
        where_it(lambda p: p.fact("how") != "default", raises("TypeError", "positional argument")),
    )
    yield "too_many_arguments", raises(*REQUIRED)
    yield "no_default_stride", by_default(raises(*REQUIRED))
    yield "default_stride", by_default(made_with(lambda i, p, s: (i, p, 2)))
    for stride in (1, 2):
        yield "stride_argument_ignored", made_with(lambda i, p, s, n=stride: (i, p, n)), {"value": stride}
    flag = where_it(lambda p: p.fact("how") != "default", made_with(lambda i, p, s: (i, p, 2)))
    yield "stride_as_flag", flag
    yield "planes_ignored", made_with(lambda i, p, s: (i, i, s))
    yield "in_planes_ignored", made_with(lambda i, p, s: (p, p, s))
    if program.kind == BOTTLENECK:
        yield "planes_divided", made_with(lambda i, p, s: (i, max(p // 4, 1), s))

        def planes_out(p: Program) -> Program:
            in_planes, planes, stride = p.arguments
            block = replace(bottleneck(in_planes, max(planes // 4, 1), stride), facts=p.facts)
            block = block.change("conv3", planes=planes).change("bn3", planes=planes)
            return block.with_shortcut(*shortcut(in_planes, planes, stride))

        yield "planes_divided", planes_out


@kind(EVERYWHERE)
def not_initialised(program: Program, _: Hints) -> Found:
    """nn.Module is not set up."""
    yield "super_init_forgotten", raises("AttributeError", "before Module.__init__()")
    yield "list_of_layers", raises("TypeError", "list is not a Module subclass")
    if program.kind in BLOCKS:
        yield "list_of_layers", where_it(projects, raises("TypeError", "list is not a Module subclass"))
    yield "forward_missing", _calls_without_forward(program.kind)
    for called in ("ModuleList", "ModuleDict"):
        change, words = _calls_without_forward(called), {"called": called}
        yield "module_list_called", change, words
        if program.kind in BLOCKS:
            yield "module_list_called", where_it(projects, change), words


def _calls_without_forward(called: str) -> Change:
    """Forward calls a module of this class, which has no forward: PyTorch says so."""
    raised = ("NotImplementedError", f'Module [{called}] is missing the required "forward"')
    return lambda p: p.state(forward_raises=raised)


@kind(BLOCKS)
def wrong_expansion(program: Program, _: Hints) -> Found:
    """The class attribute that ResNet reads."""
    yield "expansion_missing", lambda p: p.state(expansion=None)
    for value in (1, 2, 4, 8):
        yield "expansion_wrong", lambda p, v=value: p.state(expansion=v), {"value": value}
    yield "expansion_not_whole", lambda p: p.state(expansion=NOT_WHOLE)


def relies_on_default(p: Program) -> bool:
    """Whether num_classes is left out: by the caller, or by the function ResNet18, which may also give it."""
    return p.fact("how") == "default" or p.kind == "ResNet18"


@kind((RESNET,))
def wrong_defaults(program: Program, _: Hints) -> Found:
    """The default of num_classes; the tests adapt to everything else about the parameters."""
    for classes in (100, 1000, 1, 2):
        change = where_it(relies_on_default, lambda p, c=classes: p.change("linear", classes=c))
        yield "parameters_of_resnet", change, {"value": f"the default of num_classes is {classes}"}
    for change in (by_default(raises(*REQUIRED)), where_it(relies_on_default, raises(*REQUIRED))):
        yield "parameters_of_resnet", change, {"value": "num_classes has no default"}


@kind((RESNET,))
def wrong_blocks(program: Program, _: Hints) -> Found:
    """The network does not build the blocks that it is given, or loses them."""
    yield "block_ignored", lambda p: p.state(opaque=True)
    yield "block_ignored", where_it(lambda p: p.kind == RESNET, lambda p: p.state(opaque=True))
    yield "blocks_not_called", lambda p: p.state(opaque=True, blocks_not_called=True)
    hidden = lambda p: p.change_all([o.name for o in blocks(p)], registered=False)  # noqa: E731
    yield "stage_builder_returns_nothing", lambda p: hidden(p).state(forward_raises=NOT_CALLABLE)
    yield "num_blocks_changed", where_it(lambda p: p.kind == RESNET, lambda p: p.state(list_changed=True))


DEPTHS = (
    *((3, 4, 6, 3), (1, 1, 1, 1), (2, 2, 2, 3), (3, 3, 3, 3), (2, 2, 2, 1), (1, 2, 2, 1), (5, 5, 5, 5), (9, 9, 9, 9)),
    (3, 4, 23, 3),
)


@kind((RESNET,), rank=3)
def wrong_resnet18(program: Program, _: Hints) -> Found:
    """The function ResNet18 builds something else."""
    for depth in DEPTHS:
        change = resnet18(lambda p, d=depth: rebuild(p, layout(1, d)))
        yield "resnet18_depth", change, {"value": ", ".join(map(str, depth))}
    for classes in (100, 1000):
        yield "resnet18_classes", resnet18(lambda p, c=classes: p.change("linear", classes=c)), {"value": classes}
    yield "resnet18_of_other_blocks", resnet18(lambda p: p.state(opaque=True))
    yield "resnet18_in_eval_mode", resnet18(lambda p: p.state(mode="eval"))
    yield "resnet18_shared", resnet18(lambda p: p.state(shared=True))
    yield "resnet18_returns_nothing", resnet18(raises("TypeError", "is no module: NoneType"))
    yield "resnet18_returns_class", resnet18(raises("TypeError", "is no module: type"))


@kind((RESNET,), rank=3)
def other_stages(program: Program, hints: Hints) -> Found:
    """Whatever else the network says that it built, where it computes accordingly."""
    if hints.calls:
        yield "stages_differ", lambda p: p if hints.called(p) in (None, p.calls) else rebuild(p, [hints.called(p)])
