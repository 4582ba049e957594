"""The shortcut: when it is a projection, what it is made of, and what it gets."""

from dataclasses import replace

from autograder.oracle.edits.kind import (
    BLOCKS,
    BOTTLENECK,
    PAPER_BLOCK,
    PAPER_SHORTCUT,
    PARTS_2_3,
    Change,
    Found,
    Hints,
    kind,
    last_norm,
    on,
    out_planes,
    projects,
    stride_of,
)
from autograder.oracle.program import Program, conv, norm, op


def identity(p: Program) -> Program:
    """x itself, whatever the shapes are."""
    return p.with_shortcut(op("shortcut", "identity", "x"))


def projection(p: Program, **options: object) -> Program:
    """A 1x1 convolution and BatchNorm, even where the shapes agree."""
    width = out_planes(p)
    one = conv("shortcut_conv", "x", p.arguments[0], width, 1, stride=stride_of(p))
    return p.with_shortcut(one.but(**options), norm("shortcut", "shortcut_conv", width))


def _when(needed) -> Change:
    """The projection is decided by another condition, of (in_planes, planes, stride, channels that leave the block)."""

    def change(p: Program) -> Program:
        wanted = needed(*p.arguments, out_planes(p))
        return p if wanted == projects(p) else projection(p) if wanted else identity(p)

    return change


CONDITIONS = {
    "projection_always": (
        lambda i, p, s, o: True,
        "Your shortcut projects even where the shapes agree: x itself should pass there.",
    ),
    "projection_decided_by_planes": (
        lambda i, p, s, o: s != 1 or i != p,
        "Your block compares in_planes with planes to decide about the projection; what leaves the block has "
        "expansion * planes channels.",
    ),
    "projection_only_on_stride": (
        lambda i, p, s, o: s != 1,
        "Your shortcut is a projection only when the stride is not 1. It must also be one when the channels change.",
    ),
    "projection_only_on_width": (
        lambda i, p, s, o: i != o,
        "Your shortcut is a projection only when the channels change. It must also be one when the stride is not 1.",
    ),
    "projection_only_on_both": (
        lambda i, p, s, o: s != 1 and i != o,
        "Your shortcut is a projection only when stride and channels change; each of the two alone is reason enough.",
    ),
    "projection_only_when_wider": (
        lambda i, p, s, o: s != 1 or i < o,
        "Your shortcut is a projection when the channels become more; it must also be one when they become fewer.",
    ),
    "projection_inverted": (
        lambda i, p, s, o: s == 1 and i == o,
        "Your shortcut projects exactly where it should not: the condition is the wrong way round.",
    ),
    "projection_never": (
        lambda i, p, s, o: False,
        "Your shortcut is always x itself: where shapes change it must be a 1x1 convolution with BatchNorm.",
    ),
}


@kind("{text}", PAPER_SHORTCUT)
def wrong_condition(program: Program, _: Hints) -> Found:
    """The shortcut is a projection where it should not be, or is none where it should."""
    text = "Your block gets its shortcut from outside, as an argument; it must build it itself, from in_planes, planes and "
    from_outside = lambda p: identity(p).state(fourth_argument=True)  # noqa: E731
    yield "shortcut_from_outside", from_outside, {"text": f"{text}stride."}
    for name, (needed, text) in CONDITIONS.items():
        if name != "projection_decided_by_planes" or program.kind == BOTTLENECK:
            yield name, _when(needed), {"text": text}
    if program.kind == BOTTLENECK:
        only_width = lambda i, p, s, o: i != p  # noqa: E731
        yield "projection_decided_by_planes", _when(only_width), {"text": CONDITIONS["projection_decided_by_planes"][1]}


def _padded(how: str, around, stride: int | None, widths_only: bool = False) -> Change:
    """Option A where the shape changes; `around` gives the channels of zeros before and behind."""

    def change(p: Program) -> Program | None:
        if not projects(p):
            return p
        in_planes, planes, own = p.arguments
        channels = around(out_planes(p) - in_planes, planes)
        step = own if stride is None else stride
        return p.with_shortcut(op("shortcut", "option_a", "x", how=how, stride=step, channels=channels))

    return change


AROUND = (
    lambda extra, planes: (extra // 2, extra - extra // 2),
    lambda extra, planes: (0, extra),
    lambda extra, planes: (planes // 4, planes // 4),
    lambda extra, planes: (extra // 2, extra // 2),
    lambda extra, planes: (extra, 0),
    lambda extra, planes: (extra - extra // 2, extra // 2),
    lambda extra, planes: (0, 0),
    lambda extra, planes: (0, planes),
    lambda extra, planes: (planes // 2, planes // 2),
)
"""Channels of zeros before and behind those of x: `extra` are missing."""


@kind("{text}", PAPER_SHORTCUT)
def option_a(program: Program, _: Hints) -> Found:
    """A shortcut without a convolution."""
    text = (
        "Your shortcut has no convolution where the shape changes: it {does} and fills new channels with zeros (option A "
        "of the paper); here it is a 1x1 convolution with BatchNorm (option B)."
    )
    pooled = (
        "Your shortcut only shrinks the image where the shape changes; it should be a 1x1 convolution with BatchNorm."
    )
    for number, around in enumerate(AROUND):
        for stride in (None, 2):
            for how, does in (("slice", "skips pixels"), ("avg", "pools")):
                words = {"text": pooled if number == 6 else text.format(does=does)}
                yield "shortcut_subsampled" if number == 6 else "shortcut_padded", _padded(how, around, stride), words


def _pooled(how: str, window: tuple[int, int] | None, keep: bool, stride_too: bool = False) -> Change:
    """Pool x before the projection, or in its place; the convolution does not carry the stride."""

    def change(p: Program) -> Program | None:
        stride = stride_of(p)
        if not projects(p) or stride == 1:
            return p
        kernel, padding = window or (stride, 0)
        pool = op("shortcut_pool", "window", "x", how=how, kernel=kernel, stride=stride, padding=padding)
        if not keep:
            return p.with_shortcut(pool.but(name="shortcut"))
        p = p.insert("x", pool, only=("shortcut_conv",))
        return p if stride_too else p.change("shortcut_conv", stride=1)

    return change


@kind("Your shortcut shrinks the image by {how} pooling; its 1x1 convolution should carry the stride.", PAPER_SHORTCUT)
def pooled_shortcut(program: Program, _: Hints) -> Found:
    """Pooling in the shortcut."""
    for how, called in (("avg", "average"), ("max", "max")):
        for keep in (True, False):
            for window in (None, (3, 1), (2, 0), (1, 0)):
                yield f"shortcut_{called}_pool", _pooled(how, window, keep), {"how": called}


@kind("{text}", PARTS_2_3)
def other_input(program: Program, _: Hints) -> Found:
    """The shortcut gets another value than x."""
    text = (
        "Your shortcut is computed from F(x), not from the input: x was overwritten, or the shortcut is called with what "
        "the layers returned."
    )
    yield "shortcut_of_residual", _fed(last_norm(program)), {"text": text}
    text = "By the time you add the shortcut, x is no longer the input: a variable was overwritten by what {what} returned."
    inner = [
        o.name
        for o in program.ops
        if not o.name.startswith(("shortcut", "sum", "relu")) or o.name in ("relu1", "relu2")
    ]
    for name in ("relu1", *(n for n in inner if n not in ("relu1", last_norm(program)))):
        what = "the first layer" if name == "relu1" else "another layer"
        yield "x_overwritten", _fed(name), {"text": text.format(what=what)}


def _fed(value: str) -> Change:
    """The shortcut gets this value; it is computed after it."""

    def change(p: Program) -> Program:
        p.by_name[value]
        mine = [o for o in p.ops if o.name.startswith("shortcut")]
        fed = [o.but(inputs=tuple(value if i == "x" else i for i in o.inputs)) for o in mine]
        return replace(p, ops=tuple(o for o in p.ops if o not in mine)).with_shortcut(*fed)

    return change


@kind("{text}", PAPER_SHORTCUT)
def other_projection(program: Program, _: Hints) -> Found:
    """A projection that is built and not used, or computed twice."""
    text = "Your projection is built, but x itself is added: call the shortcut."
    unused = on(("shortcut",), lambda p, n: p.change(n, called=False).change("shortcut_conv", called=False), "norm")
    yield "projection_not_called", unused, {"text": text}
    text = "Where the shape changes your block has no shortcut and adds nothing: x should take a 1x1 convolution with "
    plain = lambda p: identity(p).change("sum", how="none")  # noqa: E731
    only_there = lambda p: plain(p) if projects(p) else p  # noqa: E731
    for change in (plain, only_there):
        yield "no_shortcut_add", change, {"text": f"{text}BatchNorm there, and then be added too."}
    text = "Your shortcut is added before its BatchNorm, which then works on the sum."
    if program.kind in BLOCKS:

        def after(p: Program) -> Program:
            if not projects(p):
                return p
            one = p.by_name["shortcut"]
            p = p.without("shortcut")
            return p.insert("sum", one)

        yield "shortcut_batchnorm_after_add", after, {"text": text}


COMBINATIONS = {
    "none": ("no_shortcut_add", "computes the shortcut but never adds it: what it returns is F(x) alone."),
    "only": ("residual_dropped", "returns the shortcut alone: F(x) is computed and then lost."),
    "subtract": ("shortcut_subtracted", "subtracts the shortcut; it should add it: H(x) = F(x) + x."),
    "reverse": ("residual_subtracted", "subtracts F(x) from the shortcut; it should add both: H(x) = F(x) + x."),
    "average": ("branches_averaged", "takes the mean of both branches; H(x) = F(x) + x, without a factor."),
    "twice": ("shortcut_added_twice", "adds the shortcut twice; once is enough: H(x) = F(x) + x."),
    "residual_twice": ("residual_added_twice", "adds F(x) twice; once is enough: H(x) = F(x) + x."),
    "multiply": (
        "branches_multiplied",
        "multiplies the branches; it should add them. The sum is what lets gradients through.",
    ),
    "maximum": ("branches_maximum", "takes the larger of both branches; it should add them."),
    "minimum": ("branches_minimum", "takes the smaller of both branches; it should add them."),
    "double": ("sum_doubled", "doubles the sum; it should be H(x) = F(x) + x, without a factor."),
    "concatenate": (
        "branches_concatenated",
        "puts F(x) and the shortcut side by side as channels (torch.cat); it should add them: H(x) = F(x) + x.",
    ),
    "concatenate_reverse": (
        "branches_concatenated",
        "puts the shortcut and F(x) side by side as channels (torch.cat); it should add them: H(x) = F(x) + x.",
    ),
    "root": ("sum_scaled", "divides the sum by the square root of 2; it should be H(x) = F(x) + x, without a factor."),
    "multiply_and_add": ("branches_multiplied", "multiplies the branches before it adds; it should only add them."),
}


@kind("Your block {does}", PAPER_BLOCK)
def other_combination(program: Program, _: Hints) -> Found:
    """F and the shortcut meet in another way."""
    for how, (name, does) in COMBINATIONS.items():
        yield name, lambda p, how=how: p.change("sum", how=how), {"does": does}
    x_too = "adds x and the shortcut; the projection stands in the place of x."
    both = lambda p: p if not projects(p) else p.insert("shortcut", op("both", "combine", "", "x", how="add"))  # noqa: E731
    yield "shortcut_added_twice", both, {"does": x_too}
