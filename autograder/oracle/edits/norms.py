"""BatchNorm: left out, shared, misplaced, with other options, or another normalization in its place."""

from dataclasses import replace

from autograder.oracle.edits.kind import (
    BLOCKS,
    EVERYWHERE,
    Found,
    Hints,
    insert,
    kind,
    on,
    options,
    out_planes,
    phrase,
    places,
    prefix,
    projects,
    remove,
    scopes,
    where,
    where_it,
)
from autograder.oracle.program import Program, norm


def _missing_name(program: Program, names: tuple[str, ...]) -> str:
    if len(names) == 1:
        only = f"missing_{where(program, names[0])}_batchnorm"
        return "shortcut_without_batchnorm" if names == ("shortcut",) else only
    everything = len(names) == len(places(program, "norm"))
    residual = len(names) == len(places(program, "norm", False))
    return "no_batchnorm" if everything else "no_batchnorm_in_residual" if residual else "missing_batchnorms"


@kind(EVERYWHERE, sentence="missing_batchnorm")
def missing_batchnorm(program: Program, _: Hints) -> Found:
    """A BatchNorm is not there."""
    for names, words in scopes(program, "norm"):
        conv = program.by_name[names[0]].inputs[0]
        yield _missing_name(program, names), on(names, Program.without, "norm"), words, conv


@kind(EVERYWHERE, sentence="batchnorm_not_called")
def batchnorm_not_called(program: Program, _: Hints) -> Found:
    """A BatchNorm is built and not called."""
    for names, words in scopes(program, "norm"):
        name = _missing_name(program, names) if len(names) == 1 else "batchnorm_not_called"
        yield name, options(names, "norm", called=False), words, names[0]


@kind(EVERYWHERE)
def called_and_lost(program: Program, _: Hints) -> Found:
    """A BatchNorm is called a second time with the same value, and what it returns is lost: printed, say."""

    def again(p: Program, name: str) -> Program:
        at = [o.name for o in p.ops].index(name)
        lost = p.by_name[name].but(name=f"{name}_lost", shares=name)
        return replace(p, ops=(*p.ops[: at + 1], lost, *p.ops[at + 1 :]), returns=p.output)

    for names, words in scopes(program, "norm"):
        yield "called_and_lost", on(names, again, "norm"), words, names[0]


@kind(EVERYWHERE)
def batchnorm_result_lost(program: Program, _: Hints) -> Found:
    """A BatchNorm is called, so it updates its statistics, and what it returns is not used."""
    for names, words in scopes(program, "norm"):
        yield "batchnorm_result_lost", options(names, "norm", lost=True), words, names[0]


@kind()
def bias_for_batchnorm(program: Program, _: Hints) -> Found:
    """The famous pair: a projection that is a bare convolution with PyTorch's default bias."""
    bare = lambda p, n: p.without(n).change("shortcut_conv", bias=True)  # noqa: E731
    yield "shortcut_bias_instead_of_batchnorm", on(("shortcut",), bare, "norm")


@kind()
def shared_batchnorm(program: Program, _: Hints) -> Found:
    """One BatchNorm is called at several places; the other may still be built."""
    names = places(program, "norm")
    for one in names:
        for other in names:
            if one != other:
                words = {"what": phrase(one, other), "vague": {"what": f"{phrase(other)} is another one, called again"}}
                there = lambda p, one=one: p.by_name[one].kind == "norm"  # noqa: E731
                yield "shared_batchnorm", where_it(there, options((other,), "norm", shares=one)), words, one
                idle = lambda p, n, one=one: p.hold(p.by_name[n].but(name="unused"), n).change(n, shares=one)  # noqa: E731
                yield "shared_batchnorm", where_it(there, on((other,), idle, "norm")), words, one
    for several in (tuple(names[1:]), tuple(names[1:-1])):
        yield "shared_batchnorm", options(several, "norm", shares=names[0]), {"what": "all"}, names[0]


@kind()
def preactivation(program: Program, _: Hints) -> Found:
    """BatchNorm and ReLU in front of each convolution of F."""

    def change(p: Program) -> Program:
        p = p.without("relu")
        for number in range(len(places(p, "conv", False)), 0, -1):
            conv, bn, relu = (f"{what}{number}" for what in ("conv", "bn", "relu"))
            one = p.by_name[bn].but(planes=p.by_name[conv]["in_planes"])
            p = remove(*(name for name in (relu, bn) if name in p.by_name))(p)
            p = p.insert(p.by_name[conv].inputs[0], one, only=(conv,))
            p = p.insert(bn, program.by_name["relu1"].but(name=relu), only=(conv,))
        return p

    yield "preactivation", change, {}, "bn1"


@kind(EVERYWHERE, sentence="batchnorm_before_convolution")
def batchnorm_before_convolution(program: Program, _: Hints) -> Found:
    """Convolution and BatchNorm change places."""

    def swap(p: Program, name: str, fits: bool) -> Program:
        conv = p.by_name[p.by_name[name].inputs[0]]
        one = p.by_name[name].but(planes=conv["in_planes"]) if fits else p.by_name[name]
        return p.without(name).insert(conv.inputs[0], one, only=(conv.name,))

    for name in places(program, "norm"):
        for fits in (True, False):  # built for the channels that it gets, or for those that it should get
            change = on((name,), lambda p, n, f=fits: swap(p, n, f), "norm")
            yield f"{prefix(program)}batchnorm_before_convolution", change, {"what": phrase(name)}, name
    if program.kind in BLOCKS:  # with its ReLU, and for the channels that come behind it

        def relu_too(p: Program, name: str) -> Program:
            conv = p.by_name[p.by_name[name].inputs[0]]
            relu = p.by_name[name.replace("bn", "relu")]
            p = p.without(relu.name).without(name).insert(conv.inputs[0], p.by_name[name], only=(conv.name,))
            return p.insert(name, relu, only=(conv.name,))

        for name in places(program, "norm", False)[:-1]:
            yield "batchnorm_before_convolution", on((name,), relu_too), {"what": phrase(name)}, name


@kind()
def extra_batchnorm(program: Program, _: Hints) -> Found:
    """A BatchNorm where none belongs."""
    wide, narrow = (lambda p: norm("extra", "", out_planes(p))), (lambda p: norm("extra", "", p.arguments[0]))
    last = places(program, "norm", False)[-1]
    yield "batchnorm_after_add", insert("sum", wide), {}, "extra"
    yield "batchnorm_after_add", lambda p: p.without(last).insert("sum", p.by_name[last]), {}, last
    late = on(("shortcut",), lambda p, n: p.without(n).insert("sum", p.by_name[n]), "norm")
    yield "shortcut_batchnorm_after_add", late, {}, "shortcut"
    yield "batchnorm_after_last_relu", insert("relu", wide), {}, "extra"
    yield "batchnorm_on_input", insert("x", narrow), {}, "extra"
    yield "batchnorm_on_input", insert("x", narrow, only=("conv1",)), {}, "extra"
    yield "batchnorm_on_identity", where_it(lambda p: not projects(p), insert("shortcut", narrow)), {}, "extra"
    for name in places(program, "norm"):
        words = {"what": phrase(name)}
        twice = on((name,), lambda p, n: p.insert(n, p.by_name[n].but(shares=n)), "norm")
        yield "batchnorm_twice", twice, words, name
        yield "extra_batchnorm", on((name,), lambda p, n: p.insert(n, p.by_name[n]), "norm"), words, f"{name}_again"
    for name in places(program, "act")[:-1]:
        again = lambda p, n: p.insert(n, p.by_name[n.replace("relu", "bn")].but(name="extra"))  # noqa: E731
        yield "extra_batchnorm", on((name,), again), {"what": phrase(name)}, "extra"


OPTIONS = {
    "batchnorm_frozen": ({"statistics": "running"},),
    "batchnorm_always_training": ({"statistics": "batch"},),
    "batchnorm_without_statistics": ({"tracked": False},),
    "batchnorm_modes_swapped": ({"statistics": "inverted"},),
    "batchnorm_not_affine": ({"affine": False},),
    "batchnorm_parameters_frozen": ({"learns": False},),
    "batchnorm_momentum_09": ({"momentum": 0.9},),
    "batchnorm_momentum": [
        {"momentum": value} for value in (0.01, 0.99, 0.05, 0.2, 0.5, 0.001, 0.0, None, 1.0, 0.95, 0.3, 0.003, 0.03)
    ],
    "batchnorm_eps": [{"eps": value} for value in (1e-3, 1e-4, 1e-2, 1e-1, 1e-6, 1e-8, 0.0)],
}


@kind(EVERYWHERE, sentence="batchnorm_eps")
def planes_as_eps(program: Program, _: Hints) -> Found:
    """BatchNorm has a second number of channels, which is its eps: `nn.BatchNorm2d(planes, planes)`."""
    wide = lambda p, n: p.change(n, eps=float(p.by_name[n]["planes"]))  # noqa: E731
    for names, words in scopes(program, "norm"):
        value = {"value": "its number of channels, given a second time"}
        yield f"{prefix(program)}batchnorm_eps", on(names, wide, "norm"), words | value, names[0]


@kind(EVERYWHERE, sentence="batchnorm_momentum")
def other_options(program: Program, _: Hints) -> Found:
    """Other options of BatchNorm."""
    for name, variants in OPTIONS.items():
        for changes in variants:
            for names, words in scopes(program, "norm"):
                value = {"value": next(iter(changes.values()))}
                yield prefix(program) + name, options(names, "norm", **changes), words | value, names[0]


BARE = {"affine": False, "tracked": False}
NORMS = {
    "instance_norm": ("InstanceNorm", [{"norm": "instance", **b} for b in (BARE, {"tracked": False})]),
    "instance_norm_tracked": (
        "InstanceNorm",
        [{"norm": "instance_tracked"}, {"norm": "instance_tracked", "affine": False}],
    ),
    "layer_norm": ("LayerNorm", [{"norm": "layer", **b} for b in ({}, {"eps": 1e-6}, {"affine": False})]),
    "group_norm": ("GroupNorm", [{"norm": "group", "groups": n} for n in (1, 2, 3, 4, 5, 6, 8, 16, 32)]),
    "response_norm": ("LocalResponseNorm", [{"norm": "response", **BARE, "groups": n} for n in (2, 5)]),
}
"""Name, what a student calls it, its variants. A GroupNorm with a group for each channel is an InstanceNorm."""


@kind(EVERYWHERE, sentence="other_norm")
def other_norm(program: Program, _: Hints) -> Found:
    """Another normalization."""

    def put(p: Program, name: str, variant: dict) -> Program:
        planes = p.by_name[name]["planes"]
        if variant["norm"] == "group" and planes % variant["groups"]:
            return p.state(raises=("ValueError", "divisible by num_groups"))
        return p.change(name, **{"groups": 1, **variant})

    for name, (called, variants) in NORMS.items():
        for names, words in scopes(program, "norm"):
            for variant in variants:
                change = on(names, lambda p, n, v=variant: put(p, n, v), "norm")
                yield prefix(program) + name.removesuffix("_tracked"), change, words | {"called": called}, names[0]
