"""Values inside a block or network: inserted operations, values without a gradient, wrong results."""

from dataclasses import replace

from autograder.oracle.edits.kind import (
    BLOCKS,
    EVERYWHERE,
    PAPER_BLOCK,
    PARTS_2_3,
    Found,
    Hints,
    kind,
    last_norm,
    on,
    options,
    out_planes,
    phrase,
    places,
    projects,
    stride_of,
)
from autograder.oracle.program import Program, op

RANDOM = {
    "dropout": ("dropout", False, "There is dropout {where}; this network has none: BatchNorm regularises it."),
    "dropout_in_eval": ("dropout", True, "There is dropout {where}, in eval mode too; this network has none."),
    "stochastic_depth": (
        *("stochastic_depth", False),
        "In train mode a branch of your block is left out at random (stochastic depth); both should always be added.",
    ),
    "noise": (
        "noise",
        True,
        "Your code adds random numbers {where}: the same input should always give the same output.",
    ),
    "noise_in_training": (
        "noise",
        False,
        "Your code adds random numbers {where} in train mode; nothing here is random.",
    ),
}


@kind("{text}", PARTS_2_3, EVERYWHERE)
def random_numbers(program: Program, _: Hints) -> Found:
    """Dropout, noise, and other random numbers; BatchNorm's statistics show where."""
    values = [o.name for o in reversed(program.ops) if not o.name.startswith("stage")]
    for name, (what, in_eval, text) in RANDOM.items():
        for after in (*values, "x"):
            where = "on the input" if after == "x" else f"after {phrase(after)}"
            new = op("random", "random", "", what=what, in_eval=in_eval)
            yield name, lambda p, a=after, new=new: p.insert(a, new), {"text": text.format(where=where)}


DETACHED = {
    "shortcut": ("shortcut_detached", "through your shortcut", "that is the highway that the block is built for"),
    "residual": ("residual_detached", "through F(x)", "its convolutions cannot learn"),
    "relu": ("no_gradient", "through your block at all", "nothing in it can learn, and nothing before it"),
    "relu1": ("first_conv_detached", "to your first convolution", "what it returns is detached"),
    "stem": ("stem_detached", "to your stem", "it stays as it is"),
    "flat": ("features_detached", "past your linear layer", "all blocks stay as they are"),
    "linear": ("no_gradient", "through your network at all", "nothing in it can learn"),
}


@kind("No gradient flows {where} (detach, .data or no_grad): {so}.", PAPER_BLOCK, EVERYWHERE)
def detached(program: Program, _: Hints) -> Found:
    """A value is taken out of the graph."""
    new = op("detached", "detach", "")
    for key, (name, where, so) in DETACHED.items():
        words = {"where": where, "so": so}
        after = (
            "shortcut"
            if key == "shortcut"
            else last_norm(program)
            if key == "residual" and "sum" in program.by_name
            else key
        )
        if after in program.by_name and (key != "linear" or program.kind == "ResNet"):
            only = ("sum",) if key in ("shortcut", "residual") else ()
            yield name, lambda p, a=after, o=only: p.insert(a, new, only=o), words
            if key == "shortcut":
                first = lambda p: ("shortcut_conv",) if projects(p) else ("shortcut",)  # noqa: E731
                yield name, lambda p: p.insert("x", new, only=first(p)), words
    if program.kind == "ResNet":
        words = {"where": "past your linear layer", "so": "all blocks stay as they are"}
        yield "features_detached", lambda p: p.insert("pool", new), words
    for value in ("x", *(o.name for o in program.ops)):
        if (
            value not in DETACHED
            and value not in ("shortcut", "pool")
            and not (value == "x" and program.kind == "ResNet")
        ):
            name = "input_detached" if value == "x" else f"{value.replace('.', '_')}_detached"
            where = "from F(x) to the input" if value == "x" else f"back through {phrase(value)}"
            words = {"where": where, "so": "a value was taken out of the graph"}
            yield name, lambda p, v=value: p.insert(v, new, only=("conv1",) if v == "x" else ()), words
    if program.kind in BLOCKS:
        words = {"where": "back to the input", "so": "x was taken out of the graph"}
        yield "input_detached", lambda p: p.insert("x", new), words


FACTORS = (0.5, 0.1, 0.2, 0.3, 2.0, 0.9, 0.8, 0.7, 0.05, 0.01, 10.0, -1.0, 0.707, 1.5)


@kind("Your block multiplies {what} by {factor}; it should be H(x) = F(x) + x, without a factor.", PAPER_BLOCK)
def scaled(program: Program, _: Hints) -> Found:
    """A factor, fixed or learned."""
    named = {0.5: "_half", 0.1: "_tenth"}
    for what, after, called in (
        ("residual", last_norm(program), "F(x)"),
        ("shortcut", "shortcut", "the shortcut"),
        ("sum", "sum", "the sum"),
    ):
        for factor in FACTORS:
            new = op("factor", "scale", "", factor=factor)
            only = () if what == "sum" else ("sum",)
            words = {"what": called, "factor": factor}
            yield (
                f"{what}_scaled{named.get(factor, '')}",
                lambda p, a=after, n=new, o=only: p.insert(a, n, only=o),
                words,
            )
        for wide in (False, True):

            def learned(p: Program, after: str = after, what: str = what, wide: bool = wide) -> Program:
                new = op("factor", "scale", "", learned=True, planes=out_planes(p) if wide else 1)
                return p.insert(after, new, only=() if what == "sum" else ("sum",))

            yield f"{what}_scaled", learned, {"what": called, "factor": "a number that is learned"}


@kind("Your block weights its channels (squeeze and excitation) {where}; this block has no such gate.", PAPER_BLOCK)
def gated(program: Program, hints: Hints) -> Found:
    """A gate on F(x), or on the output."""
    for where, after in (("on F(x)", last_norm(program)), ("after the addition", "sum"), ("at its end", "relu")):
        for hidden in sorted(hints.sizes):
            for bias in (False, True):
                new = lambda p, h=hidden, b=bias: op("gate", "gate", "", planes=out_planes(p), hidden=h, bias=b)  # noqa: E731
                yield (
                    "squeeze_excitation",
                    lambda p, a=after, n=new: p.insert(a, n(p), only=("sum",) if a != "sum" and a != "relu" else ()),
                    {"where": where},
                )


@kind("There is {how} pooling after {what}, where none belongs.", PARTS_2_3)
def pooled(program: Program, _: Hints) -> Found:
    """Pooling inside a block: in the place of a stride, or besides."""
    for how, called in (("max", "max"), ("avg", "average")):
        for after in ("x", *(o.name for o in program.ops if not o.name.startswith("shortcut"))):
            what = "the input" if after == "x" else phrase(after)
            for kernel, stride, padding in ((2, None, 0), (3, 1, 1), (2, 2, 0), (3, 2, 1), (3, None, 1)):

                def change(
                    p: Program,
                    a: str = after,
                    how: str = how,
                    k: int = kernel,
                    s: int | None = stride,
                    q: int = padding,
                ) -> Program:
                    step = s or stride_of(p)
                    if s is None:  # in the place of the stride
                        p = p.change_all(("conv1", "conv2"), stride=1)
                        p = p.change_all(("shortcut_conv",), stride=1) if a in ("x", "sum", "relu") else p
                    if s is None and step == 1:
                        return p
                    only = ("conv1",) if a == "x" and s is not None else ()
                    return p.insert(a, op("pooled", "window", "", how=how, kernel=k, stride=step, padding=q), only=only)

                yield f"{called}_pool_in_block", change, {"how": called, "what": what}


@kind("{text}", PARTS_2_3, EVERYWHERE)
def in_place(program: Program, _: Hints) -> Found:
    """An operation in place writes into the caller's tensor."""
    text = "Your code changes its input in place (`+=`, `relu_`, inplace=True); the caller may still need it."
    relu = op("in_place", "act", "", how="relu", writes="x")
    yield "input_changed", lambda p: p.insert("x", relu), {"text": text}
    if program.kind in BLOCKS:
        first = lambda p: "shortcut_conv" if projects(p) else "shortcut"  # noqa: E731

        def late(p: Program) -> Program:
            """The ReLU of the shortcut, after F."""
            at = [o.name for o in p.ops].index(first(p))
            ops = (*p.ops[:at], relu.but(inputs=("x",)), *p.ops[at:])
            return replace(p, ops=ops).rewire("x", "in_place", only=(first(p),))

        yield "input_changed", late, {"text": text}
        add = lambda p: p if projects(p) else p.change("sum", writes="x")  # noqa: E731
        yield "input_changed", add, {"text": text}
        yield "input_changed", lambda p: add(p).change("relu", writes="" if projects(p) else "x"), {"text": text}


FORMS = {
    "NoneType": ("no_return", "Your forward returns nothing: it must end in `return`."),
    "tuple": ("returns_tuple", "Your forward returns a tuple; it should return one tensor."),
    "list": ("returns_tuple", "Your forward returns a list; it should return one tensor."),
    "dict": ("returns_tuple", "Your forward returns a dictionary; it should return one tensor."),
    "float16": ("returns_other_type", "Your forward returns numbers of type float16, not of the type of its input."),
    "float64": ("returns_other_type", "Your forward returns numbers of type float64, not of the type of its input."),
    "bfloat16": ("returns_other_type", "Your forward returns numbers of type bfloat16, not of the type of its input."),
    "ndarray": ("returns_other_type", "Your forward returns a NumPy array; it should return a tensor."),
    "str": ("returns_other_type", "Your forward returns a string; it should return a tensor."),
    "int": ("returns_other_type", "Your forward returns a number; it should return a tensor."),
    "float": ("returns_other_type", "Your forward returns a number; it should return a tensor."),
    "int64": ("returns_classes", "Your forward returns classes (argmax); it should return logits."),
    "Size": ("returns_other_type", "Your forward returns a shape; it should return a tensor."),
}


@kind("{text}", PARTS_2_3, EVERYWHERE)
def other_result(program: Program, _: Hints) -> Found:
    """Something else than the right tensor is returned."""
    for how, (name, text) in FORMS.items():
        yield name, lambda p, h=how: p.insert(p.output, op("form", "form", "", how=h)), {"text": text}
    if program.kind in BLOCKS:
        text = "Your forward flattens its result; its shape should be (N, C, H, W)."
        yield "output_flattened", lambda p: p.insert("relu", op("flat", "flatten", "", dim=1)), {"text": text}
        text = "Your block assumes images of 32x32; it should work for every size."
        for size, halved in ((32, True), (32, False), (16, True), (8, True)):
            for after in (last_norm(program), "relu", "sum"):

                def reshaped(p: Program, size: int = size, halved: bool = halved, after: str = after) -> Program:
                    side = size // (stride_of(p) if halved else 1)
                    return p.insert(after, op("fixed", "reshape", "", shape=(-1, out_planes(p), side, side)))

                yield "fixed_image_size", reshaped, {"text": text}
        text = "Your block returns {what}: what comes after it is computed and lost."
        for value in [o.name for o in program.ops if not o.name.startswith(("shortcut", "sum", "relu"))]:
            if value != last_norm(program):
                yield (
                    "wrong_value_returned",
                    lambda p, v=value: replace(p, returns=p.by_name[v].name),
                    {"text": text.format(what=f"what {phrase(value)} returns")},
                )


@kind("{text}", PARTS_2_3, EVERYWHERE)
def not_registered(program: Program, _: Hints) -> Found:
    """Layers that PyTorch does not see."""
    text = (
        "The layers of your {what} sit in a Python list, where PyTorch does not see them: assign them to self, or use "
        "nn.ModuleList or nn.Sequential."
    )
    blocks = [o.name for o in program.ops if o.kind == "block"]
    if blocks:
        where = (
            "Your blocks sit in a Python list, where PyTorch does not see them: they are neither trained nor moved to "
        )
        yield (
            "blocks_in_list",
            lambda p: p.change_all([o.name for o in p.ops if o.kind == "block"], registered=False),
            {"text": f"{where}the GPU. Use nn.Sequential or nn.ModuleList."},
        )
        return
    convs, norms = places(program, "conv", False), places(program, "norm", False)
    yield (
        "layers_in_list",
        lambda p: p.change_all([*convs, *norms], registered=False),
        {"text": text.format(what="block")},
    )
    everything = on(
        [*places(program, "conv"), *places(program, "norm")],
        lambda p, n: p.change(n, registered=False) if p.by_name[n].kind != "identity" else p,
    )
    yield "layers_in_list", everything, {"text": text.format(what="block")}
    outside = on(
        ("shortcut",), lambda p, n: p.change(n, registered=False).change("shortcut_conv", registered=False), "norm"
    )
    yield "shortcut_in_list", outside, {"text": text.format(what="shortcut")}
    yield "layers_in_list", options(convs, "conv", registered=False), {"text": text.format(what="block")}
    yield "layers_in_list", options(norms, "norm", registered=False), {"text": text.format(what="block")}
