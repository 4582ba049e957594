"""Values inside a block or network: inserted operations, values without a gradient, wrong results."""

import itertools
from dataclasses import replace

from autograder.oracle.edits.kind import (
    BLOCKS,
    EVERYWHERE,
    RESNET,
    Found,
    Hints,
    both,
    insert,
    kind,
    on,
    out_planes,
    phrase,
    places,
    projects,
    residual,
    stride_of,
    where_it,
)
from autograder.oracle.program import Program, op

RANDOM = {
    **{"dropout": ("dropout", False), "dropout_in_eval": ("dropout", True), "noise": ("noise", True)},
    **{"stochastic_depth": ("stochastic_depth", False), "noise_in_training": ("noise", False)},
}


@kind(EVERYWHERE)
def random_numbers(program: Program, _: Hints) -> Found:
    """Dropout, noise, and other random numbers; running statistics show between which BatchNorms."""
    places_ = ["flat"] if program.kind == RESNET else []
    for name, (what, in_eval) in RANDOM.items():
        name = "random_in_training" if program.kind == RESNET and what == "stochastic_depth" else name
        new = op("random", "random", "", what=what, in_eval=in_eval)
        for after in [*places_, *reversed(places(program, "norm")), "x"]:
            yield name, insert(after, new)
        if program.kind in BLOCKS:
            yield name, insert("x", new, only=("conv1",))


DETACHED = {
    "shortcut": ("shortcut_detached", "through your shortcut", "that is the highway that the block is built for"),
    "residual": ("residual_detached", "through F(x)", "its convolutions cannot learn"),
    "relu": ("no_gradient", "through your block at all", "nothing in it can learn, and nothing before it"),
    **dict.fromkeys(
        ("bn1", "relu1"), ("first_conv_detached", "to your first convolution", "what it returns is detached")
    ),
    "stem": ("stem_detached", "to your stem", "it stays as it is"),
    "linear": ("no_gradient", "through your network at all", "nothing in it can learn"),
    "x": ("input_detached", "back to the input", "x was taken out of the graph"),
}


@kind(EVERYWHERE, sentence="detached")
def detached(program: Program, _: Hints) -> Found:
    """A value is taken out of the graph."""
    new = op("detached", "detach", "")
    if program.kind == RESNET:
        for value in ("flat", "pool"):
            yield "features_detached", insert(value, new)
        for stage in "123":  # behind the last one are the features
            last = lambda p, s=stage: [o.name for o in p.ops if o.name.startswith(f"stage{s}.")][-1]  # noqa: E731
            words = _detached(f"stage{stage}.0")[1]
            yield "value_detached", insert(last, new), words
        values = ["stem", "linear", *(o.name for o in program.ops if o.kind == "block")]
    else:
        only = ("sum",)
        yield *_detached("shortcut")[:1], insert("shortcut", new, only), _detached("shortcut")[1]
        fed = lambda p: p.insert("x", new, only=("shortcut_conv" if projects(p) else "shortcut",))  # noqa: E731
        yield *_detached("shortcut")[:1], fed, _detached("shortcut")[1]
        projected = where_it(projects, insert("shortcut", new, only))  # no_grad leaves an identity as it is
        yield *_detached("shortcut")[:1], projected, _detached("shortcut")[1]
        yield *_detached("residual")[:1], insert(residual, new, only), _detached("residual")[1]
        yield *_detached("x")[:1], insert("x", new, only=("conv1",)), _detached("x")[1]
        inner = [o.name for o in program.ops if o.name not in ("relu", "shortcut", "sum", "relu1", residual(program))]
        values = ["relu", "relu1", "x", *inner]
    for value in values:
        name, words = _detached(value)
        yield name, insert(value, new), words


def _detached(value: str) -> tuple[str, dict[str, str]]:
    """Name of the mistake and words for its sentence."""
    default = ("value_detached", f"back through {phrase(value)}", "a value was taken out of the graph")
    name, where, so = DETACHED.get(value, default)
    return name, {"where": where, "so": so}


FACTORS = (0.5, 0.1, 0.2, 0.3, 2.0, 0.9, 0.8, 0.7, 0.25, 0.05, 0.01, 10.0, -1.0, 2**-0.5, 1.5)
COMBINED = {("sum", 0.5), ("sum", 2.0), ("residual", 2.0), ("residual", -1.0), ("shortcut", 2.0), ("shortcut", -1.0)}
"""Those that are another way to combine the branches, see `shortcut.COMBINATIONS`."""


@kind(sentence="scaled")
def scaled(program: Program, hints: Hints) -> Found:
    """A factor, fixed or learned."""
    named = {0.5: "_half", 0.1: "_tenth"}
    for name, after, called in (
        ("residual", residual, "F(x)"),
        ("shortcut", "shortcut", "the shortcut"),
        ("sum", "sum", "the sum"),
    ):
        only = () if name == "sum" else ("sum",)
        for factor in (*FACTORS, *(hints.factors if name == "sum" else ())):
            if (name, factor) in COMBINED:
                continue
            change = insert(after, op("factor", "scale", "", factor=factor), only)
            yield f"{name}_scaled{named.get(factor, '')}", change, {"what": called, "factor": f"{factor:.4g}"}
        for wide in (False, True):
            new = lambda p, w=wide: op("factor", "scale", "", learned=True, planes=out_planes(p) if w else 1)  # noqa: E731
            yield f"{name}_scaled", insert(after, new, only), {"what": called, "factor": "numbers that are learned"}


@kind()
def output_normalized(program: Program, _: Hints) -> Found:
    """The values of each position are scaled to length one."""
    for after in ("relu", "sum", residual):
        yield "output_normalized", insert(after, op("unit", "act", "", how="normalize"))


@kind()
def gated(program: Program, hints: Hints) -> Found:
    """A gate on F(x), or on the output."""
    sizes = [lambda p, n=n: n for n in sorted(hints.sizes)]
    reduced = [lambda p, r=r: out_planes(p) // r for r in (16, 8, 4, 2)]
    for where, after in (("on F(x)", residual), ("after the addition", "sum"), ("at its end", "relu")):
        for hidden, bias in itertools.product((*reduced, *sizes), (False, True)):
            new = lambda p, h=hidden, b=bias: op("gate", "gate", "", planes=out_planes(p), hidden=h(p), bias=b)  # noqa: E731
            yield "squeeze_excitation", insert(after, new, only=("sum",) if after is residual else ()), {"where": where}


@kind(sentence="pool_in_block")
def pooled(program: Program, _: Hints) -> Found:
    """Pooling inside a block: in the place of a stride, or besides."""

    def instead(p: Program, after: str, how: str, kernel: int, padding: int) -> Program:
        pool = op("pooled", "window", "", how=how, kernel=kernel, stride=stride_of(p), padding=padding)
        p = p.change_all(("conv1", "conv2"), stride=1)
        return p.change_all(("shortcut_conv",), stride=1 if after in ("x", "sum", "relu") else stride_of(p)).insert(
            after, pool
        )

    values = ["x", *(o.name for o in program.ops if not o.name.startswith("shortcut"))]
    for (how, called), after in itertools.product((("max", "max"), ("avg", "average")), values):
        words = {"called": called, "what": phrase(after)}
        for kernel, padding in ((2, 0), (3, 1)):
            change = lambda p, a=after, h=how, k=kernel, q=padding: instead(p, a, h, k, q)  # noqa: E731
            yield f"{how}_pool_in_block", where_it(lambda p: stride_of(p) != 1, change), words
        for kernel, stride, padding in ((3, 1, 1), (2, 2, 0), (3, 2, 1)):
            pool = op("pooled", "window", "", how=how, kernel=kernel, stride=stride, padding=padding)
            # Before the addition the sizes disagree: it raises, with max and with average pooling alike.
            unknown = after == residual(program) and stride > 1
            said = words | {"called": "max or average"} if unknown else words
            name = f"{'max' if unknown else how}_pool_in_block"
            yield name, insert(after, pool, only=("conv1",) if after == "x" else ()), said


IN_PLACE = ", in place, so that the caller's tensor changes too"


@kind(EVERYWHERE)
def in_place(program: Program, _: Hints) -> Found:
    """An operation in place writes into the caller's tensor; a ReLU on x is wrong by itself, in place or not."""
    relu = op("in_place", "act", "", how="relu", writes="x")
    yield "relu_on_input", insert("x", relu), {"how": IN_PLACE}
    if program.kind in BLOCKS:

        def late(p: Program) -> Program:
            """The ReLU of the shortcut, after F."""
            first = "shortcut_conv" if projects(p) else "shortcut"
            at = [o.name for o in p.ops].index(first)
            return replace(p, ops=(*p.ops[:at], relu.but(inputs=("x",)), *p.ops[at:])).rewire(
                "x", "in_place", only=(first,)
            )

        add = where_it(lambda p: not projects(p), lambda p: p.change("sum", writes="x"))
        yield "input_relu", late, {"how": IN_PLACE}
        yield "input_changed", add
        yield "input_changed", both(add, where_it(lambda p: not projects(p), lambda p: p.change("relu", writes="x")))


FORMS = {
    "no_return": {"NoneType": "nothing"},
    "returns_tuple": {"tuple": "tuple", "list": "list", "dict": "dictionary"},
    "returns_other_type": {
        **{
            "float16": "numbers of type float16",
            "float64": "numbers of type float64",
            "bfloat16": "numbers of type bfloat16",
        },
        **{"ndarray": "a NumPy array", "str": "a string", "int": "a number", "float": "a number", "Size": "a shape"},
        **{"int64": "whole numbers (argmax)", "bool": "truth values"},
    },
}


@kind(EVERYWHERE)
def other_result(program: Program, _: Hints) -> Found:
    """Something else than the right tensor is returned."""
    for name, forms in FORMS.items():
        for how, what in forms.items():
            yield name, insert(lambda p: p.output, op("form", "form", "", how=how)), {"what": what}
    if program.kind == RESNET:
        return
    yield "output_flattened", insert("relu", op("flat", "flatten", ""))
    for size, halved, after in itertools.product((32, 16, 8), (1, 0), (residual(program), "relu", "sum")):

        def fixed(p: Program, size: int = size, halved: int = halved) -> Program:
            side = size // (stride_of(p) if halved else 1)
            return op("fixed", "reshape", "", shape=(-1, out_planes(p), side, side))

        yield "fixed_image_size", insert(after, fixed)
    for o in program.ops:
        if not o.name.startswith(("shortcut", "sum")) and o.name not in ("relu", residual(program)):
            yield (
                "wrong_value_returned",
                lambda p, v=o.name: replace(p, returns=p.by_name[v].name),
                {"what": phrase(o.name)},
            )


@kind(EVERYWHERE)
def unfinished(program: Program, _: Hints) -> Found:
    """Forward ends after its first steps, and returns nothing; running statistics show which these are."""
    convs = places(program, "conv", outside=False)
    entries = [o.name for o in program.ops if o.kind == "block" and o.name.endswith(".0")]
    for first in (*convs, *entries):
        yield "no_return", lambda p, n=first: _ending_before(p, n)
    if program.kind in BLOCKS:
        yield "no_return", lambda p: _ending_before(p, "shortcut_conv" if projects(p) else "sum")


def _ending_before(p: Program, first: str) -> Program:
    """The operation `first` and those behind it are not called; nothing is returned."""
    at = p.ops.index(p.by_name[first])
    ops = (*p.ops[:at], *(o.but(called=False) for o in p.ops[at:]))
    return replace(p, ops=ops).insert(p.output, op("form", "form", "", how="NoneType"))


@kind(EVERYWHERE)
def not_registered(program: Program, _: Hints) -> Found:
    """Layers that PyTorch does not see."""
    if program.kind == RESNET:
        yield "blocks_in_list", lambda p: p.change_all([o.name for o in p.ops if o.kind == "block"], registered=False)
        return
    hide = lambda p, n: p.change(n, registered=p.by_name[n].kind == "identity")  # noqa: E731
    residual_layers = [*places(program, "conv", False), *places(program, "norm", False)]
    for names in (residual_layers, [*residual_layers, "shortcut_conv", "shortcut"], places(program, "conv", False)):
        yield "layers_in_list", on(names, hide)
    yield "shortcut_in_list", on(("shortcut_conv", "shortcut"), hide)
