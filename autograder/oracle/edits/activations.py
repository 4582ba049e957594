"""Where the ReLUs are, and what is in their place."""

from autograder.oracle.edits.kind import (
    BASIC,
    BLOCKS,
    EVERYWHERE,
    Change,
    Found,
    Hints,
    both,
    insert,
    kind,
    on,
    options,
    phrase,
    places,
    prefix,
    projects,
    remove,
    residual,
    where,
    where_it,
)
from autograder.oracle.program import Program, act

RELU = act("extra_relu", "")
ON_RESIDUAL = insert(residual, RELU, only=("sum",))


@kind()
def misplaced_last_relu(program: Program, _: Hints) -> Found:
    """The last ReLU on the other side of the addition, or on both."""
    early, too = both(ON_RESIDUAL, remove("relu")), insert("shortcut", RELU, only=("sum",))
    yield "relu_before_add", early, {"shortcut": "shortcut(x)"}
    yield "relu_before_add", both(early, too), {"shortcut": "relu(shortcut(x))"}
    yield "relu_before_and_after_add", ON_RESIDUAL


@kind(EVERYWHERE)
def missing_relu(program: Program, _: Hints) -> Found:
    """A ReLU is left out."""
    acts = places(program, "act")
    for name in reversed(acts):
        yield f"missing_{where(program, name)}_relu", remove(name)
    if program.kind in BLOCKS:  # two ways to return, of which one lacks it
        yield "missing_last_relu", where_it(projects, remove("relu"))
        yield "missing_last_relu", lambda p: p if projects(p) else p.without("relu")
    if len(acts) > 1:
        yield "no_relu_at_all", remove(*acts)
    if len(acts) == 3:
        yield "missing_inner_relus", remove(*acts[:-1])


@kind((BASIC,))
def relu_on_residual_alone(program: Program, _: Hints) -> Found:
    """The famous pair: no ReLU between the convolutions, and the last one before the addition."""
    yield "only_last_relu_missing_middle", both(ON_RESIDUAL, remove("relu", "relu1"))


@kind()
def relu_at_shortcut(program: Program, _: Hints) -> Found:
    """A ReLU before or behind the shortcut."""
    on_input = lambda p: p.insert("x", RELU, only=("shortcut_conv" if projects(p) else "shortcut",))  # noqa: E731
    yield "input_relu", on_input, {"how": ""}
    yield "shortcut_relu", on(("shortcut",), lambda p, name: p.insert(name, RELU), "norm")
    yield "shortcut_relu", insert("shortcut", RELU)


@kind(EVERYWHERE, sentence="extra_relu")
def extra_relu(program: Program, _: Hints) -> Found:
    """A ReLU where none belongs; one behind another changes nothing."""
    yield "relu_on_input", insert("x", RELU), {"how": ""}
    if program.kind in BLOCKS:
        yield "relu_on_residual_input", insert("x", RELU, only=("conv1",))
    for name in places(program, "conv"):
        change = on((name,), lambda p, n: p.insert(n, RELU))
        yield f"extra_relu_{where(program, name)}", change, {"what": phrase(name)}


@kind(EVERYWHERE, sentence="batchnorm_after_relu")
def batchnorm_after_relu(program: Program, _: Hints) -> Found:
    """BatchNorm and ReLU change places."""
    pairs = {n: a for n in places(program, "norm") for a in places(program, "act") if program.by_name[a].inputs == (n,)}

    def swap(p: Program, name: str) -> Program:
        relu = p.by_name[pairs[name]]
        return p.without(relu.name).insert(p.by_name[name].inputs[0], relu, only=(name,))

    for names in dict.fromkeys([tuple(pairs), *((name,) for name in pairs)]):
        yield f"{prefix(program)}batchnorm_after_relu", on(names, swap), {"what": phrase(*names)}


OTHERS = {
    **{f"leaky_relu{slope}": "a leaky ReLU" for slope in ("", "_0.1", "_0.2", "_0.3", "_0.05", "_0.25", "_0.5")},
    **{"gelu": "GELU", "gelu_tanh": "GELU", "silu": "SiLU (Swish)", "elu": "ELU", "selu": "SELU", "mish": "Mish"},
    **{"sigmoid": "a sigmoid", "tanh": "tanh", "relu6": "ReLU6", "prelu": "PReLU", "softplus": "Softplus"},
    **{"hardswish": "Hardswish", "hardtanh": "Hardtanh", "hardsigmoid": "Hardsigmoid", "softsign": "Softsign"},
    **{"softmax": "a softmax", "log_softmax": "a log-softmax", "abs": "the absolute value"},
    **{"elu_0.5": "ELU", "celu_0.5": "CELU", "squared_relu": "the square of ReLU", "quick_gelu": "GELU"},
    **{"softshrink": "Softshrink", "hardshrink": "Hardshrink", "tanhshrink": "Tanhshrink"},
    "clamp": "a cut at zero and at one",
}
"""A key of `interpreter.ACTIVATIONS`: what a student calls it."""


@kind(EVERYWHERE, sentence="other_activation")
def other_activation(program: Program, _: Hints) -> Found:
    """Another activation: everywhere, inside F(x), or at one place."""
    acts = places(program, "act")
    for how, called in OTHERS.items():
        name = prefix(program) + how.split("_0.")[0].removesuffix("_tanh").removeprefix("quick_")
        for chosen in dict.fromkeys([tuple(acts), tuple(acts[:-1]), *((a,) for a in acts)]):
            words = {"called": called, "what": phrase(*chosen)}
            if how == "prelu" and chosen:
                yield from ((name, _prelu(chosen, wide, shared), words) for wide, shared in ((0, 0), (1, 0), (0, 1)))
            elif chosen:
                yield name, options(chosen, "act", how=how), words


def _prelu(chosen: tuple[str, ...], wide: int, shared: int) -> Change:
    """PReLU has one slope, or one for each channel; one module may serve all places."""

    def change(p: Program) -> Program:
        for name in chosen:
            value = p.by_name[name].inputs[0]
            while "planes" not in dict(p.by_name[value].options):
                value = p.by_name[value].inputs[0]
            owner = chosen[0] if shared and name != chosen[0] else ""
            p = p.change(name, how="prelu", planes=p.by_name[value]["planes"] if wide else 1, shares=owner)
        return p

    return change
