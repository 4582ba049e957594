"""Two mistakes in one class are both named, and nothing is named that only may be there."""

import tracemalloc

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.course.rubric import standard_rubric
from autograder.grading.charge import charge, is_charge
from autograder.grading.grade import run_suite
from autograder.maintain.build import solved_source
from autograder.maintain.testbed import HINTS, judge
from autograder.oracle import diagnosis_of
from autograder.oracle.edits import Edit, catalogue
from autograder.oracle.matching import MOST_ATTEMPTS, _products
from autograder.oracle.observe import Observation, differ_at_peak, difference
from autograder.suite.cap import apply_cap
from tests.grader.conftest import ROOT, student_of


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
        (
            "Bottleneck",
            "attributes",
            ("relu_before_and_after_add", ""),
            ("batchnorm_eps", "last BatchNorm is 0.001"),
        ),
        (
            "Bottleneck",
            "parameters",
            ("relu_before_and_after_add", ""),
            ("batchnorm_eps", "first BatchNorm is 0.1"),
        ),
        ("Bottleneck", "helper", ("shortcut_relu", ""), ("missing_last_relu", "")),
        (
            "Bottleneck",
            "attributes",
            ("shared_batchnorm", "first BatchNorm and"),
            ("expansion_wrong", "is 1"),
        ),
        ("BasicBlock", "attributes", ("batchnorm_result_lost", "your second"), ("projection_only_on_width", "")),
        ("BasicBlock", "attributes", ("shortcut_without_batchnorm", ""), ("projection_only_on_both", "")),
        ("BasicBlock", "list", ("shortcut_without_batchnorm", ""), ("projection_only_on_width", "")),
        ("Bottleneck", "attributes", ("shortcut_relu", ""), ("projection_only_on_stride", "")),
        (
            "BasicBlock",
            "attributes",
            ("no_padding", "(your second convolution)"),
            ("no_shortcut_add", "is never called"),
        ),
        ("BasicBlock", "attributes", ("no_padding", "(your second convolution)"), ("stride_ignored", "")),
        ("BasicBlock", "attributes", ("no_padding", "(your second convolution)"), ("shortcut_of_residual", "")),
        ("Bottleneck", "attributes", ("no_padding", "(your second convolution)"), ("no_shortcut_add", "never adds it")),
        ("BasicBlock", "attributes", ("stride_on_second_conv", ""), ("shortcut_without_stride", "")),
        ("Bottleneck", "list", ("stride_on_first_1x1", ""), ("shortcut_without_stride", "")),
        ("ResNet", "attributes", ("softmax_in_train", "log-softmax"), ("stage_1_stride_2", "")),
        ("BasicBlock", "list", ("shortcut_2x2", ""), ("separable_conv", "all your convolutions")),
        ("BasicBlock", "parameters", ("shortcut_average_pool", ""), ("stochastic_depth", "In train mode")),
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
    of_the_stem_alone = [edit for edit in catalogue("ResNet", HINTS) if edit.name == "stem_width"][1]
    edits = [find_edit("ResNet", "avgpool_in_stem", ""), of_the_stem_alone]
    assert judge("ResNet", edits, "attributes") == ("part", ("stem_width",))


def test_statistics_of_blocks_before_one_that_raises_tell_what_they_got():
    """A block of stage 2 raises; the BatchNorm of the first block knows which pooling comes before."""
    edits = [find_edit("ResNet", "avgpool_in_stem", ""), find_edit("ResNet", "in_planes_never_updated", "")]
    verdict, names = judge("ResNet", edits, "attributes")
    assert (verdict, set(names)) == ("exact", {"avgpool_in_stem", "in_planes_never_updated"})


def test_another_mistake_that_does_the_same_is_looked_for():
    """What the block returns does not depend on the number that is learned: a PReLU would do the same with it."""
    edits = [
        find_edit("BasicBlock", "shortcut_scaled", "learned"),
        find_edit("BasicBlock", "wrong_value_returned", "first"),
    ]
    assert judge("BasicBlock", edits, "helper") == ("part", ("wrong_value_returned",))


@pytest.mark.parametrize("kind", ["BasicBlock", "Bottleneck"])
@pytest.mark.parametrize("name", ["default_stride", "no_stride_argument"])
def test_mistakes_of_a_constructor_are_written_for_the_test_bed(kind, name):
    assert judge(kind, [find_edit(kind, name, "")], "list") == ("exact", (name,))


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6), st.floats(-1e-3, 1e-3), st.integers(0, 5))
def test_the_quick_look_at_an_output_refuses_nothing_that_agrees(values, change, where):
    seen = Observation("eval", torch.ones(1), None, torch.tensor(values))
    exact = seen.output.double()
    exact[where % len(values)] += change
    expected = Observation("eval", torch.ones(1), None, exact)
    assert not differ_at_peak(expected, seen) or difference(expected, seen)


def test_the_quick_look_at_an_output_refuses_what_is_far_off():
    seen = Observation("eval", torch.ones(1), None, torch.tensor([1.0, -2.0, 0.5]))
    assert differ_at_peak(Observation("eval", torch.ones(1), None, torch.tensor([1.0, -1.9, 0.5]).double()), seen)


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


DROPOUT = [
    ("F.dropout(out, 0.3, self.training)", "out", ("dropout",), 20),
    ("F.dropout(out, 0.3)", "out", ("dropout_in_eval",), 20),
    ("F.dropout(out, 0.3, self.training)", "out.detach()", ("dropout", "residual_detached"), 15),
    ("F.dropout(out, 0.3)", "out.detach()", ("dropout_in_eval", "residual_detached"), 15),
    ("F.dropout(out, 0.3, self.training)", "(out + 1)", ("dropout",), 2),
    ("F.dropout(out, 0.3)", "(out + 1)", ("dropout_in_eval",), 2),
]


@pytest.mark.parametrize(("dropped", "added", "names", "points"), DROPOUT)
def test_dropout_hides_no_other_mistake(dropped, added, names, points, tmp_path):
    """It is switched off, and the checks run again: what fails then fails for another reason."""
    right = "        # First add, then ReLU: with the ReLU before the addition, a block could never subtract.\n"
    end = f"{right}        return F.relu(out + self.shortcut(x))"
    source = solved_source()
    assert source.count(end) == 1
    wrong = f"        out = {dropped}\n        return F.relu({added} + self.shortcut(x))"
    student = student_of(source.replace(end, wrong), tmp_path)
    assert diagnosis_of(student, "q1").names == names
    outcomes = charge(
        run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=["q1"]), standard_rubric()
    )
    lines = [outcome for outcome in outcomes if is_charge(outcome)]
    assert {line.mistakes for line in lines} == {(name,) for name in names}
    assert len({line.message.mistake.split("\n")[0] for line in lines}) == len(names)
    assert sum(outcome.points for outcome in apply_cap(outcomes)) == points


def test_a_mistake_that_is_one_of_two_is_charged_beside_another(tmp_path):
    """Stage 1 has stride 2, so the last map is 2x2: a max-pool over it and one with a window of 2x2 are the same."""
    source = solved_source()
    for right, wrong in (
        ("block, 64, num_blocks[0], stride=1", "block, 64, num_blocks[0], stride=2"),
        ("F.adaptive_avg_pool2d(out, 1)", "F.adaptive_max_pool2d(out, 1)"),
    ):
        assert source.count(right) == 1
        source = source.replace(right, wrong)
    outcomes = run_suite(student_of(source, tmp_path), [ROOT / "tests/public", ROOT / "tests/hidden"], only=["q3"])
    charged = charge(outcomes, standard_rubric())
    lines = {outcome.mistakes[0]: outcome for outcome in charged if is_charge(outcome)}
    assert set(lines) == {"stage_1_stride_2", "max_pool_head|pool_too_small"}
    line = lines["max_pool_head|pool_too_small"]
    assert line.title == "max pool head or pool too small"
    assert line.message.mistake.startswith("Besides, your code does what each of these mistakes does: Your head takes")
    assert sum(outcome.points for outcome in charged) == 18
