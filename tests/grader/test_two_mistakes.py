"""Two mistakes in one class are both named, and nothing is named that only may be there."""

import tracemalloc

import pytest

from autograder.maintain.testbed import HINTS, judge
from autograder.oracle.edits import Edit, catalogue
from autograder.oracle.matching import MOST_ATTEMPTS, _products


def find_edit(kind: str, name: str, words: str) -> Edit:
    """The edit of a class with this name and these words in its sentence."""
    return next(edit for edit in catalogue(kind, HINTS) if edit.name == name and words in edit.sentence)


@pytest.mark.parametrize(
    ("kind", "style", "first", "second"),
    [
        ("BasicBlock", "parameters", ("convolution_frozen", "your shortcut"), ("group_norm", "your first BatchNorm")),
        ("BasicBlock", "attributes", ("dilated_conv", "your first"), ("avg_pool_in_block", "your first BatchNorm")),
        ("BasicBlock", "parameters", ("tanh", "your first ReLU and"), ("avg_pool_in_block", "your first ReLU")),
        ("Bottleneck", "helper", ("kernel_7", "your second"), ("extra_conv", "")),
        ("Bottleneck", "attributes", ("stride_on_all_convs", ""), ("batchnorm_momentum", "your second")),
        ("ResNet", "parameters", ("stem_5x5", ""), ("narrow_planes", "24, 48")),
        ("ResNet", "list", ("stem_softsign", ""), ("parameters_of_resnet", "has no default")),
    ],
)
def test_both_are_named(kind, style, first, second):
    """With the same tensors as the right class, with others, where the code raises, and where a constructor does."""
    verdict, names = judge(kind, [find_edit(kind, *first), find_edit(kind, *second)], style)
    assert (verdict, set(names)) == ("exact", {first[0], second[0]})


def test_what_cannot_be_told_is_not_named():
    """Every pass raises in the first block, whatever pooling comes before: the pooling may be another one."""
    edits = [find_edit("ResNet", "avgpool_in_stem", ""), find_edit("ResNet", "in_planes_never_updated", "")]
    assert judge("ResNet", edits, "attributes") == ("part", ("in_planes_never_updated",))


def test_many_tensors_of_one_shape_take_little_memory():
    """A network of many equal blocks: the ways to assign their tensors are counted, not stored."""
    names = [f"stage1.{i}.weight" for i in range(9)]
    tracemalloc.start()
    try:
        ways = _products([(names, names)] * 2)
        assert next(ways) == dict(zip(names, names, strict=True))
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST_ATTEMPTS * 1000
    finally:
        tracemalloc.stop()
