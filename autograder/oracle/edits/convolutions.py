"""The convolutions: their options, their widths, and their number."""

from itertools import product

from autograder.oracle.edits.kind import (
    BASIC,
    BATCHNORM,
    BOTTLENECK,
    EVERYWHERE,
    PAPER_BLOCK,
    PAPER_BOTTLENECK,
    PAPER_SHORTCUT,
    PARTS_2_3,
    Found,
    Hints,
    kind,
    on,
    options,
    out_planes,
    phrase,
    places,
    prefix,
    scopes,
    stride_of,
)
from autograder.oracle.program import Program, act, conv, norm, shortcut


@kind(
    "{What}: bias=False is missing. The BatchNorm behind a convolution subtracts a bias again.", BATCHNORM, EVERYWHERE
)
def conv_bias(program: Program, _: Hints) -> Found:
    """A bias that BatchNorm makes useless."""
    for names, what in scopes(program, "conv"):
        name = "single_conv_bias" if len(names) == 1 else "conv_bias"
        name = {"shortcut_conv": "shortcut_bias", "conv": "stem_bias"}.get(names[0], name)
        yield name, options(names, "conv", bias=True), {"What": what[0].upper() + what[1:]}, names[0]


def _stride_name(program: Program, chosen: tuple[str, ...], shortcut: bool) -> str:
    """The name for a set of convolutions that carry the stride."""
    basic = program.kind == BASIC
    if chosen == (("conv1",) if basic else ("conv2",)):
        return "shortcut_without_stride"
    if not chosen:
        return "stride_ignored" if shortcut else "no_stride_anywhere"
    if len(chosen) > 1:
        return "stride_on_both_convs" if basic else "stride_on_all_convs"
    return {"conv1": "stride_on_first_1x1", "conv2": "stride_on_second_conv", "conv3": "stride_on_last_1x1"}[chosen[0]]


@kind("The stride is on the wrong convolution: {text}.", PARTS_2_3)
def misplaced_stride(program: Program, _: Hints) -> Found:
    """The stride on another set of convolutions."""
    convs = places(program, "conv", False)
    right = ("conv1",) if program.kind == BASIC else ("conv2",)
    subsets = [
        tuple(c for c, carried in zip(convs, flags, strict=True) if carried)
        for flags in product((0, 1), repeat=len(convs))
    ]
    for chosen in subsets:
        for shortcut in (True, False):
            if (chosen == right and shortcut) or (not shortcut and chosen and chosen != right):
                continue

            def change(p: Program, chosen: tuple[str, ...] = chosen, shortcut: bool = shortcut) -> Program:
                for name in convs:
                    p = p.change(name, stride=stride_of(p) if name in chosen else 1)
                return p.change_all(("shortcut_conv",), stride=stride_of(p) if shortcut else 1)

            carried = " and ".join(map(phrase, chosen)) or "no convolution of F(x)"
            yield _stride_name(program, chosen, shortcut), change, {"text": f"it is {carried} that carries it"}


@kind("{What} always shrinks the image by 2, whatever the stride is: pass stride on.", PARTS_2_3)
def stride_hard_coded(program: Program, _: Hints) -> Found:
    """stride=2 is written out."""
    first = "conv1" if program.kind == BASIC else "conv2"
    for names in ((first, "shortcut_conv"), (first,), ("shortcut_conv",)):
        yield "stride_hard_coded", options(names, "conv", stride=2), {"What": phrase(names[0]).capitalize()}, names[0]


@kind(
    "{What}: padding is {padding}. A 3x3 convolution keeps the size with padding=1, a 1x1 convolution with 0.",
    PARTS_2_3,
    EVERYWHERE,
)
def wrong_padding(program: Program, _: Hints) -> Found:
    """Too little padding, or too much."""
    for names, what in scopes(program, "conv"):
        kernels = {program.by_name[name]["kernel"] for name in names}
        for padding in (0, 1, 2, 3):
            wrong = tuple(
                n
                for n in names
                if program.by_name[n]["padding"] != padding and not (padding == 0 and n == "shortcut_conv")
            )
            if not wrong or (len(wrong) < len(names) and len(kernels) == 1):
                continue
            narrow = {program.by_name[name]["kernel"] for name in wrong} == {1}
            name = "no_padding" if padding == 0 else "padding_on_1x1" if narrow else "wrong_padding"
            name = "stem_without_padding" if wrong == ("conv",) and not padding else prefix(program) + name
            words = {"What": what[0].upper() + what[1:], "padding": padding}
            yield name, options(wrong, "conv", padding=padding), words, wrong[0]


def _kernel_name(program: Program, names: tuple[str, ...], kernel: int) -> str:
    if program.kind == "ResNet":
        return f"stem_{kernel}x{kernel}"
    if names == ("shortcut_conv",):
        return f"shortcut_{kernel}x{kernel}"
    if program.kind == BASIC:
        return (
            f"kernel_{kernel}"
            if len(names) > 1 or kernel != 1
            else f"kernel_1_{ {'conv1': 'first', 'conv2': 'second'}[names[0]] }"
        )
    return f"kernel_{kernel}_everywhere" if len(names) == 3 else f"kernel_{kernel}"


@kind("{What}: the kernel is {kernel}x{kernel}.", PARTS_2_3, EVERYWHERE)
def other_kernel(program: Program, _: Hints) -> Found:
    """Another kernel: with the padding that keeps the size, with that of before, or without."""
    for names, what in scopes(program, "conv"):
        if "shortcut_conv" in names and len(names) > 1:
            continue
        for kernel in (3, 1, 5, 7, 2, 4):
            words = {"What": what[0].upper() + what[1:], "kernel": kernel}
            sizes = {program.by_name[n]["kernel"] for n in names}
            if sizes != {kernel} and not (len(names) == 2 and kernel in sizes):
                for padding in dict.fromkeys((kernel // 2, None, 0)):
                    changes = {} if padding is None else {"padding": padding}
                    yield (
                        _kernel_name(program, names, kernel),
                        options(names, "conv", kernel=kernel, **changes),
                        words,
                        names[0],
                    )


@kind("{What}: {text}", PARTS_2_3, EVERYWHERE)
def other_convolution(program: Program, _: Hints) -> Found:
    """Dilation, groups, another way to fill the border, weights that do not learn."""
    for names, what in scopes(program, "conv"):
        subject = what[0].upper() + what[1:]
        before = prefix(program)
        if all(program.by_name[n]["kernel"] > 1 for n in names) or program.kind == BOTTLENECK:
            for dilation, padding in ((2, 2), (2, 1), (3, 3)):
                words = {"What": subject, "text": f"dilation is {dilation}; here convolutions are ordinary ones."}
                change = lambda p, n, d=dilation, q=padding: p.change(
                    n, dilation=d, padding=q if p.by_name[n]["kernel"] > 1 else 0
                )  # noqa: E731
                yield f"{before}dilated_conv", on(names, change, "conv"), words, names[0]
            for mode in ("reflect", "replicate", "circular"):
                words = {
                    "What": subject,
                    "text": f"the border is padded with padding_mode='{mode}'; zeros, the default, are meant.",
                }
                yield f"{before}padding_mode", options(names, "conv", padding_mode=mode), words, names[0]
        words = {"What": subject, "text": "the weights do not learn (requires_grad=False, or .data in forward)."}
        name = "convolutions_frozen" if len(names) > 1 else f"{before}convolution_frozen"
        yield name, options(names, "conv", learns=False), words, names[0]
        for groups in (0, 2, 4, 8):
            name = "depthwise_conv" if groups == 0 else "grouped_conv"
            words = {"What": subject, "text": "it works on groups of channels alone (groups); it should mix them all."}
            yield before + name, on(names, lambda p, n, g=groups: _grouped(p, n, g), "conv"), words, names[0]


def _grouped(p: Program, name: str, groups: int) -> Program:
    one = p.by_name[name]
    groups = groups or one["in_planes"]
    return p.change(name, groups=groups) if one["in_planes"] % groups == one["planes"] % groups == 0 else p


def _widths(p: Program) -> dict[str, int]:
    """The widths that a block knows, by their name."""
    widths = {"in_planes": p.arguments[0], "planes": p.arguments[1]}
    return widths if p.kind == BASIC else {**widths, "4 * planes": 4 * p.arguments[1]}


@kind("Your block works at {width} channels inside; it should be planes.", PAPER_BOTTLENECK, (BOTTLENECK,))
def middle_width(program: Program, _: Hints) -> Found:
    """The narrow part of a bottleneck has another width."""
    factors = (
        ("middle_not_squeezed", 4),
        ("middle_squeezed_twice", 0.25),
        ("middle_halved", 0.5),
        ("middle_doubled", 2),
    )
    for name, factor in factors:

        def change(p: Program, factor: float = factor) -> Program:
            return _set_middle(p, max(int(p.arguments[1] * factor), 1))

        yield name, change, {"width": f"planes * {factor}"}
    yield "middle_of_in_planes", lambda p: _set_middle(p, p.arguments[0]), {"width": "in_planes"}


def _set_middle(p: Program, width: int) -> Program:
    p = p.change("conv1", planes=width).change("bn1", planes=width)
    return p.change("conv2", in_planes=width, planes=width).change("bn2", planes=width).change("conv3", in_planes=width)


@kind("Your block returns {width} channels; it should return expansion * planes.", PAPER_BOTTLENECK)
def output_width(program: Program, _: Hints) -> Found:
    """A block that widens by another factor, throughout."""
    right = 1 if program.kind == BASIC else 4
    last = places(program, "conv", False)[-1]
    for factor in (2, 1, 3, 4, 8):
        if factor == right:
            continue

        def change(p: Program, factor: int = factor) -> Program:
            in_planes, planes, stride = p.arguments
            out = factor * planes
            p = p.change(last, planes=out).change(last.replace("conv", "bn"), planes=out)
            return p.with_shortcut(*shortcut(in_planes, out, stride))

        for stated in (factor, right):
            yield (
                f"expansion_{factor}",
                lambda p, c=change, s=stated: c(p).state(expansion=s),
                {"width": f"{factor} * planes"},
            )


@kind("{What}: it is built for {width} channels where it gets or should give others.", PARTS_2_3)
def wrong_width(program: Program, _: Hints) -> Found:
    """One layer is built for other channels than it gets, or gives others than the next layer takes."""
    for name in places(program, "conv"):
        for side in ("in_planes", "planes"):
            for width in _widths(program):
                change = on((name,), lambda p, n, s=side, w=width: p.change(n, **{s: _widths(p)[w]}), "conv")
                words = {"What": phrase(name).capitalize(), "width": width}
                yield _width_name(program, name, side, width), change, words, name
    for name in places(program, "norm"):
        for width in _widths(program):
            change = on((name,), lambda p, n, w=width: p.change(n, planes=_widths(p)[w]), "norm")
            last = program.kind == BOTTLENECK and (name, width) == ("bn3", "planes")
            words = {"What": phrase(name).capitalize(), "width": width}
            yield "last_batchnorm_to_planes" if last else "batchnorm_width", change, words, name


def _width_name(program: Program, name: str, side: str, width: str) -> str:
    if (name, side, width) == ("conv2", "in_planes", "in_planes"):
        return "second_conv_takes_in_planes"
    return "shortcut_to_planes" if (name, side, width) == ("shortcut_conv", "planes", "planes") else "conv_width"


@kind("{text}", PAPER_SHORTCUT)
def consistent_widths(program: Program, _: Hints) -> Found:
    """Several layers agree on a width, but not on the right one."""

    def late(p: Program) -> Program:
        width = p.arguments[0]
        return p.change("conv1", planes=width).change("bn1", planes=width).change("conv2", in_planes=width)

    if program.kind == BASIC:
        text = (
            "Your first convolution keeps in_planes channels and the second one changes them; the first should go from "
        )
        yield "channels_change_late", late, {"text": f"{text}in_planes to planes."}
    else:
        text = "Your shortcut projects to planes channels; what leaves the block has expansion * planes."
        narrow = lambda p, n: p.change("shortcut_conv", planes=p.arguments[1]).change(n, planes=p.arguments[1])  # noqa: E731
        yield "shortcut_to_planes", on(("shortcut",), narrow, "norm"), {"text": text}


@kind("{text}", PAPER_BLOCK)
def other_number(program: Program, _: Hints) -> Found:
    """A layer too many or too few."""
    last = places(program, "conv", False)[-1]
    number = int(last[-1])
    text = {BASIC: "Your block has three convolutions; a basic block has two."}.get(
        program.kind, "Your block has four convolutions; a bottleneck has three."
    )
    for kernel in (3, 1):
        for position in range(number, 0, -1):

            def extra(p: Program, position: int = position, kernel: int = kernel) -> Program:
                """A layer before the one at this position, of the width there."""
                here = f"conv{position}"
                width, before = p.by_name[here]["in_planes"], p.by_name[here].inputs[0]
                p = p.insert(before, conv("extra", "", width, width, kernel, padding=kernel // 2), only=(here,))
                p = p.insert("extra", norm("extra_bn", "", width), only=(here,))
                return p.insert("extra_bn", act("extra_relu", ""), only=(here,))

            yield "extra_conv", extra, {"text": text}

        def behind(p: Program, kernel: int = kernel) -> Program:
            """A layer behind the last one."""
            width, value = out_planes(p), f"bn{number}"
            p = p.insert(value, act("extra_relu", ""), only=("sum",))
            p = p.insert("extra_relu", conv("extra", "", width, width, kernel, padding=kernel // 2), only=("sum",))
            return p.insert("extra", norm("extra_bn", "", width), only=("sum",))

        yield "extra_conv", behind, {"text": text}
    if program.kind == BASIC:
        text = "Your block has one convolution only; a basic block has two."
        yield "single_conv", lambda p: _cut(p, "conv2", "bn2", "relu1"), {"text": text}
    else:
        text = "Your block squeezes and expands, but the 3x3 convolution between is missing."
        for carries in ("conv1", "conv3"):
            yield (
                "missing_3x3",
                lambda p, c=carries: _cut(p, "conv2", "bn2", "relu2").change(c, stride=stride_of(p)),
                {"text": text},
            )
        text = "Your block has no 1x1 squeeze: the 3x3 convolution works on in_planes channels."
        widen = lambda p: _cut(p, "conv1", "bn1", "relu1").change("conv2", in_planes=p.arguments[0])  # noqa: E731
        yield "missing_squeeze", widen, {"text": text}


def _cut(p: Program, *names: str) -> Program:
    for name in names:
        p = p.without(name)
    return p


@kind("{What} is called in the place of another one: each convolution has weights of its own.", PARTS_2_3)
def shared_convolution(program: Program, _: Hints) -> Found:
    """One convolution is called at two places; the other may still be built. BatchNorms may be shared with it."""
    convs = places(program, "conv", False)
    for one in convs:
        for other in convs:
            if one == other:
                continue
            words = {"What": phrase(one).capitalize()}
            yield "shared_convolution", on((other,), lambda p, n, one=one: _call_other(p, n, one, True)), words, one
            yield "shared_convolution", on((other,), lambda p, n, one=one: _call_other(p, n, one, False)), words, one


def _call_other(p: Program, name: str, one: str, built: bool) -> Program:
    old = p.by_name[name]
    p = p.put(p.by_name[one].but(name=name, inputs=old.inputs, shares=one))
    return p.hold(old.but(name=f"{name}_unused")) if built else p
