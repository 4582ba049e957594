"""What mistakes that come together cost: no more points than with one of them, and each is charged once."""

from dataclasses import replace

import pytest

from autograder.course.rubric import standard_rubric
from autograder.grading import edited_student
from autograder.grading.charge import charge, is_charge
from autograder.grading.grade import run_suite
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.oracle import diagnosis_of
from autograder.suite.cap import apply_cap
from tests.grader.conftest import ROOT, student_of


def points_of(source: str, question: str, tmp_path) -> tuple[set[str], float]:
    """The names of the mistakes of a question's class, and its points."""
    student = student_of(source, tmp_path)
    outcomes = run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=[question])
    diagnosis = diagnosis_of(student, question)
    points = sum(outcome.points for outcome in apply_cap(charge(outcomes, standard_rubric())))
    return set(diagnosis.names if diagnosis else ()), points


@pytest.mark.parametrize(
    ("name", "names", "points"),
    [
        ("q1_projection_only_on_both_without_batchnorm", {"projection_only_on_both", "shortcut_without_batchnorm"}, 15),
        ("q1_no_padding_and_no_shortcut", {"no_padding", "no_shortcut_add"}, 5),
        ("q1_stride_ignored_and_no_padding", {"stride_ignored", "no_padding"}, 10),
        (
            "q1_stride_on_second_conv_and_not_on_shortcut",
            {"stride_on_second_conv", "shortcut_without_stride"},
            15,
        ),
        ("q1_relu_in_place_and_shortcut_of_residual", {"relu_on_input", "shortcut_of_residual"}, 10),
        ("q1_stride_as_flag", {"stride_as_flag"}, 15),
        ("q1_second_conv_takes_in_planes_shortcut_first", {"second_conv_takes_in_planes"}, 20),
        ("q1_no_padding_shortcut_first", {"no_padding"}, 12.5),
        ("q2_last_batchnorm_to_planes_shortcut_first", {"last_batchnorm_to_planes"}, 12.5),
        ("q2_last_layers_to_planes", {"conv_width"}, 12.5),
        ("q2_basic_block_convolutions", {"basic_block_convolutions"}, 10),
        ("q2_missing_last_1x1", {"missing_last_1x1"}, 15),
        ("q2_copy_of_basic_block", {"basic_block_convolutions", "expansion_1"}, 5),
    ],
)
def test_each_mistake_is_named_and_charged(name, names, points, tmp_path):
    entry = entries()[name]
    assert points_of(complete(entry, solved_source()), entry.question, tmp_path) == (names, points)


@pytest.mark.parametrize(
    "returned", ["out + self.shortcut(x)", "F.relu(out) + self.shortcut(x)", "F.relu(out + 2 * self.shortcut(x))"]
)
def test_a_bottleneck_that_is_a_basic_block_gains_nothing_by_another_mistake(returned, tmp_path):
    entry = entries()["q2_copy_of_basic_block"]
    source = complete(entry, solved_source()).replace("F.relu(out + self.shortcut(x))", returned)
    names, points = points_of(source, "q2", tmp_path)
    assert "basic_block_convolutions" in names
    assert points < 5


def test_mistakes_that_do_not_explain_all_earn_half_at_most(tmp_path, monkeypatch):
    """Where another mistake is there, and it may be many things, the function is not explained."""
    right = "return F.relu(out + self.shortcut(x))"
    source = solved_source().replace(right, "return F.relu(out) + self.shortcut(x)", 1)
    assert points_of(source, "q1", tmp_path) == ({"relu_before_add"}, 20)

    def diagnose(student, question):
        diagnosis = diagnosis_of(student, question)
        return diagnosis and replace(diagnosis, complete=False)

    monkeypatch.setattr(edited_student, "diagnosis_of", diagnose)
    assert points_of(source, "q1", tmp_path) == ({"relu_before_add"}, 12.5)


def test_a_shortcut_from_outside_is_called_so_beside_another_mistake(tmp_path):
    """Not that it is always x itself; and what forward calls where it is None costs no more than its price."""
    entry = entries()["q1_downsample_called_where_it_is_none"]
    student = student_of(complete(entry, solved_source()), tmp_path)
    outcomes = run_suite(student, [ROOT / "tests/public", ROOT / "tests/hidden"], only=["q1"])
    lines = {outcome.mistakes: outcome.points for outcome in charge(outcomes, standard_rubric()) if is_charge(outcome)}
    assert lines == {("shortcut_from_outside",): -10, ("shortcut_call_inverted",): -10}


@pytest.mark.parametrize(
    ("right", "wrong", "names", "points"),
    [
        ("bias=False", "bias=True", {"stem_bias", "resnet18_depth"}, 30 - 2.4 - 3),
        ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))", {"missing_stem_relu", "resnet18_depth"}, 21),
    ],
)
def test_a_mistake_is_charged_for_the_checks_that_it_fails_alone(right, wrong, names, points, tmp_path):
    """ResNet18 of other depths fails one check of 3 points, whatever else is wrong in ResNet."""
    before, name, network = solved_source().partition("class ResNet(")
    assert right in network
    network = network.replace(right, wrong, 1).replace("(BasicBlock, [2, 2, 2, 2])", "(BasicBlock, [3, 4, 6, 3])")
    assert points_of(before + name + network, "q3", tmp_path) == (names, points)
