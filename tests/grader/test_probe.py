"""The probe block: what is built of it is known, also where blocks are copied or thrown away."""

import copy

from autograder.student.probe import calls_of, make_probe


def test_a_block_that_is_thrown_away_does_not_count_where_the_others_are_the_expected_ones():
    probe = make_probe(2)
    expansion = probe(64, 64).weight.shape[0] // 64
    kept = [probe(64, 64), probe(64 * expansion, 128, 2)]
    assert probe.calls == [(64, 64, 1), (64, 64, 1), (128, 128, 2)]
    assert calls_of(probe, [(128, 128, 2), (64, 64, 1)]) == probe.kept == [block._built_with for block in kept]
    assert calls_of(probe, [(64, 64, 1)]) == probe.calls


def test_a_copy_is_listed_as_a_block():
    probe = make_probe(1)
    block = probe(64, 128, 2)
    twin = copy.deepcopy(block)
    assert probe.calls == probe.kept == [(64, 128, 2)] * 2
    assert twin._number == 2
    assert twin.weight is not block.weight
