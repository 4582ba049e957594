"""The network's stages: their strides, their blocks, what is wired to what."""

from collections.abc import Callable
from dataclasses import replace

from autograder.oracle.design import Network, network
from autograder.oracle.mistakes.changes import of_network
from autograder.oracle.mistakes.entry import PAPER_NETWORK, PART_4, RESNET, Mistake


def _strides(rule: Callable[[int, int], int]) -> Callable[[Network], Network]:
    """New strides by (stage number from 1, index in the stage)."""

    def change(net: Network) -> Network:
        stages = tuple(
            tuple(replace(p, stride=rule(number, index)) for index, p in enumerate(stage))
            for number, stage in enumerate(net.stages, start=1)
        )
        return replace(net, stages=stages)

    return change


def _counts(rule: Callable[[list[int]], list[int]]) -> Callable[[Network], Network | None]:
    """Other numbers of blocks in the stages."""

    def change(net: Network) -> Network | None:
        counts = rule([len(stage) for stage in net.stages])
        if counts == [len(stage) for stage in net.stages]:
            return None
        expansion = net.stages[0][0].expansion
        changed = network(expansion, tuple(counts), net.num_classes)
        return replace(changed, stem=net.stem, head_features=512 * expansion)  # also where no block is left in stage 4

    return change


def _expansion_taken_as(expansion: int) -> Callable[[Network], Network | None]:
    """Each block is built for expansion * planes channels of the one before, whatever the block's own expansion is."""

    def change(net: Network) -> Network | None:
        in_planes, stages = 64, []
        for stage in net.stages:
            changed = []
            for probe in stage:
                changed.append(replace(probe, in_planes=in_planes))
                in_planes = expansion * probe.planes
            stages.append(tuple(changed))
        return replace(net, stages=tuple(stages)) if tuple(stages) != net.stages else None

    return change


def _expansion_4(net: Network) -> Network | None:
    changed = _expansion_taken_as(4)(net)
    return None if changed is None else replace(changed, head_features=4 * 512)


def _repeated(net: Network) -> Network | None:
    return replace(net, shared=True) if any(len(stage) > 2 or _alike(stage) for stage in net.stages) else None


def _alike(stage: tuple) -> bool:
    return len(stage) > 1 and stage[0] == stage[1]


def _widths(first: int, factor: int) -> Callable[[Network], Network]:
    """Other planes: `first` in stem and stage 1, `factor` times as many in each further stage."""

    def change(net: Network) -> Network:
        in_planes, stages = first, []
        for number, stage in enumerate(net.stages):
            changed = []
            for probe in stage:
                changed.append(replace(probe, in_planes=in_planes, planes=first * factor**number))
                in_planes = changed[-1].planes * probe.expansion
            stages.append(tuple(changed))
        return replace(net, stem=replace(net.stem, out_planes=first), stages=tuple(stages))

    return change


STAGES = (
    Mistake(
        "stage_1_stride_2",
        RESNET,
        _strides(lambda stage, index: 2 if index == 0 else 1),
        "Your first stage has stride 2; the image is halved from the second stage on.",
        PAPER_NETWORK,
    ),
    Mistake(
        "no_strides",
        RESNET,
        _strides(lambda stage, index: 1),
        "None of your stages shrinks the image: the first block of stages 2, 3 and 4 has stride 2.",
        PAPER_NETWORK,
    ),
    Mistake(
        "stride_in_every_block",
        RESNET,
        _strides(lambda stage, index: 2 if stage > 1 else 1),
        "Every block of a stage carries the stride; only the first one does.",
        PAPER_NETWORK,
    ),
    Mistake(  # probes are 1x1: which of the three it is makes no difference to what they compute
        "stage_without_stride",
        RESNET,
        _strides(lambda stage, index: 2 if stage in (2, 3) and index == 0 else 1),
        "One of stages 2, 3 and 4 does not shrink the image: the first block of each has stride 2.",
        PAPER_NETWORK,
    ),
    Mistake(  # without another stage nothing runs, and there is nothing to compare
        "stage_1_unused",
        RESNET,
        of_network(skipped_stages=(1,)),
        "Your forward pass leaves out stage 1, although it is built.",
        PART_4,
    ),
    Mistake(
        "blocks_in_list",
        RESNET,
        of_network(registered=False),
        "Your blocks sit in a Python list, where PyTorch does not see them: they are neither trained nor moved to the "
        "GPU. Use nn.Sequential or nn.ModuleList.",
        PART_4,
        shapes_only=True,
    ),
    Mistake(
        "in_planes_without_expansion",
        RESNET,
        _expansion_taken_as(1),
        "After a block your in_planes becomes planes; what leaves the block has planes * block.expansion channels.",
        PART_4,
        shapes_only=True,
    ),
    Mistake(
        "expansion_hard_coded",
        RESNET,
        _expansion_4,
        "Your network expects 4 * planes channels from every block; it should expect planes * block.expansion: the "
        "expansion of a basic block is 1.",
        PART_4,
        shapes_only=True,
    ),
    Mistake(
        "repeated_block",
        RESNET,
        _repeated,
        "Blocks of a stage are one and the same object, so they share their weights: build a new block each time.",
        PART_4,
    ),
    Mistake(
        "one_block_too_few",
        RESNET,
        _counts(lambda counts: [max(count - 1, 1) for count in counts]),
        "Your stages have one block less than num_blocks says.",
        PART_4,
    ),
    Mistake(
        "one_block_too_few",
        RESNET,
        _counts(lambda counts: [count - 1 for count in counts]),
        "Your stages have one block less than num_blocks says, none at all where it says 1.",
        PART_4,
    ),
    Mistake(
        "one_block_too_many",
        RESNET,
        _counts(lambda counts: [count + 1 for count in counts]),
        "Your stages have one block more than num_blocks says.",
        PART_4,
    ),
    Mistake(
        "num_blocks_ignored",
        RESNET,
        _counts(lambda counts: [2, 2, 2, 2]),
        "Your network always has two blocks in each stage: num_blocks is ignored.",
        PART_4,
    ),
    Mistake(
        "num_blocks_ignored",
        RESNET,
        _counts(lambda counts: [1, 1, 1, 1]),
        "Your network always has one block in each stage: num_blocks is ignored.",
        PART_4,
    ),
    Mistake(
        "num_blocks_first_only",
        RESNET,
        _counts(lambda counts: counts[:1] * 4),
        "Every stage has as many blocks as the first one: use num_blocks[0] to num_blocks[3].",
        PART_4,
    ),
    Mistake(
        "num_blocks_reversed",
        RESNET,
        _counts(lambda counts: counts[::-1]),
        "Your stages take num_blocks from the end.",
        PART_4,
    ),
    Mistake(
        "three_stages",
        RESNET,
        lambda n: replace(n, stages=n.stages[:3]),
        "Your network has three stages; there are four, with 64, 128, 256 and 512 planes.",
        PAPER_NETWORK,
    ),
    Mistake(
        "planes_never_double",
        RESNET,
        _widths(64, 1),
        "All your stages have 64 planes; each stage but the first doubles them.",
        PAPER_NETWORK,
    ),
    Mistake(
        "narrow_planes",
        RESNET,
        _widths(16, 2),
        "Your stages have 16, 32, 64 and 128 planes; here they have 64, 128, 256 and 512.",
        PAPER_NETWORK,
    ),
    Mistake(
        "narrow_planes",
        RESNET,
        _widths(32, 2),
        "Your stages have 32, 64, 128 and 256 planes; here they have 64, 128, 256 and 512.",
        PAPER_NETWORK,
    ),
)
