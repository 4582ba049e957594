"""The suite against small changes of the solution, and against chance: samples of the two full runs."""

import tempfile
from pathlib import Path

import pytest

from autograder.maintain.gallery import load_gallery
from autograder.maintain.mutation import Mutant, equivalent, fate, mutants
from autograder.maintain.samples import GALLERY
from benchmarks.stability import missed, unfair

EVERY = 14
"""Of the mutants, so many make one that is judged here; `python -m autograder.maintain.mutation` judges all."""


def test_there_are_enough_mutants():
    found = mutants()
    assert len(found) >= 300
    assert {mutant.name for mutant in found} == {"BasicBlock", "Bottleneck", "ResNet", "ResNet18"}


@pytest.mark.parametrize("mutant", mutants()[::EVERY], ids=lambda mutant: f"{mutant.name}: {mutant.line}")
def test_mutant_does_not_survive(mutant: Mutant):
    assert fate(mutant) != "survived"


def test_equivalence_is_no_excuse():
    """A mutant that differs in one gradient, or in one running statistic, is not equivalent."""
    first = next(m for m in mutants() if m.name == "BasicBlock")
    whole = next(m.source for m in mutants() if m.operator == "change constant" and m.name == "ResNet18")
    assert not equivalent(Mutant("ResNet18", "", "", whole))
    detached = first.source.replace("self.shortcut(x)", "self.shortcut(x).detach()")
    assert detached != first.source
    assert not equivalent(Mutant("BasicBlock", "", "", detached))


def test_solution_never_loses_a_point():
    with tempfile.TemporaryDirectory() as scratch:
        assert unfair(6, Path(scratch)) == []


@pytest.mark.parametrize("entry", [e for e in load_gallery(GALLERY) if not e.right][::12], ids=lambda e: e.name)
def test_wrong_entry_is_always_caught(entry):
    with tempfile.TemporaryDirectory() as scratch:
        assert missed(entry, 3, Path(scratch)) == []
