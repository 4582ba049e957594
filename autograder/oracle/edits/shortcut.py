"""The shortcut: when it is a projection, what it is made of, what it gets, and how it meets F(x)."""

import itertools
from collections.abc import Callable
from dataclasses import replace

from autograder.oracle.edits.kind import (
    BOTTLENECK,
    NOT_CALLABLE,
    Found,
    Hints,
    both,
    insert,
    kind,
    on,
    out_planes,
    phrase,
    projects,
    residual,
    stride_of,
    where_it,
)
from autograder.oracle.program import Program, act, conv, norm, op


def identity(p: Program) -> Program:
    """x itself, whatever the shapes are."""
    return p.with_shortcut(op("shortcut", "identity", "x"))


def projection(p: Program) -> Program:
    """A 1x1 convolution and BatchNorm, even where the shapes agree."""
    first = conv("shortcut_conv", "x", p.arguments[0], out_planes(p), 1, stride=stride_of(p))
    return p.with_shortcut(first, norm("shortcut", "shortcut_conv", out_planes(p)))


CONDITIONS: list[tuple[str, Callable[[int, int, int, int], bool]]] = [
    ("projection_always", lambda i, p, s, o: True),
    ("projection_only_on_stride", lambda i, p, s, o: s != 1),
    ("projection_only_on_width", lambda i, p, s, o: i != o),
    ("projection_only_on_both", lambda i, p, s, o: s != 1 and i != o),
    ("projection_only_when_wider", lambda i, p, s, o: s != 1 or i < o),
    ("projection_only_when_narrower", lambda i, p, s, o: s != 1 or i > o),
    ("projection_inverted", lambda i, p, s, o: s == 1 and i == o),
    ("projection_never", lambda i, p, s, o: False),
]
BY_PLANES = [
    ("projection_decided_by_planes", lambda i, p, s, o: s != 1 or i != p),
    ("projection_decided_by_planes", lambda i, p, s, o: i != p),
]
"""When there is a projection, by in_planes, planes, stride, and the channels that leave the block."""
HALF_INVERTED: list[tuple[str, Callable[[int, int, int, int], bool]]] = [
    ("the stride is not 1 or the channels stay the same", lambda i, p, s, o: s != 1 or i == o),
    ("the stride is 1 or the channels change", lambda i, p, s, o: s == 1 or i != o),
    ("the stride is 1 or the channels stay the same", lambda i, p, s, o: s == 1 or i == o),
    ("the stride is not 1 and the channels stay the same", lambda i, p, s, o: s != 1 and i == o),
    ("the stride is 1 and the channels change", lambda i, p, s, o: s == 1 and i != o),
]
"""When there is a projection where a comparison is the wrong way round: in words, and as above."""


@kind(rank=1)
def wrong_condition(program: Program, _: Hints) -> Found:
    """The shortcut is a projection where it should not be, or is none where it should."""
    conditions = [(name, {}, needed) for name, needed in CONDITIONS]
    conditions += [(name, {}, needed) for name, needed in (BY_PLANES if program.kind == BOTTLENECK else [])]
    conditions += [("projection_half_inverted", {"when": when}, needed) for when, needed in HALF_INVERTED]
    for name, words, needed in conditions:

        def change(p: Program, needed: Callable = needed) -> Program:
            wanted = needed(*p.arguments, out_planes(p))
            return p if wanted == projects(p) else projection(p) if wanted else identity(p)

        yield name, change, words, "shortcut_conv"
        if name != "projection_never":
            idle = on(("shortcut_conv", "shortcut"), lambda p, n: p.change(n, called=False))
            unused = both(change, idle, lambda p: p.change("sum", how="none"))
            yield "no_shortcut_add", unused, {"does": "builds a shortcut that is never called"}


@kind()
def inverted_call(program: Program, _: Hints) -> Found:
    """Forward calls the layers of the shortcut where there are none: `if self.downsample is None`."""

    def change(p: Program) -> Program:
        if projects(p):
            return p.change_all(("shortcut_conv", "shortcut"), called=False)
        return p.state(forward_raises=NOT_CALLABLE)

    yield "shortcut_call_inverted", change, {}, "shortcut_conv"


AROUND = (
    lambda extra, planes: (extra // 2, extra - extra // 2),
    lambda extra, planes: (0, extra),
    lambda extra, planes: (planes // 4, planes // 4),
    lambda extra, planes: (extra // 2, extra // 2),
    lambda extra, planes: (extra, 0),
    lambda extra, planes: (extra - extra // 2, extra // 2),
    lambda extra, planes: (0, planes),
    lambda extra, planes: (planes // 2, planes // 2),
    lambda extra, planes: (0, 0),
)
"""Channels of zeros before and behind those of x, where `extra` are missing."""


@kind()
def option_a(program: Program, _: Hints) -> Found:
    """A shortcut without a convolution: pixels are skipped or pooled, and channels filled with zeros."""
    for around in AROUND:
        for stride in (None, 2):
            for how, does in (("slice", "skips pixels"), ("avg", "pools")):

                def change(
                    p: Program, around: Callable = around, how: str = how, stride: int | None = stride
                ) -> Program:
                    channels = around(out_planes(p) - p.arguments[0], p.arguments[1])
                    options = {"how": how, "stride": stride or stride_of(p), "channels": channels}
                    return p.with_shortcut(op("shortcut", "option_a", "x", **options))

                name = "shortcut_subsampled" if around is AROUND[-1] else "shortcut_padded"
                yield name, where_it(projects, change), {"does": does}


@kind()
def pooled_shortcut(program: Program, _: Hints) -> Found:
    """Pooling before the projection, or in its place."""
    for how, name in (("avg", "shortcut_average_pool"), ("max", "shortcut_max_pool")):
        for kernel, padding in ((None, 0), (3, 1), (2, 0)):

            def pool(p: Program, how: str = how, kernel: int | None = kernel, padding: int = padding) -> Program:
                options = {"kernel": kernel or stride_of(p), "stride": stride_of(p), "padding": padding}
                return op("shortcut_pool", "window", "x", how=how, **options)

            before = insert("x", pool, only=("shortcut_conv",))
            change = both(before, lambda p: p.change("shortcut_conv", stride=1))
            yield name, where_it(lambda p: projects(p) and stride_of(p) != 1, change)
            alone = lambda p, pool=pool: p.with_shortcut(pool(p).but(name="shortcut"))  # noqa: E731
            yield name, where_it(lambda p: projects(p) and stride_of(p) != 1, alone)

    def skip(p: Program) -> Program:  # a window of one pixel; before a 1x1 convolution it would be its stride
        return p.with_shortcut(op("shortcut", "window", "x", how="max", kernel=1, stride=stride_of(p), padding=0))

    yield "shortcut_subsampled", where_it(lambda p: projects(p) and stride_of(p) != 1, skip)
    for how, kernel in (("max", 1), ("nearest", 1), ("avg", None), ("max", None)):

        def late(p: Program, how: str = how, kernel: int | None = kernel) -> Program:
            options = {"kernel": kernel or stride_of(p), "stride": stride_of(p), "padding": 0}
            return p.change("shortcut_conv", stride=1).insert("shortcut", op("small", "window", "", how=how, **options))

        name = "shortcut_shrinks_late" if kernel else f"shortcut_{'average' if how == 'avg' else how}_pool"
        yield name, where_it(lambda p: projects(p) and stride_of(p) != 1, late), {}, "shortcut_conv"


@kind()
def longer_shortcut(program: Program, _: Hints) -> Found:
    """The projection has a second convolution with its BatchNorm."""
    for relu, kernel in itertools.product((True, False), (1, 3)):

        def longer(p: Program, relu: bool = relu, kernel: int = kernel) -> Program:
            width, after = out_planes(p), "shortcut"
            more = conv("more", "", width, width, kernel, padding=kernel // 2), norm("more_bn", "", width)
            for one in (act("more_relu", ""), *more) if relu else more:
                p, after = p.insert(after, one, only=("sum",)), one.name
            return p

        yield "shortcut_two_convolutions", where_it(projects, longer), {}, "more"


def _fed(p: Program, value: str) -> Program:
    """The block whose shortcut gets this value, whatever it got before; it is computed after that value."""
    mine = [o for o in p.ops if o.name.startswith("shortcut")]
    inside = {o.name for o in mine}
    rewired = [o.but(inputs=tuple(i if i in inside else value for i in o.inputs)) for o in mine]
    return replace(p, ops=tuple(o for o in p.ops if o not in mine)).with_shortcut(*rewired)


@kind()
def other_input(program: Program, _: Hints) -> Found:
    """The shortcut gets another value than x."""
    inner = [o.name for o in program.ops if o.name not in ("sum", "relu", "shortcut", "shortcut_conv")]
    for value in sorted(inner, key=lambda name: (name != residual(program), name != "relu1")):
        fed = lambda p, value=value: _fed(p, value)  # noqa: E731
        name = "shortcut_of_residual" if value == residual(program) else "x_overwritten"
        yield name, fed, {"what": "the first layer" if value == "relu1" else phrase(value)}
        if value == residual(program):  # `identity = self.downsample(out)`; the identity is x
            yield name, where_it(projects, fed)


@kind()
def residual_of_shortcut(program: Program, _: Hints) -> Found:
    """F gets what the shortcut returned: `x = self.shortcut(x)` comes first."""

    def change(p: Program) -> Program:
        return p.shortcut_first.rewire("x", "shortcut", only=("conv1",))

    yield "residual_of_shortcut", where_it(projects, change)


@kind()
def early_addition(program: Program, _: Hints) -> Found:
    """The shortcut is added to the value of an earlier layer, and the layers after it get the sum."""
    inner = [o.name for o in program.ops if o.kind in ("norm", "act") and not o.name.startswith("shortcut")]
    for value in inner[: inner.index(residual(program))]:

        def change(p: Program, value: str = value) -> Program:
            early = op("sum", "combine", "", "shortcut", how="add")
            return p.shortcut_first.without("sum").insert(value, early)

        yield "shortcut_added_early", change, {"what": phrase(value)}


COMBINATIONS = {
    **{"none": "no_shortcut_add", "only": "residual_dropped", "subtract": "shortcut_subtracted"},
    **{"reverse": "residual_subtracted", "average": "branches_averaged", "twice": "shortcut_added_twice"},
    **{"residual_twice": "residual_added_twice", "multiply": "branches_multiplied", "double": "sum_doubled"},
    **{"maximum": "branches_maximum", "minimum": "branches_minimum", "multiply_and_add": "branches_multiplied"},
    **{"concatenate": "branches_concatenated", "concatenate_reverse": "branches_concatenated"},
    **{"stack": "branches_stacked", "stack_reverse": "branches_stacked"},
}
FUSED = ("concatenate", "concatenate_reverse")
"""Those after which a 1x1 convolution halves the channels again."""


@kind()
def other_combination(program: Program, _: Hints) -> Found:
    """F and the shortcut meet in another way, or not at all."""
    for how, name in COMBINATIONS.items():
        words = {"does": "computes the shortcut but never adds it"}
        yield name, lambda p, how=how: p.change("sum", how=how), words
    for share in (0.7, 0.3, 0.8, 0.2, 0.9, 0.1, 0.6, 0.4, 0.75, 0.25):
        words = {"sum": f"{share} F(x) + {1 - share:.2g} x"}
        yield "branches_weighted", lambda p, s=share: p.change("sum", how="weighted", share=s), words
    words = {"sum": "a F(x) + (1 - a) x with a number a that is learned"}
    yield "branches_weighted", lambda p: p.change("sum", how="blend"), words
    for order, bias, normalized in itertools.product(FUSED, (False, True), (True, False)):

        def fused(p: Program, order: str = order, bias: bool = bias, normalized: bool = normalized) -> Program:
            width = out_planes(p)
            p = p.change("sum", how=order).insert("sum", conv("fuse", "", 2 * width, width, 1).but(bias=bias))
            return p.insert("fuse", norm("fuse_bn", "", width)) if normalized else p

        yield "branches_concatenated", fused
    idle = on(("shortcut_conv", "shortcut"), lambda p, n: p.change(n, called=False))
    unused = both(idle, lambda p: p.change("sum", how="none"))
    yield "no_shortcut_add", unused, {"does": "builds a shortcut that is never called"}
    plain = lambda p: identity(p).change("sum", how="none")  # noqa: E731
    yield "no_shortcut_add", plain, {"does": "has no shortcut"}
    yield from _half_added()
    x_too = op("both", "combine", "", "x", how="add")
    yield "shortcut_added_twice", where_it(projects, insert("shortcut", x_too))
    yield "shortcut_added_twice", lambda p: p if projects(p) else p.change("sum", how="twice")
    yield "projection_not_called", where_it(projects, idle)


def _half_added() -> Found:
    """One kind of shortcut is added, the other is not: `if self.downsample is not None: out += self.downsample(x)`."""
    alone = lambda p: p.change("sum", how="none")  # noqa: E731
    idle = on(("shortcut_conv", "shortcut"), lambda p, n: p.change(n, called=False))
    none = lambda p: identity(p).change("sum", how="none")  # noqa: E731
    yield "identity_not_added", lambda p: p if projects(p) else alone(p)
    yield "projection_not_added", where_it(projects, alone), {"does": "computes a projection but never adds it"}
    yield "projection_not_added", where_it(projects, both(idle, alone)), {"does": "never calls its projection"}
    yield "projection_not_added", where_it(projects, none), {"does": "has no shortcut"}
