"""Where the ReLUs are, and what is in their place."""

from autograder.oracle.edits.kind import (
    BASIC,
    BATCHNORM,
    BLOCKS,
    EVERYWHERE,
    PAPER_BLOCK,
    PAPER_SHORTCUT,
    Found,
    Hints,
    kind,
    last_norm,
    on,
    options,
    phrase,
    places,
    prefix,
    where,
)
from autograder.oracle.program import Program, act

BOTH_IN = "Your block applies its last ReLU to F(x), before the shortcut is added: what leaves the block is "


def relu_on_residual(program: Program) -> Program:
    """F(x) goes through a ReLU."""
    return program.insert(last_norm(program), act("relu_residual", ""), only=("sum",))


@kind("{text}", PAPER_BLOCK)
def misplaced_last_relu(program: Program, _: Hints) -> Found:
    """The last ReLU on the other side of the addition, or on both."""
    yield (
        "relu_before_add",
        lambda p: relu_on_residual(p).without("relu"),
        {"text": BOTH_IN + "relu(F(x)) + shortcut(x). Add first, then cut off at zero."},
    )
    yield (
        "relu_before_add",
        lambda p: relu_on_residual(p).without("relu").insert("shortcut", act("relu_shortcut", ""), only=("sum",)),
        {"text": BOTH_IN + "relu(F(x)) + relu(shortcut(x)). Add first, then cut off at zero."},
    )
    yield (
        "relu_before_and_after_add",
        relu_on_residual,
        {
            "text": "Your block has one ReLU too many: F(x) goes through a ReLU before the addition as well, so a "
            "block can only add, never take away."
        },
    )


@kind("There is no ReLU where {what} should be.", PAPER_BLOCK, EVERYWHERE)
def missing_relu(program: Program, _: Hints) -> Found:
    """A ReLU is left out."""
    acts = [name for name in places(program, "act") if name != "stem" or program.kind == "ResNet"]
    for name in reversed(acts):
        yield f"missing_{where(program, name)}_relu", on((name,), Program.without), {"what": phrase(name)}
    if len(acts) == 3:
        yield "missing_inner_relus", on(acts[:-1], Program.without), {}
    if len(acts) > 1:
        yield "no_relu_at_all", on(acts, Program.without), {}


@kind("{text}", PAPER_BLOCK, (BASIC,))
def relu_on_residual_alone(program: Program, _: Hints) -> Found:
    """The famous pair: no ReLU between the convolutions, and the last one before the addition."""
    text = "Your block's only ReLU sits on F(x): one belongs between the convolutions, one after the addition."
    change = lambda p: relu_on_residual(p).without("relu").without("relu1")  # noqa: E731
    yield "only_last_relu_missing_middle", change, {"text": text}


@kind("{text}", PAPER_SHORTCUT)
def relu_at_shortcut(program: Program, _: Hints) -> Found:
    """A ReLU before or behind the shortcut."""
    text = "Your shortcut applies a ReLU to its input. A skip connection passes x on as it is, negative values too."
    first = "shortcut_conv", "shortcut"

    def before(p: Program) -> Program:
        return p.insert("x", act("relu_input", ""), only=[next(name for name in first if name in p.by_name)])

    yield "input_relu", before, {"text": text}
    text = "Your shortcut ends in a ReLU of its own; it should be a convolution and a BatchNorm, and nothing else."
    behind = lambda p, name: p.insert(name, act("relu_shortcut", ""))  # noqa: E731
    yield "shortcut_relu", on(("shortcut",), behind, "norm"), {"text": text}
    yield "shortcut_relu", on(("shortcut",), behind), {"text": text}


@kind("A ReLU follows {what}, where none belongs.", PAPER_BLOCK, EVERYWHERE)
def extra_relu(program: Program, _: Hints) -> Found:
    """A ReLU where none belongs; one behind another changes nothing."""
    first = "conv1" if program.kind in BLOCKS else "conv"
    yield "relu_on_input", lambda p: p.insert("x", act("extra_relu", "")), {"what": "the input"}
    yield "relu_on_residual_input", lambda p: p.insert("x", act("extra_relu", ""), only=(first,)), {"what": "the input"}
    for name in places(program, "conv"):
        change = on((name,), lambda p, n: p.insert(n, act("extra_relu", "")))
        yield f"extra_relu_{where(program, name)}", change, {"what": f"{phrase(name)}, before its BatchNorm,"}


@kind("The ReLU comes before {what}; the order is convolution, BatchNorm, ReLU.", BATCHNORM, EVERYWHERE)
def batchnorm_after_relu(program: Program, _: Hints) -> Found:
    """BatchNorm and ReLU change places."""
    pairs = {n: a for n in places(program, "norm") for a in places(program, "act") if program.by_name[a].inputs == (n,)}

    def swap(p: Program, name: str) -> Program:
        relu = p.by_name[pairs[name]]
        return p.without(relu.name).insert(p.by_name[name].inputs[0], relu, only=(name,))

    names = list(pairs)
    for chosen in [names, *([name] for name in names)] if len(names) > 1 else [names]:
        yield f"{prefix(program)}batchnorm_after_relu", on(chosen, swap), {"what": " and ".join(map(phrase, chosen))}


OTHERS = {
    "leaky_relu": "a leaky ReLU",
    "leaky_relu_0.1": "a leaky ReLU",
    "leaky_relu_0.2": "a leaky ReLU",
    "gelu": "GELU",
    "silu": "SiLU (Swish)",
    "elu": "ELU",
    "sigmoid": "a sigmoid",
    "tanh": "tanh",
    "relu6": "ReLU6",
    "selu": "SELU",
    "prelu": "PReLU",
    "mish": "Mish",
    "hardswish": "Hardswish",
    "softplus": "Softplus",
    "gelu_tanh": "GELU",
    "hardtanh": "Hardtanh",
    "softmax": "a softmax",
    "log_softmax": "a log-softmax",
    "abs": "the absolute value",
    "hardsigmoid": "Hardsigmoid",
    "softsign": "Softsign",
}
"""A key of `interpreter.ACTIVATIONS`: what a student calls it."""


@kind("There is {called} in the place of {what}; it should be a ReLU.", PAPER_BLOCK, EVERYWHERE)
def other_activation(program: Program, _: Hints) -> Found:
    """Another activation: everywhere, inside F(x), or at one place."""
    acts = places(program, "act")
    for how, called in OTHERS.items():
        name = prefix(program) + how.split("_0.")[0].removesuffix("_tanh")
        for chosen in dict.fromkeys([tuple(acts), tuple(acts[:-1]), *((a,) for a in acts)]):
            if not chosen:
                continue
            what = " and ".join(map(phrase, chosen)) if len(chosen) < 3 else "every ReLU"
            for slopes in (1, -1, 0) if how == "prelu" else (0,):
                yield name, _prelus(chosen, how, slopes), {"called": called, "what": what}


def _prelus(chosen: tuple[str, ...], how: str, slopes: int):
    """PReLU has one slope (1), one for each channel (-1), or shares one among all places (0)."""

    def change(p: Program) -> Program:
        for number, name in enumerate(chosen):
            sharing = {"shares": chosen[0]} if how == "prelu" and slopes == 0 and number else {}
            wide = _width_at(p, name) if slopes == -1 else 1
            p = p.change(name, how=how, **({"planes": wide} if how == "prelu" else {}), **sharing)
        return p

    return change if how == "prelu" else options(chosen, "act", how=how)


def _width_at(p: Program, name: str) -> int:
    while "planes" not in dict(p.by_name[name].options):
        name = p.by_name[name].inputs[0]
    return p.by_name[name]["planes"]
