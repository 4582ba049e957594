"""Entries of the gallery that get the name of their mistake, and no other."""

import pytest

from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.oracle import diagnosis_of
from tests.grader.conftest import student_of


@pytest.mark.parametrize(
    ("entry", "names", "words"),
    [
        ("q3_stage_4_forgotten", ("stage_unused",), "what stage 4 returns"),
        ("q3_stage_4_lost", ("stage_unused",), "what stage 4 returns"),
        ("q3_stages_3_and_4_forgotten", ("stage_unused",), "what stages 3 and 4 return"),
        ("q3_maxpool_and_window", ("maxpool_in_stem",), "max-pool"),
    ],
)
def test_what_raises_behind_another_right_way_is_named(entry, names, words, tmp_path):
    """A pooling of 4x4 is right until another mistake leaves another size; neither alone raises the same."""
    diagnosis = diagnosis_of(student_of(complete(entries()[entry], solved_source()), tmp_path), "q3")
    assert diagnosis.names == names
    assert words in diagnosis.sentences[0]


@pytest.mark.parametrize(
    ("entry", "part"), [("q1_forward_is_empty", "Part 2"), ("q3_forward_ends_after_the_stem", "Part 4")]
)
def test_half_of_a_forward_pass_lacks_a_return_and_nothing_else(entry, part, tmp_path):
    """What is not called leaves running statistics as they are: no option of a BatchNorm is the reason."""
    student = student_of(complete(entries()[entry], solved_source()), tmp_path)
    diagnosis = diagnosis_of(student, entries()[entry].question)
    assert (diagnosis.names, diagnosis.complete) == (("no_return",), True)
    assert diagnosis.sentences[0].endswith(f"Read again: {part} of the notebook.")


def test_a_1x1_convolution_that_keeps_all_channels_is_no_squeeze(tmp_path):
    """One mistake: no convolution is one too many."""
    student = student_of(complete(entries()["q2_squeeze_keeps_channels"], solved_source()), tmp_path)
    assert diagnosis_of(student, "q2").names == ("missing_squeeze",)


def test_a_network_whose_stages_are_not_written_is_told_to_build_blocks(tmp_path):
    source = "\n".join(line for line in solved_source().split("\n") if "= self._make_stage(" not in line)
    diagnosis = diagnosis_of(student_of(source, tmp_path), "q3")
    assert diagnosis.names == ("block_ignored",)
    assert "call `block` for each block of the stages" in diagnosis.sentences[0]
