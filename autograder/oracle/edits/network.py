"""The network: its stem, its stages, and its head."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from autograder.oracle.edits.kind import RESNET, Change, Found, Hints, both, insert, kind, remove
from autograder.oracle.edits.norms import OPTIONS
from autograder.oracle.program import Op, Program, act, conv, layout, norm, op, stage_ops
from autograder.student.probe import Call


@kind((RESNET,))
def other_stem(program: Program, _: Hints) -> Found:
    """The stem for ImageNet, whole or in part; pooling; a bare convolution."""
    large = lambda p: p.change("conv", kernel=7, stride=2, padding=3)  # noqa: E731
    windows = ((3, 1), (3, 0), (2, 0))
    pools = [op("stem_pool", "window", "", how="max", kernel=k, stride=2, padding=q) for k, q in windows]
    for pool in pools:
        yield "imagenet_stem", both(large, insert("stem", pool))
    yield "stem_7x7_stride_2", large
    yield "stem_without_batchnorm_and_relu", remove("bn", "stem")
    yield "stem_stride_2", lambda p: p.change("conv", stride=2)
    for how, stride in (("max", 2), ("avg", 2), ("max", 1), ("avg", 1)):
        for pool in pools:
            for after in ("stem", "bn", "conv"):
                yield f"{how}pool_in_stem", insert(after, pool.but(how=how, stride=stride))
    for kernel in (3, 1):

        def longer(p: Program, k: int = kernel) -> Program:
            layers = conv("extra", "", 64, 64, k, padding=k // 2), norm("extra_bn", "", 64), act("extra_relu", "")
            for after, one in zip(("stem", "extra", "extra_bn"), layers, strict=True):
                p = p.insert(after, one)
            return p

        yield "stem_extra_conv", longer, {}, "extra"
    for n in (1, 64):
        yield "stem_in_channels", lambda p, n=n: p.change("conv", in_planes=n), {"value": n}


def _per_channel(means: Sequence[float], deviations: Sequence[float]) -> tuple[tuple, tuple, str]:
    factors = tuple(1 / d for d in deviations)
    return factors, tuple(-m * f for m, f in zip(means, factors, strict=True)), "(x - mean) / std of each channel"


_CIFAR, _IMAGENET = (0.4914, 0.4822, 0.4465), (0.485, 0.456, 0.406)
RESCALED = [
    (1 / 255, 0.0, "x / 255"),
    (2.0, -1.0, "2 * x - 1"),
    (0.5, 0.5, "(x + 1) / 2"),
    (1.0, -0.5, "x - 0.5"),
    *(_per_channel(_CIFAR, deviations) for deviations in ((0.2023, 0.1994, 0.2010), (0.247, 0.2435, 0.2616))),
    _per_channel(_IMAGENET, (0.229, 0.224, 0.225)),
    *(((1.0,) * 3, tuple(-m for m in means), "x - mean of each channel") for means in (_CIFAR, _IMAGENET)),
]
"""Factor and shift of the input, and how to write them."""


@kind((RESNET,))
def changed_input(program: Program, _: Hints) -> Found:
    """The images are changed before the stem: they are normalised already."""
    yield "batchnorm_on_input", insert("x", norm("extra", "", 3)), {}, "extra"
    for factor, shift, rule in RESCALED:
        yield "input_rescaled", insert("x", op("rescaled", "scale", "", factor=factor, shift=shift)), {"rule": rule}


def blocks(p: Program) -> list[Op]:
    """The blocks, in the order of their execution."""
    return [o for o in p.ops if o.kind == "block"]


def place(block: Op) -> tuple[int, int]:
    """The stage of a block, from 1, and its index in it."""
    stage, index = block.name[5:].split(".")
    return int(stage), int(index.partition("_")[0])


def counts(p: Program) -> list[int]:
    """The number of blocks in each of the four stages."""
    stages = [place(o)[0] for o in blocks(p)]
    return [stages.count(number) for number in range(1, 5)]


def rebuild(p: Program, stages: Sequence[Sequence[Call]], stem: int = 64, features: int = 0) -> Program:
    """The network with other blocks; the rest of it stays. `features` of the linear layer: 0 means what comes out."""
    expansion, old = p.arguments[0], blocks(p)
    at = p.ops.index(old[0])
    new = [o.but(normalizes=old[0]["normalizes"]) for o in stage_ops(stages, expansion, old[0].inputs[0])]
    value, width = (new[-1].name, new[-1]["planes"] * expansion) if new else (old[0].inputs[0], stem)
    tail = replace(p, ops=tuple(o for o in p.ops[at:] if o.kind != "block")).rewire(old[-1].name, value)
    p = replace(tail, ops=(*p.ops[:at], *new, *tail.ops))
    if stem != 64:
        p = p.change("conv", planes=stem).change("bn", planes=stem)
    return p.change("linear", features=features or width)


COUNTS: dict[str, list[Callable[[list[int]], list[int]]]] = {
    "one_block_too_few": [lambda c: [max(n - 1, 1) for n in c], lambda c: [n - 1 for n in c]],
    "one_block_too_many": [lambda c: [n + 1 for n in c]],
    "num_blocks_ignored": [lambda c, n=n: list(n) for n in ((2,) * 4, (1,) * 4, (3, 4, 6, 3), (3,) * 4)],
    "num_blocks_first_only": [lambda c: c[:1] * 4],
    "num_blocks_last_only": [lambda c: c[-1:] * 4],
    "num_blocks_maximum": [lambda c: [max(c)] * 4],
    "num_blocks_reversed": [lambda c: c[::-1]],
    "num_blocks_shifted": [lambda c: [*c[1:], c[-1]], lambda c: [c[0], *c[:3]]],
    "num_blocks_mixed_up": [
        lambda c, i=i, j=j: [c[j] if k == i else n for k, n in enumerate(c)]
        for i in range(4)
        for j in range(4)
        if i != j
    ],
    "blocks_doubled": [lambda c: [2 * n for n in c]],
}
"""Numbers of blocks a stage, by what num_blocks says."""


@kind((RESNET,), rank=2)
def wrong_counts(program: Program, hints: Hints) -> Found:
    """Other numbers of blocks."""
    for name, rules in COUNTS.items():
        for rule in rules:

            def change(p: Program, rule: Callable = rule) -> Program:
                return _with_counts(p, rule(counts(p)))

            yield name, change
    for mixed in _mixed_up(hints):
        rebuilt = lambda p, m=mixed: _with_counts(p, [counts(p)[i] for i in m])  # noqa: E731
        yield "num_blocks_mixed_up", rebuilt


def _with_counts(p: Program, numbers: Sequence[int]) -> Program:
    return rebuild(p, layout(p.arguments[0], numbers), features=512 * p.arguments[0])


def _mixed_up(hints: Hints) -> list[tuple[int, ...]]:
    """Which of num_blocks each stage may have used, where two stages or more use another than their own."""
    ways = list(itertools.product(range(4), repeat=4)) if hints.calls else []
    for (_, _, arguments), calls in hints.calls:
        given = arguments[1] if arguments else (2, 2, 2, 2)
        built = [sum(planes == width for _, planes, _ in calls) for width in (64, 128, 256, 512)]
        ways = [way for way in ways if [given[i] for i in way] == built] if sum(built) == len(calls) else []
    ways = [way for way in ways if sum(i != stage for stage, i in enumerate(way)) > 1]
    return sorted(ways, key=lambda way: sum(abs(i - stage) for stage, i in enumerate(way)))[:4]


STRIDES: list[tuple[str, int, Callable[[int, int, int], int]]] = [
    ("stage_1_stride_2", 0, lambda s, i, n: 2 if i == 0 else 1),
    ("no_strides", 0, lambda s, i, n: 1),
    ("stride_in_every_block", 0, lambda s, i, n: 2 if s > 1 else 1),
    ("stride_in_every_block", 0, lambda s, i, n: 2),
    ("stride_in_every_block", 0, lambda s, i, n: 2 if s > 1 or i == 0 else 1),  # "or" for "and"
    ("stride_on_last_block", 0, lambda s, i, n: 2 if s > 1 and i == n - 1 else 1),
    *(("stage_without_stride", k, lambda s, i, n, k=k: 2 if s > 1 and s != k and i == 0 else 1) for k in (4, 3, 2)),
    ("strides_shifted", 0, lambda s, i, n: 2 if s < 4 and i == 0 else 1),
    ("stride_after_first_block", 0, lambda s, i, n: 2 if s > 1 and i > 0 else 1),
    ("stride_4", 0, lambda s, i, n: 4 if s > 1 and i == 0 else 1),
]
"""Name, a stage for its sentence, and the stride by stage, index in it, and number of blocks in it."""


@kind((RESNET,))
def wrong_strides(program: Program, _: Hints) -> Found:
    """Strides at other blocks."""
    for name, stage, rule in STRIDES:

        def change(p: Program, rule: Callable = rule) -> Program:
            numbers = counts(p)
            return each_block(lambda p, o: {"stride": rule(*place(o), numbers[place(o)[0] - 1])})(p)

        yield name, change, {"value": stage}


@kind((RESNET,))
def pool_between_stages(program: Program, _: Hints) -> Found:
    """The image shrinks by pooling between the stages: in the place of a stride, or besides."""
    windows = itertools.product(("max", "avg"), ((2, 0), (3, 1)))
    for how, (kernel, padding) in windows:
        pool = op("between", "window", "", how=how, kernel=kernel, stride=2, padding=padding)
        for instead, stages in itertools.product((True, False), ((2, 3, 4), (4,), (3,), (2,), (3, 4))):

            def change(p: Program, pool: Op = pool, instead: bool = instead, stages: tuple = stages) -> Program:
                for first in [o for o in blocks(p) if place(o)[0] in stages and place(o)[1] == 0]:
                    p = p.change(first.name, stride=1) if instead else p
                    p = p.insert(first.inputs[0], pool, only=(first.name,))
                return p

            yield f"{how}_pool_between_stages", change, {"called": "max" if how == "max" else "average"}


def each_block(options: Callable[[Program, Op], dict]) -> Change:
    """Other options for each block."""

    def change(p: Program) -> Program:
        for o in blocks(p):
            p = p.change(o.name, **options(p, o))
        return p

    return change


WIDTHS = {
    "planes_never_double": [(64, 64, 64, 64)],
    "narrow_planes": [tuple(first * 2**i for i in range(4)) for first in (16, 32, 8, 24, 48)],
    "wide_planes": [(128, 256, 512, 1024)],
    "stage_planes": [
        *((64, 128, 256, 256), (64, 128, 128, 256), (64, 64, 128, 256), (64, 128, 256, 1024), (16, 16, 32, 64)),
        (64, 128, 512, 512),
    ],
}


@kind((RESNET,), sentence="stage_planes", rank=1)
def wrong_widths(program: Program, hints: Hints) -> Found:
    """Stages of other widths."""
    built = [tuple(planes for _, planes, _ in calls) for _, calls in hints.calls]  # with a block in each stage it tells
    seen = [widths for widths in built if len(widths) == 4 and widths != (64, 128, 256, 512)]
    yield "three_stages", lambda p: rebuild(p, layout(p.arguments[0], counts(p))[:3])
    for name, variants in [*WIDTHS.items(), ("stage_planes", dict.fromkeys(seen))]:
        for widths in variants:
            words = {"value": ", ".join(map(str, widths))}
            for stem in dict.fromkeys((widths[0], 64)):
                for features in (0, 512):

                    def change(
                        p: Program, widths: tuple = widths, stem: int = stem, features: int = features
                    ) -> Program:
                        expansion = p.arguments[0]
                        stages = layout(expansion, counts(p), widths, start=stem)
                        return rebuild(p, stages, stem, features * expansion)

                    yield name, change, words
    for stem in (16, 32, 128, 3):
        wider = lambda p, s=stem: rebuild(p, layout(p.arguments[0], counts(p), start=s), s)  # noqa: E731
        yield "stem_width", wider, {"value": stem}
        alone = lambda p, s=stem: p.change("conv", planes=s).change("bn", planes=s)  # noqa: E731
        yield "stem_width", alone, {"value": stem}
        yield "stem_width", lambda p, s=stem: p.change("conv", planes=s), {"value": stem}


def _expects(factor: Callable[[int], int]) -> Change:
    """Each block is built for `factor(expansion) * planes` channels of the one before."""

    def change(p: Program) -> Program:
        in_planes = 64
        for o in blocks(p):
            p = p.change(o.name, in_planes=in_planes)
            in_planes = factor(p.arguments[0]) * o["planes"]
        return p

    return change


def _head_takes(features: int) -> Change:
    """The linear layer takes in_planes as the last block leaves it: what is wrong there, is wrong here too."""
    return lambda p: p.change("linear", features=features)


ARGUMENTS: dict[str, Callable[[int, int, int, int], Call]] = {
    "in_planes, stride, planes": lambda i, p, s, e: (i, s, p),
    "planes, in_planes, stride": lambda i, p, s, e: (p, i, s),
    "in_planes, planes * block.expansion, stride": lambda i, p, s, e: (i, p * e, s),
    "in_planes, 2 * planes, stride": lambda i, p, s, e: (i, 2 * p, s),
}
"""Wrong calls of a block, by in_planes, planes, stride, expansion."""


@kind((RESNET,))
def wrong_wiring(program: Program, hints: Hints) -> Found:
    """Blocks are built for other channels than they get."""
    yield "in_planes_without_expansion", _expects(lambda e: 1)
    yield "in_planes_without_expansion", both(_expects(lambda e: 1), _head_takes(512))
    yield "expansion_hard_coded", both(_expects(lambda e: 4), lambda p: p.change("linear", features=2048))
    yield "expansion_hard_coded", _expects(lambda e: 4)
    yield "in_planes_never_updated", each_block(lambda p, o: {"in_planes": 64})
    yield "in_planes_never_updated", both(each_block(lambda p, o: {"in_planes": 64}), _head_takes(64))
    yield "in_planes_never_updated", each_block(lambda p, o: {} if place(o)[1] else {"in_planes": 64})  # set back
    yield "in_planes_updated_early", each_block(lambda p, o: {"in_planes": p.arguments[0] * o["planes"]})

    def multiplied(p: Program) -> Program:
        for index, o in enumerate(blocks(p)):
            p = p.change(o.name, in_planes=64 * p.arguments[0] ** index)
        return p

    yield "in_planes_multiplied", multiplied

    def per_stage(p: Program) -> Program:
        entering = {place(o)[0]: o["in_planes"] for o in reversed(blocks(p))}
        return each_block(lambda p, o: {"in_planes": entering[place(o)[0]]})(p)

    yield "in_planes_per_stage", per_stage
    inside = lambda p, o: {"in_planes": o["planes"]} if place(o)[1] else {}  # noqa: E731
    yield "in_planes_within_stage", each_block(inside)
    between = lambda p, o: {} if place(o)[1] else {"in_planes": o["in_planes"] // p.arguments[0]}  # noqa: E731
    first = lambda p, o: {} if place(o) == (1, 0) else between(p, o)  # noqa: E731
    yield "in_planes_between_stages", each_block(first)

    begin = [calls[0][0] for _, calls in hints.calls]
    left = [channels for channels in begin if channels != 64]
    for value in dict.fromkeys(left):
        at_start = lambda p, v=value: p.change(blocks(p)[0].name, in_planes=v)  # noqa: E731
        yield "in_planes_at_start", at_start, {"value": value}

    def kept(p: Program) -> Program:
        calls = hints.called(p)  # of another network it is not known what the one before it left
        return p.change(blocks(p)[0].name, in_planes=calls[0][0] if calls else left[0])

    if len(set(begin)) > 1:  # what one network leaves for the next depends on its blocks
        yield "in_planes_kept", kept
    for order, pick in ARGUMENTS.items():

        def called(p: Program, o: Op, pick: Callable = pick) -> dict:
            given = pick(o["in_planes"], o["planes"], o["stride"], p.arguments[0])
            return dict(zip(("in_planes", "planes", "stride"), given, strict=True))

        yield "block_arguments", each_block(called), {"value": order}


ORDERS = {
    "stages_in_wrong_order": [(4, 3, 2, 1), (2, 1, 3, 4)],
    "stage_in_place_of_another": [(1, 1, 3, 4), (1, 2, 2, 4), (1, 2, 3, 3), (1, 2, 2, 3, 4), (1, 2, 3, 3, 4)],
    "stage_repeated": [(1, 1, 2, 3, 4), (1, 2, 3, 4, 4)],
}
"""The order in which the stages are called. Where stage 2 or 3 is called twice in a row, the second call raises: it
cannot be told whether the next one is called at all."""

UNUSED_STAGES = {
    **{(1,): "stage 1 returns", (2,): "stage 2 returns before stage 3", (3,): "stage 3 returns before stage 4"},
    **{(4,): "stage 4 returns", (3, 4): "stages 3 and 4 return", (2, 3, 4): "stages 2 to 4 return"},
}
"""Stages that forward leaves out, or calls in vain. Where the channels do not agree, it cannot be told whether a stage
is called after the next one, or never."""


@kind((RESNET,))
def wrong_order(program: Program, _: Hints) -> Found:
    """Blocks are shared, left out, or applied in another order."""
    for first in (1, 0):

        def shared(p: Program, first: int = first) -> Program:
            for o in blocks(p):
                stage, index = place(o)
                if index > first:
                    original = f"stage{stage}.{first}"
                    p = p.put(p.by_name[original].but(name=o.name, inputs=o.inputs, shares=original))
            return p.state(unused_blocks=True)  # [block(...)] * 0 builds one and throws it away

        yield "repeated_block", shared
    for stages, what in UNUSED_STAGES.items():
        skip = each_block(lambda p, o, s=stages: {"called": place(o)[0] not in s})
        name = "stage_1_unused" if stages == (1,) else "stage_unused"
        yield name, skip, {"what": what}
        if len(stages) == 1:
            yield name, lambda p, s=stages[0]: _lost(p, s), {"what": what}
    for name, orders in ORDERS.items():
        for order in orders:
            twice = next((i for i, j in itertools.pairwise(order) if i == j), 0)
            yield name, lambda p, o=order: _ordered(p, o), {"value": twice, "next": twice + 1}
    yield "blocks_unused", each_block(lambda p, o: {"called": place(o)[1] == 0})
    others = lambda p: [o.name for o in blocks(p) if place(o)[1] > 0]  # noqa: E731
    yield "blocks_unused", lambda p: remove(*others(p))(p).state(unused_blocks=True)  # nor registered
    last = lambda p, o: max(place(other) for other in blocks(p) if place(other)[0] == place(o)[0])  # noqa: E731
    yield "blocks_unused", each_block(lambda p, o: {"called": place(o) == last(p, o)})


def _lost(p: Program, stage: int) -> Program:
    """A stage is called, and what it returns is lost."""
    mine = [o for o in blocks(p) if place(o)[0] == stage]
    return p.rewire(mine[-1].name, mine[0].inputs[0])


@kind((RESNET,))
def changed_blocks(program: Program, _: Hints) -> Found:
    """The network changes the BatchNorms of the blocks that it builds, and maybe its own as well."""
    for option in ("momentum", "eps"):
        values = [changes[option] for name in OPTIONS for changes in OPTIONS[name] if option in changes]
        for value in values:
            for own in ((), ("bn",)):

                def change(p: Program, own: tuple = own, option: str = option, value: float | None = value) -> Program:
                    return p.change_all([*(o.name for o in blocks(p)), *own], **{option: value})

                yield "block_batchnorms_changed", change, {"what": option, "value": value}


@kind((RESNET,), rank=-1)
def stage_called_and_lost(program: Program, _: Hints) -> Found:
    """A stage is called a second time with the same value, and what it returns is lost: printed, say."""
    for stage in range(1, 5):

        def again(p: Program, stage: int = stage) -> Program:
            mine = [o for o in blocks(p) if place(o)[0] == stage]
            value, lost = mine[0].inputs[0], []
            for o in mine:
                lost.append(o.but(name=f"{o.name}_lost", shares=o.name, inputs=(value,)))
                value = lost[-1].name
            at = p.ops.index(mine[-1]) + 1
            return replace(p, ops=(*p.ops[:at], *lost, *p.ops[at:]), returns=p.output)

        yield "called_and_lost", again, {"what": f"the BatchNorms in the blocks of stage {stage}"}


@kind((RESNET,))
def wrong_stage_input(program: Program, _: Hints) -> Found:
    """A stage gets the images, or what an early step returned; where one stage alone is left out, it is not called."""
    entries = lambda p: [o.name for o in blocks(p) if place(o)[1] == 0]  # noqa: E731
    for stage, early in ((1, "x"), (2, "x"), (3, "x"), (4, "x"), (3, "stem"), (4, "stem"), (4, "stage1")):

        def change(p: Program, stage: int = stage, early: str = early) -> Program:
            first = entries(p)[stage - 1]
            value = [o.name for o in blocks(p) if place(o)[0] == 1][-1] if early == "stage1" else early
            return p.rewire(p.by_name[first].inputs[0], value, only=(first,))

        words = {"x": "x, the images", "stem": "what your stem returns", "stage1": "what stage 1 returns"}
        yield "stage_input", change, {"value": stage, "input": words[early]}


@kind((RESNET,))
def piled_up_stages(program: Program, _: Hints) -> Found:
    """The list of blocks is not emptied between the stages, so each stage begins with the blocks of those before."""
    yield "stages_pile_up", lambda p: _ordered(p, [s for last in range(1, 5) for s in range(1, last + 1)])


def _ordered(p: Program, order: Sequence[int]) -> Program:
    """Stages in this order; a stage that comes again is the same one."""
    old = blocks(p)
    at, value, new, done = p.ops.index(old[0]), old[0].inputs[0], [], Counter()
    for number in order:
        for o in old:
            if place(o)[0] == number:
                again = {"name": o.name + "_again" * done[o.name], "shares": o.name} if o.name in done else {}
                new.append(o.but(inputs=(value,), **again))
                value = new[-1].name
                done[o.name] += 1
    held = [o.but(called=False, inputs=("x",)) for o in old if o.name not in done]
    tail = replace(p, ops=tuple(o for o in p.ops[at:] if o.kind != "block")).rewire(old[-1].name, value)
    return replace(p, ops=(*held, *p.ops[:at], *new, *tail.ops))


POOLED = {
    **{"max": "max_pool_head", "avg_max": "max_pool_head", "sum": "sum_pool_head"},
    **{"first": "first_position_head", "last": "last_position_head"},
    **dict.fromkeys(("channels", "channels_height", "all"), "mean_over_channels"),
}
OUTPUTS = {
    **{"softmax": "softmax_output", "log_softmax": "log_softmax_output", "sigmoid": "sigmoid_output"},
    **{"softmax_batch": "softmax_over_batch", "log_softmax_batch": "softmax_over_batch", "tanh": "tanh_output"},
    **{"log_sigmoid": "sigmoid_output", "normalize": "logits_normalized", "squeeze": "squeeze_of_batch"},
    **dict.fromkeys(("relu", "leaky_relu", "elu", "gelu", "softplus"), "relu_output"),
}
FLATTENED = {
    "batch_flattened": [(1, -1), (-1,)],
    "flattened_to_512": [(-1, 512)],
    "fixed_batch_size": [(size, -1) for size in (128, 64, 100, 32, 256, 4, 1000, 512, 16, 8, 2)],
}


@kind((RESNET,))
def other_head(program: Program, hints: Hints) -> Found:
    """The head does something else with the features, or with the logits."""
    for how, name in OUTPUTS.items():
        yield name, insert("linear", act("output", "", how))
    for how, called in (("softmax", "a softmax"), ("log_softmax", "a log-softmax"), ("sigmoid", "a sigmoid")):
        yield "softmax_in_eval", insert("linear", act("output", "", how, eval_only=True)), {"called": called}
        yield "softmax_in_train", insert("linear", act("output", "", how, train_only=True)), {"called": called}
    for how, name in POOLED.items():
        yield name, lambda p, h=how: p.change("pool", how=h)
    wider = lambda p, n: p.change("linear", features=n * p.by_name["linear"]["features"])  # noqa: E731
    yield "missing_average_pool", lambda p: wider(p.without("pool"), 16)
    yield "missing_average_pool", remove("pool")
    for how in ("avg_2", "max_2"):
        yield "pool_too_small", lambda p, h=how: wider(p.change("pool", how=h), 4)
        yield "pool_too_small", lambda p, h=how: p.change("pool", how=h)
    for kernel in (4, 7, 8, 5, 3):  # 4 is right, and shows where the image is not 4x4 for another reason
        pool = op("pool", "window", "", how="avg", kernel=kernel, stride=kernel, padding=0)
        change = lambda p, w=pool: p.put(w.but(inputs=p.by_name["pool"].inputs))  # noqa: E731
        window = "larger than 4x4" if kernel > 4 else f"of {kernel}x{kernel}"  # those that are too large raise the same
        yield "pool_window" if kernel != 4 else "", change, {"window": window}
    yield "missing_flatten", remove("flat")
    yield "squeeze_of_batch", lambda p: p.put(act("flat", *p.by_name["flat"].inputs, how="squeeze"))
    for name, shapes in FLATTENED.items():
        for shape in shapes:
            change = lambda p, s=shape: p.put(op("flat", "reshape", *p.by_name["flat"].inputs, shape=s))  # noqa: E731
            yield name, change, {"value": shape[0]}
    yield "features_normalized", insert("flat", act("unit", "", "normalize"))
    for how in ("sigmoid", "tanh", "softmax"):
        yield "features_squashed", insert("flat", act("squash", "", how)), {"value": how}
    for after in ("flat", "pool", lambda p: p.by_name["pool"].inputs[0]):
        bn = insert(after, lambda p: norm("head_bn", "", p.by_name["linear"]["features"]))
        yield "batchnorm_in_head", bn
        yield "batchnorm_in_head", both(bn, insert("head_bn", act("head_relu", "")))
    for factor in dict.fromkeys((0.5, 0.1, 2.0, 10.0, 0.01, *hints.factors)):
        yield "logits_scaled", insert("linear", op("factor", "scale", "", factor=factor)), {"value": factor}


@kind((RESNET,))
def other_linear(program: Program, hints: Hints) -> Found:
    """The linear layer has other sizes, or is not alone."""
    yield "head_without_bias", lambda p: p.change("linear", bias=False)
    for classes in (10, 100, 1000, 9, 11, 1, 2, 512):
        name = "num_classes_hard_coded" if classes == 10 else "wrong_num_classes"
        yield name, lambda p, c=classes: p.change("linear", classes=c), {"value": classes}
    for features in (512, 2048, 256, 64, 1024, 8192, 4096):
        name = "head_without_expansion" if features == 512 else "head_features"
        yield name, lambda p, f=features: p.change("linear", features=f), {"value": features}
    twice = lambda p: p.change("linear", features=512 * p.arguments[0] ** 2)  # noqa: E731
    yield "head_expansion_twice", twice

    def swapped(p: Program) -> Program:
        linear = p.by_name["linear"]
        return p.change("linear", features=linear["classes"], classes=linear["features"])

    yield "linear_swapped", swapped
    hows = ("relu", "", "tanh", "gelu", "sigmoid", "leaky_relu", "elu", "silu", "batchnorm")
    for hidden in sorted(hints.sizes - {1, 3, 7}):
        for how in hows:
            for bias in (True, False):
                yield "hidden_layer", lambda p, n=hidden, h=how, b=bias: _deeper(p, n, h, b)
    second = lambda p: p.by_name["linear"].but(name="second", features=p.by_name["linear"]["classes"])  # noqa: E731
    yield "hidden_layer", insert("linear", second)


def _deeper(p: Program, hidden: int, how: str, bias: bool) -> Program:
    """A hidden layer in the head, and what comes behind it."""
    old = p.by_name["linear"]
    layers = [op("hidden", "linear", "", features=old["features"], classes=hidden, bias=bias)]
    if how == "batchnorm":
        layers.append(norm("hidden_bn", "", hidden))
    if how:
        layers.append(act("hidden_act", "", "relu" if how == "batchnorm" else how))
    p, after = p.change("linear", features=hidden), old.inputs[0]
    for one in layers:
        p, after = p.insert(after, one, only=("linear",)), one.name
    return p
