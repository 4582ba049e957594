"""The catalogue of mistakes: each is well named, changes the design, and computes something else."""

import re
from pathlib import Path

import pytest
import torch

from autograder.maintain.gallery import load_gallery
from autograder.oracle.design import Design, basic_block, bottleneck, inventory, network
from autograder.oracle.mistakes import CATALOGUE, Mistake, catalogue
from autograder.oracle.reference import Weights, compute

DESIGNS = {
    "BasicBlock": [basic_block(*shape) for shape in [(4, 4, 1), (3, 4, 1), (4, 4, 2), (3, 4, 2)]],
    "Bottleneck": [bottleneck(*shape) for shape in [(16, 4, 1), (4, 4, 1), (16, 4, 2), (3, 4, 2)]],
    "ResNet": [network(1, (1, 1, 1, 1), 7), network(2, (1, 2, 3, 1), 3)],
}
"""The identity shortcut and each reason for a projection; different depths, widths and numbers of classes."""
REPLAYED = [m for m in CATALOGUE if not m.shapes_only]


def identity(mistake: Mistake) -> str:
    """Unique in test reports: several entries may share a name."""
    same = [m for m in CATALOGUE if m.name == mistake.name]
    number = next(i for i, m in enumerate(same) if m is mistake)
    return f"{mistake.name}-{number}" if number else mistake.name


def changes(mistake: Mistake, kind: str) -> list[tuple[Design, Design]]:
    """Pairs of a right design and what the mistake makes of it, where it makes a difference."""
    pairs = [(design, mistake.change(design)) for design in DESIGNS[kind]]
    return [(design, changed) for design, changed in pairs if changed is not None and changed != design]


def drawn(design: Design) -> Weights:
    """Random weights that leave nothing without effect, the same for every tensor of the same name and shape."""
    weights = {}
    for role in inventory(design):
        generator = torch.Generator().manual_seed(sum(map(ord, role.name)))
        value = torch.randn(role.shape, generator=generator, dtype=torch.double)
        if role.kind == "var":
            value = value.abs() + 0.5
        elif role.kind == "gamma":
            value = value * 4  # ReLU6 shows in large values only
        elif role.kind == "weight":
            value = value * (2 / value[0].numel()) ** 0.5
        weights[role.name] = value.requires_grad_(role.kind not in ("mean", "var"))
    return weights


def behaviour(design: Design, x: torch.Tensor) -> dict[str, torch.Tensor | None]:
    """Output in eval mode, in train mode, running statistics, gradients; {} where shapes do not fit together."""
    weights, x = drawn(design), x.clone().requires_grad_()
    seen: dict[str, torch.Tensor | None] = {}
    try:
        seen["eval"] = compute(design, weights, x, training=False)[0]
        seen["train"], updates = compute(design, weights, x, training=True)
    except RuntimeError:
        return {}
    if seen["train"].requires_grad:
        upstream = torch.linspace(-1, 2, seen["train"].numel(), dtype=torch.double)
        seen["train"].backward(upstream.view_as(seen["train"]))
    gradients = {f"gradient of {name}": weight.grad for name, weight in weights.items() if weight.requires_grad}
    return {**seen, **updates, **gradients, "gradient of x": x.grad}


def same(one: dict, other: dict) -> bool:
    """To rounding; a gradient that is missing is one of zeros."""
    if one.keys() != other.keys():
        return False
    for name, value in one.items():
        a, b = (torch.zeros(()) if v is None else v.detach() for v in (value, other[name]))
        if a.shape != b.shape and a.any() and b.any():
            return False
        if float((a - b).abs().max() if a.shape == b.shape else (a.abs().max() + b.abs().max())) > 1e-9:
            return False
    return True


def test_catalogue_is_large():
    """As many distinct mistakes as a course of 300 makes."""
    assert len({m.name for m in CATALOGUE}) >= 60
    for kind, design in DESIGNS.items():
        assert len(catalogue(kind)) >= 30
        assert all(kind in m.kinds for m in catalogue(kind)), design


@pytest.mark.parametrize("mistake", CATALOGUE, ids=identity)
def test_it_is_said_well(mistake):
    """A name for tables, a sentence for the student, a place to read again."""
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", mistake.name)
    assert mistake.kinds
    assert set(mistake.kinds) <= set(DESIGNS)
    assert re.fullmatch(r"(?s)[A-Z].{15,}[.?]", mistake.sentence)
    assert "  " not in mistake.sentence
    assert re.search(r"section \d|Parts? \d( and \d)? of the notebook", mistake.reading)


@pytest.mark.parametrize("mistake", CATALOGUE, ids=identity)
def test_it_changes_the_design(mistake):
    """For each kind of module that it can happen to, at least one shape shows it."""
    for kind in mistake.kinds:
        assert changes(mistake, kind), kind


@pytest.mark.parametrize("mistake", REPLAYED, ids=identity)
def test_it_computes_something_else(mistake):
    """Other tensors, or with the same ones another output, other statistics or other gradients."""
    for kind in mistake.kinds:
        size = (2, 3, 16, 16) if kind == "ResNet" else None
        for design, changed in changes(mistake, kind):
            if inventory(design) != inventory(changed):
                break
            shape = size or (3, design.layers[0].in_planes, 8, 6)
            x = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.double)
            if not same(behaviour(design, x), behaviour(changed, x)):
                break
        else:
            pytest.fail(f"{kind}: nothing that can be observed differs")


def test_labels_of_the_gallery_are_known():
    """What a wrong submission is labelled with is in the catalogue, for the class that it changes."""
    kinds = {"q1": "BasicBlock", "q2": "Bottleneck", "q3": "ResNet"}
    for entry in load_gallery(Path(__file__).parent / "gallery"):
        if entry.misconception:
            assert entry.misconception in {m.name for m in catalogue(kinds[entry.question])}, entry.name


def test_every_mistake_has_an_example():
    """The gallery shows each name of the catalogue at least once."""
    shown = {entry.misconception for entry in load_gallery(Path(__file__).parent / "gallery")}
    assert {m.name for m in CATALOGUE} - shown == set()
