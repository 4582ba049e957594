"""The convolutions: their options, their widths, and their number."""

import itertools
from collections.abc import Callable

from autograder.oracle.edits.kind import (
    BASIC,
    BOTTLENECK,
    EVERYWHERE,
    RESNET,
    Change,
    Found,
    Hints,
    both,
    kind,
    on,
    options,
    out_planes,
    phrase,
    places,
    prefix,
    remove,
    scopes,
    stride_of,
    where,
)
from autograder.oracle.program import Op, Program, act, conv, norm, shortcut


@kind(EVERYWHERE, sentence="conv_bias")
def conv_bias(program: Program, _: Hints) -> Found:
    """A bias that BatchNorm makes useless."""
    for names, words in scopes(program, "conv"):
        name = "single_conv_bias" if len(names) == 1 else "conv_bias"
        name = {"shortcut_conv": "shortcut_bias", "conv": "stem_bias"}.get(names[0], name)
        yield name, options(names, "conv", bias=True), words, names[0]


def _stride_name(program: Program, carriers: tuple[str, ...], projection: bool) -> str:
    """The name for a set of convolutions that carry the stride."""
    if not projection:
        return "shortcut_without_stride" if carriers else "no_stride_anywhere"
    if len(carriers) > 1:
        return "stride_on_both_convs" if program.kind == BASIC else "stride_on_all_convs"
    names = {"conv1": "stride_on_first_1x1", "conv2": "stride_on_second_conv", "conv3": "stride_on_last_1x1"}
    return names[carriers[0]] if carriers else "stride_ignored"


@kind()
def misplaced_stride(program: Program, _: Hints) -> Found:
    """The stride on another set of convolutions, or always 2."""
    convs, right = places(program, "conv", False), ("conv1" if program.kind == BASIC else "conv2",)

    def carry(carriers: tuple[str, ...]) -> Change:
        """The stride on these convolutions of F(x); the shortcut is left as it is, for another edit."""

        def change(p: Program) -> Program:
            for name in convs:
                p = p.change(name, stride=stride_of(p) if name in carriers else 1)
            return p

        return change

    def full_size(p: Program) -> Program:
        return p.change_all(("shortcut_conv",), stride=1)

    for count in range(len(convs) + 1):
        for carriers in itertools.combinations(convs, count):
            if carriers != right:
                name = next((n for n in carriers if n not in right), right[0])
                yield _stride_name(program, carriers, True), carry(carriers), {}, name
    yield _stride_name(program, right, False), full_size, {}, "shortcut_conv"
    yield _stride_name(program, (), False), both(carry(()), full_size), {}, right[0]
    for names in ((*right, "shortcut_conv"), right, ("shortcut_conv",)):
        yield "stride_hard_coded", options(names, "conv", stride=2), {"what": phrase(*names)}, names[0]


@kind(EVERYWHERE, sentence="wrong_padding")
def wrong_padding(program: Program, _: Hints) -> Found:
    """Too little padding, or too much."""
    for names, words in scopes(program, "conv"):
        for padding in (0, 1, 2, 3):
            wrong = [n for n in names if program.by_name[n]["padding"] != padding]
            narrow = {program.by_name[name]["kernel"] for name in wrong} == {1}
            if wrong:
                name = "padding_on_1x1" if narrow else "wrong_padding" if padding else "no_padding"
                name = "stem_without_padding" if wrong == ["conv"] and not padding else prefix(program) + name
                said = words if len(wrong) == len(names) else {"what": phrase(*wrong)}
                yield name, options(wrong, "conv", padding=padding), said | {"padding": padding}, wrong[0]


@kind()
def stride_as_padding(program: Program, _: Hints) -> Found:
    """The stride is given in the place of the padding: alone, as by `nn.Conv2d(i, o, 3, 1, stride)`, or besides."""

    def pad(p: Program, name: str, swapped: bool) -> Program:
        p = p.change(name, padding=stride_of(p))
        return p.change(name, stride=1) if swapped else p

    for names, words in scopes(program, "conv"):
        for swapped in (True, False):
            change = on(names, lambda p, n, s=swapped: pad(p, n, s), "conv")
            yield "stride_as_padding", change, words, names[0]


def _kernel_name(program: Program, names: tuple[str, ...], kernel: int) -> str:
    if program.kind == RESNET or names == ("shortcut_conv",):
        return f"{where(program, names[0])}_{kernel}x{kernel}"
    if program.kind == BASIC and names == ("conv2",) and kernel == 1:
        return "kernel_1_second"
    others = {program.by_name[name]["kernel"] for name in set(places(program, "conv", False)) - set(names)}
    return f"kernel_{kernel}_everywhere" if program.kind == BOTTLENECK and others <= {kernel} else f"kernel_{kernel}"


@kind(EVERYWHERE, sentence="other_kernel")
def other_kernel(program: Program, _: Hints) -> Found:
    """Another kernel: with the padding that keeps the size, with that of before, or without."""
    for names, words in scopes(program, "conv"):
        sizes = {program.by_name[n]["kernel"] for n in names}
        for kernel in (3, 1, 5, 7, 2, 4):
            if sizes == {kernel} or (len(names) > 1 and "shortcut_conv" in names):
                continue
            for padding in dict.fromkeys((kernel // 2, None, 0)):
                change = options(names, "conv", kernel=kernel, **({} if padding is None else {"padding": padding}))
                name = _kernel_name(program, names, kernel)
                sentence = name.partition("_")[0] + "_kernel"
                wrong = next(n for n in names if program.by_name[n]["kernel"] != kernel)
                yield name, change, words | {"kernel": kernel, "sentence": sentence}, wrong


def _share_of_planes(one: Op, divisor: int) -> int:
    """A group for this many of the channels that come out; one group where that is a group for each that goes in."""
    groups = max(one["planes"] // divisor, 1)
    return groups if groups != one["in_planes"] else 1


GROUPS: list[tuple[str, Callable[[Op], int]]] = [
    ("depthwise_conv", lambda one: one["in_planes"]),
    *(("grouped_conv", lambda one, n=n: n) for n in (2, 4, 8)),
    *(("grouped_conv", lambda one, n=n: _share_of_planes(one, n)) for n in (2, 4)),
]
"""Name, and how many groups a convolution has."""


@kind(EVERYWHERE, sentence="other_kernel")
def other_convolution(program: Program, _: Hints) -> Found:
    """Dilation, groups, another way to fill the border, weights that do not learn."""
    before = prefix(program)
    for names, words in scopes(program, "conv"):
        wide = [n for n in names if program.by_name[n]["kernel"] > 1]
        said = words if len(wide) == len(names) else {"what": phrase(*wide)}  # of a 1x1 convolution nobody sees it
        for dilation, padding in ((2, 2), (2, 1), (3, 3)) if wide else ():
            change = options(wide, "conv", dilation=dilation, padding=padding)
            yield f"{before}dilated_conv", change, said | {"value": dilation}, wide[0]
        for mode in ("reflect", "replicate", "circular") if wide else ():
            yield f"{before}padding_mode", options(wide, "conv", padding_mode=mode), said | {"value": mode}, wide[0]
        name = "convolutions_frozen" if len(names) > 1 else f"{before}convolution_frozen"
        yield name, options(names, "conv", learns=False), words, names[0]
        for name, groups in GROUPS:
            change = on(names, lambda p, n, g=groups: _grouped(p, n, g(p.by_name[n])), "conv")
            yield before + name, change, words, names[0]


@kind(EVERYWHERE, rank=-1)
def separable(program: Program, _: Hints) -> Found:
    """A convolution for each channel alone, then a 1x1 convolution, as in MobileNet (Howard et al. 2017)."""

    def split(p: Program, name: str, bias: bool) -> Program:
        one = p.by_name[name]
        point = conv(f"{name}_point", "", one["in_planes"], one["planes"], 1).but(bias=bias)
        return p.change(name, planes=one["in_planes"], groups=one["in_planes"], bias=bias).insert(name, point)

    for names, words in scopes(program, "conv"):
        for bias in (False, True):
            change = on(names, lambda p, n, b=bias: split(p, n, b) if p.by_name[n]["kernel"] > 1 else p, "conv")
            yield prefix(program) + "separable_conv", change, words, names[0]


def _grouped(p: Program, name: str, groups: int) -> Program:
    """A convolution with this number of groups of channels."""
    one = p.by_name[name]
    if one["in_planes"] % groups or one["planes"] % groups:
        side = "in" if one["in_planes"] % groups else "out"  # PyTorch looks at them in this order
        return p.state(raises=("ValueError", f"{side}_channels must be divisible by groups"))
    return p.change(name, groups=groups)


@kind((BOTTLENECK,), sentence="middle_width")
def middle_width(program: Program, _: Hints) -> Found:
    """The narrow part of a bottleneck has another width."""

    def narrow(p: Program, width: int) -> Program:
        p = p.change("conv1", planes=width).change("bn1", planes=width).change("conv2", in_planes=width, planes=width)
        return p.change("bn2", planes=width).change("conv3", in_planes=width)

    names = {4: "middle_not_squeezed", 0.25: "middle_squeezed_twice", 0.5: "middle_halved", 2: "middle_doubled"}
    for factor, name in names.items():
        change = lambda p, f=factor: narrow(p, max(int(p.arguments[1] * f), 1))  # noqa: E731
        yield name, change, {"width": f"planes * {factor}"}, "conv1"
    yield "middle_of_in_planes", lambda p: narrow(p, p.arguments[0]), {"width": "in_planes"}, "conv1"


@kind(sentence="output_width")
def output_width(program: Program, _: Hints) -> Found:
    """A block that widens by another factor, throughout."""
    right, last = program.fact("expansion"), places(program, "conv", False)[-1]

    def widen(p: Program, factor: int, stated: int) -> Program:
        in_planes, planes, stride = p.arguments
        p = p.change(last, planes=factor * planes).change(last.replace("conv", "bn"), planes=factor * planes)
        return p.with_shortcut(*shortcut(in_planes, factor * planes, stride)).state(expansion=stated)

    for factor in {1, 2, 3, 4, 8} - {right}:
        for stated in (factor, right):
            change = lambda p, f=factor, s=stated: widen(p, f, s)  # noqa: E731
            yield f"expansion_{factor}", change, {"factor": factor}, last


@kind()
def output_of_in_planes(program: Program, _: Hints) -> Found:
    """What leaves a block has a multiple of in_planes, throughout."""
    last = places(program, "conv", False)[-1]

    def widen(p: Program, factor: int) -> Program:
        in_planes, _, stride = p.arguments
        width = factor * in_planes
        p = p.change(last, planes=width).change(last.replace("conv", "bn"), planes=width)
        return p.with_shortcut(*shortcut(in_planes, width, stride))

    for factor, width in ((4, "4 * in_planes"), (2, "2 * in_planes"), (1, "in_planes")):
        yield "output_of_in_planes", lambda p, f=factor: widen(p, f), {"width": width}, last


def _widths(p: Program) -> dict[str, int]:
    """The widths that a block knows, by their name."""
    in_planes, planes, _ = p.arguments
    several = {"2 * planes": 2 * planes, "4 * planes": 4 * planes, "planes // 2": planes // 2}
    return {"in_planes": in_planes, "planes": planes, **several}


FAMOUS = {
    ("conv2", "in_planes", "in_planes"): "second_conv_takes_in_planes",
    ("shortcut_conv", "planes", "planes"): "shortcut_to_planes",
    ("bn3", "planes", "planes"): "last_batchnorm_to_planes",
}
"""Layers with a wrong width that have a name of their own."""


@kind(sentence="wrong_width")
def wrong_width(program: Program, _: Hints) -> Found:
    """One layer is built for other channels than it gets, or gives others than the next layer takes."""
    sides = [(name, side) for name in places(program, "conv") for side in ("in_planes", "planes")]
    for name, side in [*sides, *((name, "planes") for name in places(program, "norm"))]:
        for width, channels in _widths(program).items():
            if program.by_name[name][side] == channels:
                continue
            kind_of_op = program.by_name[name].kind
            change = on((name,), lambda p, n, s=side, w=width: p.change(n, **{s: _widths(p)[w]}), kind_of_op)
            default = "conv_width" if kind_of_op == "conv" else "batchnorm_width"
            yield FAMOUS.get((name, side, width), default), change, {"what": phrase(name), "width": width}, name
    for name in places(program, "conv", False):
        layers = (name, name.replace("conv", "bn"))
        for width, channels in _widths(program).items():
            if program.by_name[name]["planes"] != channels:
                change = on(layers, lambda p, n, w=width: p.change(n, planes=_widths(p)[w]))
                yield "conv_width", change, {"what": phrase(*layers), "width": width}, name
    if program.kind == BASIC:

        def meet(p: Program, width: int) -> Program:
            """Both convolutions agree on a width between them."""
            return p.change("conv1", planes=width).change("bn1", planes=width).change("conv2", in_planes=width)

        for factor, words in ((1 / 2, "planes // 2"), (1 / 4, "planes // 4"), (2, "2 * planes"), (4, "4 * planes")):
            change = lambda p, f=factor: meet(p, int(p.arguments[1] * f))  # noqa: E731
            yield "conv_width", change, {"what": phrase("conv1"), "width": words}, "conv1"
        yield "channels_change_late", lambda p: meet(p, p.arguments[0]), {}, "conv1"
    else:
        narrow = lambda p, n: p.change("shortcut_conv", planes=p.arguments[1]).change(n, planes=p.arguments[1])  # noqa: E731
        yield "shortcut_to_planes", on(("shortcut",), narrow, "norm"), {}, "shortcut_conv"


@kind()
def other_number(program: Program, _: Hints) -> Found:
    """A layer too many or too few."""
    number = len(places(program, "conv", False))

    def extra(p: Program, after: str, before: str, width: int, kernel: int, relu_first: bool) -> Program:
        """Insert convolution, BatchNorm and ReLU between a value and the operation that uses it."""
        layers = [conv("extra", "", width, width, kernel, padding=kernel // 2), norm("extra_bn", "", width)]
        relu = act("extra_relu", "")
        for one in [relu, *layers] if relu_first else [*layers, relu]:
            p = p.insert(after, one, only=(before,))
            after = one.name
        return p

    for kernel in (3, 1):
        for position in range(number, 0, -1):

            def inside(p: Program, name: str = f"conv{position}", k: int = kernel) -> Program:
                return extra(p, p.by_name[name].inputs[0], name, p.by_name[name]["in_planes"], k, False)

            yield "extra_conv", inside, {}, "extra"
        yield "extra_conv", lambda p, k=kernel: extra(p, f"bn{number}", "sum", out_planes(p), k, True), {}, "extra"
    if program.kind == BASIC:
        yield "single_conv", remove("conv2", "bn2", "relu1")
        return
    for carrier in ("conv1", "conv3"):
        short = remove("conv2", "bn2", "relu2")
        yield "missing_3x3", lambda p, c=carrier, short=short: short(p).change(c, stride=stride_of(p))
    wide = lambda p: p.change("conv2", in_planes=p.arguments[0])  # noqa: E731
    yield "missing_squeeze", both(remove("conv1", "bn1", "relu1"), wide)
    kept = lambda p: p.change("conv1", planes=p.arguments[0]).change("bn1", planes=p.arguments[0])  # noqa: E731
    yield "missing_squeeze", both(kept, wide)  # a 1x1 convolution that keeps all channels squeezes nothing
    for carrier in ("conv3", "conv1"):
        yield "missing_last_1x1", lambda p, c=carrier: _two_convolutions(p, 1, c), {}, "conv3"
    for width in ("planes", "4 * planes"):

        def basic(p: Program, width: str = width) -> Program:
            inside = _widths(p)[width]
            p = _two_convolutions(p, 3, "conv1").change("conv1", planes=inside).change("bn1", planes=inside)
            return p.change("conv3", in_planes=inside)

        yield "basic_block_convolutions", basic, {}, "conv1"


def _two_convolutions(p: Program, first: int, carrier: str) -> Program:
    """A bottleneck with two convolutions: one with this kernel, and a 3x3 convolution that returns F(x)."""
    p = remove("conv2", "bn2", "relu2")(p).change("conv3", kernel=3, padding=1)
    return p.change("conv1", kernel=first, padding=first // 2).change(carrier, stride=stride_of(p))


@kind()
def convolution_called_twice(program: Program, _: Hints) -> Found:
    """A convolution is called a second time on its own output."""
    for name in places(program, "conv", False):
        again = lambda p, n: p.insert(n, p.by_name[n].but(name=f"{n}_again", shares=n))  # noqa: E731
        yield "convolution_called_twice", on((name,), again), {"what": phrase(name)}, name
        for relu in (False, True):
            change = lambda p, n=name, r=relu: _with_batchnorm_again(p, n, r)  # noqa: E731
            yield "convolution_called_twice", change, {"what": f"{phrase(name)} with its BatchNorm"}, name


def _with_batchnorm_again(p: Program, name: str, relu: bool) -> Program:
    """A convolution and its BatchNorm, or both behind a ReLU, are called on what they returned."""
    bn = name.replace("conv", "bn")
    layers = [act("again_relu", "")] if relu else []
    layers += [p.by_name[one].but(name=f"{one}_again", shares=one) for one in (name, bn)]
    after = bn
    for layer in layers:
        p, after = p.insert(after, layer), layer.name
    return p


@kind()
def shared_convolution(program: Program, _: Hints) -> Found:
    """One convolution is called at two places; the other may still be built."""

    def call(p: Program, name: str, one: str, built: bool) -> Program:
        old = p.by_name[name]
        p = p.put(p.by_name[one].but(name=name, inputs=old.inputs, shares=one))
        return p.hold(old.but(name=f"{name}_unused"), name) if built else p

    for one, other in itertools.permutations(places(program, "conv", False), 2):
        for built in (True, False):
            change = lambda p, n=other, o=one, b=built: call(p, n, o, b)  # noqa: E731
            words = {"what": phrase(one), "vague": {"what": "one convolution"}}
            yield "shared_convolution", change, words, one
