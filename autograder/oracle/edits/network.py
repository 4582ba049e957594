"""The network: its stem, its stages, and its head."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from autograder.oracle.edits.kind import RESNET, Change, Found, Hints, both, insert, kind, remove
from autograder.oracle.program import Call, Program, layout, norm, op

Stages = Sequence[Sequence[Call]]


@kind((RESNET,))
def other_stem(program: Program, _: Hints) -> Found:
    """The stem for ImageNet, whole or in part; pooling; a bare convolution."""
    large = lambda p: p.change("conv", kernel=7, stride=2, padding=3)  # noqa: E731
    pools = [op("stem_pool", "window", "", how="max", kernel=k, stride=2, padding=q) for k, q in ((3, 1), (3, 0), (2, 0))]
    for pool in pools:
        yield "imagenet_stem", both(large, insert("stem", pool))
    yield "stem_7x7_stride_2", large
    yield "stem_without_batchnorm_and_relu", remove("bn", "stem")
    yield "stem_stride_2", lambda p: p.change("conv", stride=2)
    for how, stride in (("max", 2), ("avg", 2), ("max", 1), ("avg", 1)):
        for pool in pools:
            for after in ("stem", "bn", "conv"):
                yield f"{how}pool_in_stem", insert(after, pool.but(how=how, stride=stride))
    for n in (1, 64):
        yield "stem_in_channels", lambda p, n=n: p.change("conv", in_planes=n), {"value": n}


def rebuild(p: Program, stages: Stages, stem: int = 64, features: int = 0) -> Program:
    """The network with other blocks; the rest of it stays. `features` of the linear layer: 0 means what comes out."""
    expansion = p.arguments[0]
    old = [o for o in p.ops if o.kind == "block"]
    at = p.ops.index(old[0])
    value, width, new = old[0].inputs[0], stem, []
    for number, stage in enumerate(stages, start=1):
        for index, (in_planes, planes, stride) in enumerate(stage):
            options = {"in_planes": in_planes, "planes": planes, "stride": stride, "expansion": expansion}
            new.append(op(f"stage{number}.{index}", "block", value, **options))
            value, width = new[-1].name, planes * expansion
    rest = tuple(o for o in p.ops[at:] if o.kind != "block")
    tail = replace(p, ops=rest).rewire(old[-1].name, value)
    p = replace(tail, ops=(*p.ops[:at], *new, *tail.ops))
    if stem != 64:
        p = p.change("conv", planes=stem).change("bn", planes=stem)
    return p.change("linear", features=features or width)


def _counts(rule: Callable[[list[int]], list[int]], widths: Sequence[int] = (64, 128, 256, 512)) -> Change:
    def change(p: Program) -> Program:
        expansion, counts, _ = p.arguments
        return rebuild(p, layout(expansion, rule(list(counts)), widths), features=widths[-1] * expansion)

    return change


COUNTS = {
    "one_block_too_few": (
        (lambda c: [max(n - 1, 1) for n in c], lambda c: [n - 1 for n in c]),
        "Your stages have one block less than num_blocks says.",
    ),
    "one_block_too_many": ((lambda c: [n + 1 for n in c],), "Your stages have one block more than num_blocks says."),
    "num_blocks_ignored": (
        (lambda c: [2, 2, 2, 2], lambda c: [1, 1, 1, 1], lambda c: [3, 4, 6, 3], lambda c: [3, 3, 3, 3]),
        "The number of blocks in your stages is always the same: num_blocks is ignored.",
    ),
    "num_blocks_first_only": (
        (lambda c: c[:1] * 4,),
        "Every stage has as many blocks as the first one: use num_blocks[0] to num_blocks[3].",
    ),
    "num_blocks_last_only": (
        (lambda c: c[-1:] * 4,),
        "Every stage has as many blocks as the last one: use num_blocks[0] to num_blocks[3].",
    ),
    "num_blocks_reversed": ((lambda c: c[::-1],), "Your stages take num_blocks from the end."),
    "num_blocks_shifted": (
        tuple(lambda c, k=k: [c[0], *c[0:3]] if k else [*c[1:], c[-1]] for k in (0, 1)),
        "Your stages take num_blocks one place off: use num_blocks[0] to num_blocks[3].",
    ),
    "blocks_doubled": ((lambda c: [2 * n for n in c],), "Your stages have twice as many blocks as num_blocks says."),
}


@kind("{text}", PART_4, (RESNET,))
def wrong_counts(program: Program, _: Hints) -> Found:
    """Other numbers of blocks."""
    for name, (rules, text) in COUNTS.items():
        for rule in rules:
            yield name, _counts(rule), {"text": text}
    for stage in range(4):
        for other in range(4):
            if other != stage:
                copy = lambda c, s=stage, o=other: [c[o] if i == s else n for i, n in enumerate(c)]  # noqa: E731
                text = f"Stage {stage + 1} has num_blocks[{other}] blocks; it should have num_blocks[{stage}]."
                yield "num_blocks_mixed_up", _counts(copy), {"text": text}


def _strides(rule: Callable[[int, int, int], int]) -> Change:
    """Other strides, by number of the stage (from 1), index in it, and blocks in it."""

    def change(p: Program) -> Program:
        for o in p.ops:
            if o.kind == "block":
                stage, index = map(int, o.name[5:].split("."))
                count = sum(other.name.startswith(f"stage{stage}.") for other in p.ops)
                p = p.change(o.name, stride=rule(stage, index, count))
        return p

    return change


STRIDES = {
    "stage_1_stride_2": (
        (lambda s, i, n: 2 if i == 0 else 1,),
        "Your first stage has stride 2; the image is halved from the second stage on.",
    ),
    "no_strides": (
        (lambda s, i, n: 1,),
        "None of your stages shrinks the image: the first block of stages 2, 3 and 4 has stride 2.",
    ),
    "stride_in_every_block": (
        (lambda s, i, n: 2 if s > 1 else 1, lambda s, i, n: 2),
        "Every block of a stage carries the stride; only the first one does.",
    ),
    "stride_on_last_block": (
        (lambda s, i, n: 2 if s > 1 and i == n - 1 else 1,),
        "The last block of each stage carries the stride; the first one does.",
    ),
    "stage_without_stride": (
        tuple(lambda s, i, n, out=out: 2 if s > 1 and s != out and i == 0 else 1 for out in (4, 3, 2)),
        "One of stages 2, 3 and 4 does not shrink the image: the first block of each has stride 2.",
    ),
    "strides_shifted": (
        (lambda s, i, n: 2 if s < 4 and i == 0 else 1,),
        "Stages 1 to 3 shrink the image; it should be stages 2 to 4.",
    ),
    "stride_after_first_block": (
        (lambda s, i, n: 2 if s > 1 and i > 0 else 1,),
        "All blocks of a stage but the first carry the stride; only the first one does.",
    ),
    "stride_4": ((lambda s, i, n: 4 if s > 1 and i == 0 else 1,), "Your stages have stride 4; it should be 2."),
}


@kind("{text}", PAPER_NETWORK, (RESNET,))
def wrong_strides(program: Program, _: Hints) -> Found:
    """Strides at other blocks."""
    for name, (rules, text) in STRIDES.items():
        for rule in rules:
            yield name, _strides(rule), {"text": text}


def _widths(widths: Sequence[int], stem: int = 0, features: int = 0) -> Change:
    def change(p: Program) -> Program:
        expansion, counts, _ = p.arguments
        wide = stem or widths[0]
        return rebuild(p, layout(expansion, counts, widths, start=wide), wide, features * expansion)

    return change


@kind("{text}", PAPER_NETWORK, (RESNET,))
def wrong_widths(program: Program, _: Hints) -> Found:
    """Stages of other widths."""
    text = "Your network has three stages; there are four, with 64, 128, 256 and 512 planes."
    yield "three_stages", lambda p: rebuild(p, layout(*p.arguments[:2])[:3]), {"text": text}
    text = "All your stages have 64 planes; each stage but the first doubles them."
    yield "planes_never_double", _widths((64, 64, 64, 64)), {"text": text}
    text = "Your stages have {0}, {1}, {2} and {3} planes; here they have 64, 128, 256 and 512."
    for first in (16, 32, 8, 128, 24, 48):
        widths = [first * 2**i for i in range(4)]
        yield "narrow_planes" if first < 64 else "wide_planes", _widths(widths), {"text": text.format(*widths)}
        yield "narrow_planes" if first < 64 else "wide_planes", _widths(widths, 64), {"text": text.format(*widths)}
    for widths in (
        (64, 128, 256, 256),
        (64, 128, 128, 256),
        (64, 64, 128, 256),
        (64, 128, 256, 1024),
        (16, 16, 32, 64),
        (64, 128, 512, 512),
    ):
        for features in (0, 512):
            yield "stage_planes", _widths(widths, 64, features), {"text": text.format(*widths)}
    text = "Your stem has {0} channels; it should have 64."
    for stem in (16, 32, 128, 3):
        yield (
            "stem_width",
            lambda p, s=stem: rebuild(p, layout(*p.arguments[:2], start=s), s),
            {"text": text.format(stem)},
        )
        yield (
            "stem_width",
            lambda p, s=stem: p.change("conv", planes=s).change("bn", planes=s),
            {"text": text.format(stem)},
        )


def _in_planes(factor: Callable[[int], int], start: int = 64) -> Change:
    """Each block is built for `factor(expansion) * planes` channels of the one before."""

    def change(p: Program) -> Program:
        in_planes = start
        for o in p.ops:
            if o.kind == "block":
                p = p.change(o.name, in_planes=in_planes)
                in_planes = factor(p.arguments[0]) * o["planes"]
        return p

    return change


@kind("{text}", PART_4, (RESNET,))
def wrong_wiring(program: Program, hints: Hints) -> Found:
    """Blocks are built for other channels than they get."""
    text = "After a block your in_planes becomes planes; what leaves the block has planes * block.expansion channels."
    yield "in_planes_without_expansion", _in_planes(lambda e: 1), {"text": text}
    text = "Your network expects 4 * planes channels from every block; it should expect planes * block.expansion: the "
    four = lambda p: _in_planes(lambda e: 4)(p).change("linear", features=2048)  # noqa: E731
    for change in (four, _in_planes(lambda e: 4)):
        yield "expansion_hard_coded", change, {"text": f"{text}expansion of a basic block is 1."}
    text = "Your network never updates in_planes: every block is built for 64 channels."
    yield (
        "in_planes_never_updated",
        lambda p: p.change_all([o.name for o in p.ops if o.kind == "block"], in_planes=64),
        {"text": text},
    )

    def per_stage(p: Program) -> Program:
        """in_planes changes at the end of a stage only: its blocks are all built for the channels that enter it."""
        entering = {o.name[:6]: o["in_planes"] for o in reversed(p.ops) if o.kind == "block"}
        for o in p.ops:
            p = p.change(o.name, in_planes=entering[o.name[:6]]) if o.kind == "block" else p
        return p

    text = "Your in_planes changes once for each stage; it should change after each block."
    yield "in_planes_per_stage", per_stage, {"text": text}

    def kept(p: Program) -> Program:
        """in_planes is kept from an earlier network, on the class or in a global variable."""
        calls = dict(hints.calls).get(p.arguments)
        first = next(o for o in p.ops if o.kind == "block")
        return p.change(first.name, in_planes=calls[0][0]) if calls else p

    text = "Your second network begins with the in_planes that the first one ended with: keep it on self, not on the class."
    yield "in_planes_kept", kept, {"text": text}
    text = "Your network calls block(in_planes, {order}); it should be block(in_planes, planes, stride)."
    for order, pick in (
        ("stride, planes", lambda i, p, s: (i, s, p)),
        ("planes), without the stride", lambda i, p, s: (i, p, 1)),
        ("planes * block.expansion, stride", None),
    ):
        change = _calls(pick or (lambda i, p, s: (i, p, s)), pick is None)
        yield "block_arguments", change, {"text": text.format(order=order)}
    for pick, order in ((lambda i, p, s: (p, i, s), "planes, in_planes, stride"),):
        text = "Your network calls block(planes, in_planes, stride); it should be block(in_planes, planes, stride)."
        yield "block_arguments", _calls(pick), {"text": text.format(order=order)}


def _calls(pick: Callable[[int, int, int], Call], expanded: bool = False) -> Change:
    """Blocks are called with other arguments."""

    def change(p: Program) -> Program:
        for o in p.ops:
            if o.kind == "block":
                i, planes, s = pick(o["in_planes"], o["planes"], o["stride"])
                p = p.change(o.name, in_planes=i, planes=planes * (p.arguments[0] if expanded else 1), stride=s)
        return p

    return change


@kind("{text}", PART_4, (RESNET,))
def wrong_order(program: Program, _: Hints) -> Found:
    """Blocks are shared, left out, or applied in another order."""
    text = "Blocks of a stage are one and the same object, so they share their weights: build a new block each time."
    for first in (1, 0):
        yield "repeated_block", lambda p, f=first: _shared(p, f), {"text": text}
    for stage in range(1, 5):
        text = f"Your forward pass leaves out stage {stage}, although it is built."

        def skip(p: Program, stage: int = stage) -> Program:
            return p.change_all([o.name for o in p.ops if o.name.startswith(f"stage{stage}.")], called=False)

        yield "stage_1_unused" if stage == 1 else "stage_unused", skip, {"text": text}
    text = "Your forward pass applies the stages in another order than 1, 2, 3, 4."
    for order in ((4, 3, 2, 1), (2, 1, 3, 4), (1, 3, 2, 4), (1, 2, 4, 3)):
        yield "stages_in_wrong_order", lambda p, o=order: _ordered(p, o), {"text": text}
    text = "Your forward pass applies a stage twice."
    for order in ((1, 1, 2, 3, 4), (1, 2, 2, 3, 4), (1, 2, 3, 3, 4), (1, 2, 3, 4, 4), (1, 2, 2, 4), (1, 2, 3, 3)):
        yield "stage_repeated", lambda p, o=order: _ordered(p, o), {"text": text}
    text = "In each stage the blocks before the last are built, but only the {which} one is applied."
    for which in (0, -1):

        def one(p: Program, which: int = which) -> Program:
            names = [o.name for o in p.ops if o.kind == "block"]
            stages = [[n for n in names if n.startswith(f"stage{s}.")] for s in range(1, 5)]
            return p.change_all([n for stage in stages for n in stage if n != stage[which]], called=False)

        yield "blocks_unused", one, {"text": text.format(which="last" if which else "first")}


def _shared(p: Program, first: int) -> Program:
    for o in p.ops:
        if o.kind == "block" and int(o.name.split(".")[1]) > first:
            original = f"{o.name.split('.')[0]}.{first}"
            p = p.put(p.by_name[original].but(name=o.name, inputs=o.inputs, shares=original))
    return p.state(unused_blocks=True)  # [block(...)] * 0 builds one and throws it away


def _ordered(p: Program, order: Sequence[int]) -> Program:
    """Stages in this order; a stage that comes again is the same one."""
    blocks = [o for o in p.ops if o.kind == "block"]
    at, value, new, done = p.ops.index(blocks[0]), blocks[0].inputs[0], [], set()
    for number in order:
        for o in blocks:
            if o.name.startswith(f"stage{number}."):
                again = {"name": f"{o.name}_again", "shares": o.name} if o.name in done else {}
                new.append(o.but(inputs=(value,), **again))
                value = new[-1].name
                done.add(o.name)
    held = [o.but(called=False, inputs=("x",)) for o in blocks if o.name not in done]
    tail = replace(p, ops=tuple(o for o in p.ops[at:] if o.kind != "block")).rewire(blocks[-1].name, value)
    return replace(p, ops=(*held, *p.ops[:at], *new, *tail.ops))


POOLED = {
    "max": ("max_pool_head", "takes the maximum over all positions; it should take the average."),
    "sum": ("sum_pool_head", "adds up all positions; it should average them."),
    "first": ("first_position_head", "looks at the top left position alone; it should average over all positions."),
    "last": ("last_position_head", "looks at the bottom right position alone; it should average over all positions."),
    "avg_max": ("max_pool_head", "adds the maximum to the average over all positions; it should take the average."),
}
OUTPUTS = {
    "softmax": ("softmax_output", "ends in a softmax. It should return logits: nn.CrossEntropyLoss applies it itself."),
    "log_softmax": ("log_softmax_output", "ends in a log-softmax; nn.CrossEntropyLoss applies it itself."),
    "softmax_batch": ("softmax_over_batch", "ends in a softmax, over the images of the batch at that."),
    "log_softmax_batch": ("softmax_over_batch", "ends in a log-softmax, over the images of the batch at that."),
    "sigmoid": ("sigmoid_output", "ends in a sigmoid; it should return logits."),
    "relu": ("relu_output", "ends in a ReLU: logits may be negative."),
    "tanh": ("tanh_output", "ends in a tanh; it should return logits."),
    "log_sigmoid": ("sigmoid_output", "ends in a log-sigmoid; it should return logits."),
    "leaky_relu": ("relu_output", "ends in a leaky ReLU; it should return logits."),
    "elu": ("relu_output", "ends in an ELU; it should return logits."),
    "gelu": ("relu_output", "ends in a GELU; it should return logits."),
    "softplus": ("relu_output", "ends in a softplus; it should return logits."),
    "normalize": ("logits_normalized", "normalises its logits to length one; it should return them as they are."),
}


@kind("Your network {does}", PART_4, (RESNET,))
def other_head(program: Program, hints: Hints) -> Found:
    """The head does something else with the features, or with the logits."""
    for how, (name, does) in OUTPUTS.items():
        yield name, lambda p, h=how: p.insert("linear", op("output", "act", "", how=h)), {"does": does}
    for how, (name, does) in POOLED.items():
        yield name, lambda p, h=how: p.change("pool", how=h), {"does": does}
    does = "flattens the 4x4 map without averaging over it, so the linear layer is sixteen times too large."
    wider = lambda p, n: p.change("linear", features=n * p.by_name["linear"]["features"])  # noqa: E731
    yield "missing_average_pool", lambda p: wider(p.without("pool"), 16), {"does": does}
    yield (
        "missing_average_pool",
        lambda p: p.without("pool"),
        {"does": "flattens the 4x4 map without averaging over it."},
    )
    for how in ("avg_2", "max_2"):
        does = "pools with a window of 2x2, so that 2x2 positions are left; it should average over all positions."
        for change in (lambda p, h=how: wider(p.change("pool", how=h), 4), lambda p, h=how: p.change("pool", how=h)):
            yield "pool_too_small", change, {"does": does}
    for kernel in (7, 8, 5, 3):
        does = f"pools with a window of {kernel}x{kernel}; the last stage returns 4x4 positions."
        window = op("pool", "window", "", how="avg", kernel=kernel, stride=kernel, padding=0)
        yield "pool_window", lambda p, w=window: p.put(w.but(inputs=p.by_name["pool"].inputs)), {"does": does}
    does = "does not flatten the pooled features, so the linear layer gets (N, C, 1, 1)."
    yield "missing_flatten", lambda p: p.without("flat"), {"does": does}
    does = "flattens the images of a batch together; keep the first dimension: flatten(1)."
    for shape in ((1, -1), (-1,)):
        yield "batch_flattened", lambda p, s=shape: p.put(op("flat", "reshape", "pool", shape=s)), {"does": does}
    does = "loses the batch dimension of a single image: squeeze() drops every dimension of size 1; use flatten(1)."
    yield "squeeze_of_batch", lambda p: p.put(op("flat", "act", "pool", how="squeeze")), {"does": does}
    yield "squeeze_of_batch", lambda p: p.insert("linear", op("output", "act", "", how="squeeze")), {"does": does}
    for size in (128, 64, 100, 32, 256, 4, 1000, 512, 16, 8, 2):
        does = f"expects batches of {size} images: use x.size(0), or flatten(1)."
        yield "fixed_batch_size", lambda p, s=size: p.put(op("flat", "reshape", "pool", shape=(s, -1))), {"does": does}
    does = "normalises the features to length one before the linear layer; it should pass them on as they are."
    yield "features_normalized", lambda p: p.insert("flat", op("unit", "act", "", how="normalize")), {"does": does}
    for how in ("sigmoid", "tanh", "softmax"):
        does = f"applies a {how} to the features before the linear layer; it should pass them on as they are."
        yield "features_squashed", lambda p, h=how: p.insert("flat", op("squash", "act", "", how=h)), {"does": does}
    does = "has a BatchNorm between the last stage and the linear layer; there is none here."
    for after in ("flat", "pool"):
        yield (
            "batchnorm_in_head",
            lambda p, a=after: p.insert(a, norm("head_bn", "", p.by_name["linear"]["features"])),
            {"does": does},
        )
    last = lambda p: next(o.name for o in reversed(p.ops) if o.kind == "block")  # noqa: E731
    yield (
        "batchnorm_in_head",
        lambda p: p.insert(last(p), norm("head_bn", "", p.by_name["linear"]["features"])),
        {"does": does},
    )
    for factor in (0.5, 0.1, 2.0, 10.0, 0.01):
        does = f"multiplies its logits by {factor}; it should return them as they are."
        yield (
            "logits_scaled",
            lambda p, f=factor: p.insert("linear", op("factor", "scale", "", factor=f)),
            {"does": does},
        )


@kind("Your linear layer {does}", PART_4, (RESNET,))
def other_linear(program: Program, hints: Hints) -> Found:
    """The linear layer has other sizes, or is not alone."""
    yield (
        "head_without_bias",
        lambda p: p.change("linear", bias=False),
        {"does": "has no bias; nothing behind it makes up for that."},
    )
    for classes in (10, 100, 1000, 9, 11, 1, 2, 512):
        name = "num_classes_hard_coded" if classes == 10 else "wrong_num_classes"
        does = f"always has {classes} outputs: num_classes is ignored."
        yield name, lambda p, c=classes: p.change("linear", classes=c), {"does": does}
    does = "takes {n} features, but what comes out of the last stage has 512 * block.expansion channels."
    for features in (512, 2048, 256, 64, 1024, 8192, 4096):
        name = "head_without_expansion" if features == 512 else "head_features"
        yield name, lambda p, f=features: p.change("linear", features=f), {"does": does.format(n=features)}
    for hidden in sorted(hints.sizes - {1, 3, 7}):
        for how in ("relu", "none", "dropout", "tanh", "gelu", "sigmoid", "leaky_relu", "elu", "silu", "batchnorm"):
            for bias in (True, False):

                def deeper(p: Program, hidden: int = hidden, how: str = how, bias: bool = bias) -> Program:
                    old = p.by_name["linear"]
                    first = op("hidden", "linear", "", features=old["features"], classes=hidden, bias=bias)
                    p = p.change("linear", features=hidden).insert(old.inputs[0], first, only=("linear",))
                    if how == "batchnorm":
                        p = p.insert("hidden", norm("hidden_bn", "", hidden)).insert(
                            "hidden_bn", op("hidden_act", "act", "", how="relu")
                        )
                    elif how == "dropout":
                        p = p.insert("hidden", op("hidden_act", "act", "", how="relu"))
                    return (
                        p
                        if how in ("none", "dropout", "batchnorm")
                        else p.insert("hidden", op("hidden_act", "act", "", how=how))
                    )

                if how != "dropout":
                    yield (
                        "hidden_layer",
                        deeper,
                        {"does": "is not alone: your head has a hidden layer; there is one linear layer here."},
                    )
    does = "is called twice, or a second one follows; there is one linear layer here."
    for shares in ("linear", ""):
        second = lambda p, s=shares: p.insert(
            "linear", p.by_name["linear"].but(name="second", features=p.arguments[2], shares=s)
        )  # noqa: E731
        if not shares:
            yield "hidden_layer", second, {"does": does}
