"""Which of the student's tensors plays which role, whatever their names and order are.

Shapes decide first. Where several tensors have the same shape, the few orders that remain are tried, the order of
definition first; one that reproduces the output on fresh random weights proves the function. Names only sort the
attempts: tensors with a common prefix ("bn1.") that make up one BatchNorm stay together.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from autograder.oracle.design import Role

MOST_ATTEMPTS = 1500
"""Assignments tried before giving up: three BatchNorms in free style have 3!^4 = 1,296."""
BATCHNORM_ENDINGS = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "var": "running_var"}


@dataclass(frozen=True)
class Found:
    """One of the student's tensors; `kind` is that of `Role`, as far as it can be told."""

    name: str
    kinds: frozenset[str]
    shape: tuple[int, ...]


def look_at(state: Mapping[str, Tensor], parameters: frozenset[str]) -> list[Found]:
    """What the tensors of a fresh module can be: shapes, who learns them, and what they start with tell.

    Args:
        state: the module's `state_dict()`.
        parameters: names of those that are parameters; the others are buffers.
    """
    found = []
    for name, value in state.items():
        if not value.is_floating_point() or value.dim() == 0:
            continue  # num_batches_tracked and the like
        if name not in parameters and value.dim() > 1:
            continue  # a second name of a parameter, see `draw`
        shape = _squeezed(tuple(value.shape))
        found.append(Found(name, _kinds(name, value, shape, name in parameters), shape))
    return found


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A 1x1 convolution may be stored as (out, in); a BatchNorm weight as (1, C, 1, 1)."""
    if len(shape) == 4 and shape[2:] == (1, 1):
        shape = shape[:2]
    return shape[1:] if len(shape) == 2 and shape[0] == 1 else shape


def _kinds(name: str, value: Tensor, shape: tuple[int, ...], learns: bool) -> frozenset[str]:
    if len(shape) > 1:
        return frozenset({"weight"})
    ones = bool((value == 1).all())
    if not learns:
        return frozenset({"var"} if ones or name.endswith("var") else {"mean"})
    if ones or name.endswith("weight"):  # a last BatchNorm may start at zero; it is called weight then
        return frozenset({"gamma"})
    return frozenset({"beta", "bias"}) if not value.any() else frozenset({"bias", "beta", "gamma"})


def compare(roles: list[Role], found: list[Found]) -> tuple[list[Role], list[Found]]:
    """Return `(missing, extra)`: roles without a tensor of their shape, and tensors without a role."""
    left = list(found)
    missing = []
    for role in roles:
        match = next((f for f in left if f.shape == _squeezed(role.shape) and _may_be(f, role)), None)
        if match is None:
            missing.append(role)
        else:
            left.remove(match)
    return missing, left


def _may_be(found: Found, role: Role) -> bool:
    return role.kind in found.kinds


def assignments(roles: list[Role], found: list[Found]) -> Iterator[dict[str, str]]:
    """Yield maps from role to tensor name, the likeliest first; none when the inventories differ."""
    missing, extra = compare(roles, found)
    if missing or extra:
        return
    attempts = itertools.chain(_by_batchnorm(roles, found), _freely(roles, found))
    seen = set()
    for attempt in itertools.islice(attempts, MOST_ATTEMPTS):
        if (key := tuple(sorted(attempt.items()))) not in seen:
            seen.add(key)
            yield attempt


def _by_batchnorm(roles: list[Role], found: list[Found]) -> Iterator[dict[str, str]]:
    """Keep the tensors of one BatchNorm together, as those of an `nn.BatchNorm2d` are."""
    units: dict[str, dict[str, str]] = defaultdict(dict)
    rest = []
    for f in found:
        prefix, _, ending = f.name.rpartition(".")
        kind = next((k for k, e in BATCHNORM_ENDINGS.items() if e == ending), None)
        if kind and len(f.shape) == 1 and f"{prefix}.running_mean" in {g.name for g in found}:
            units[prefix][kind] = f.name
        else:
            rest.append(f)
    wanted: dict[str, dict[str, Role]] = defaultdict(dict)
    plain = []
    for role in roles:
        owner = role.name.rpartition(".")[0]
        if role.kind in BATCHNORM_ENDINGS:
            wanted[owner][role.kind] = role
        else:
            plain.append(role)
    sizes = {f.name: f.shape for f in found}

    def shape_of_unit(unit: dict[str, str]) -> tuple:
        return tuple(sorted((kind, sizes[name]) for kind, name in unit.items()))

    def shape_of_wanted(unit: dict[str, Role]) -> tuple:
        return tuple(sorted((kind, role.shape) for kind, role in unit.items()))

    groups = _groups(
        {o: shape_of_wanted(u) for o, u in wanted.items()}, {p: shape_of_unit(u) for p, u in units.items()}
    )
    weights = _groups({r.name: _squeezed(r.shape) for r in plain}, {f.name: f.shape for f in rest})
    if groups is None or weights is None:
        return
    for chosen in _products(weights):
        for owners in _products(groups):
            assignment = dict(chosen)
            for owner, prefix in owners.items():
                assignment |= {role.name: units[prefix][kind] for kind, role in wanted[owner].items()}
            yield assignment


def _freely(roles: list[Role], found: list[Found]) -> Iterator[dict[str, str]]:
    """Any tensor of the right shape and kind for any role: for code that holds its tensors itself."""
    classes: dict[tuple, tuple[list[str], list[str]]] = {}
    left = list(found)
    for role in roles:
        options = [f for f in left if f.shape == _squeezed(role.shape) and _may_be(f, role)]
        if not options:
            return
        pick = min(options, key=lambda f: len(f.kinds))
        left.remove(pick)
        names = classes.setdefault((role.kind, _squeezed(role.shape)), ([], []))
        names[0].append(role.name)
        names[1].append(pick.name)
    yield from _products(list(classes.values()))


def _groups(wanted: Mapping[str, tuple], have: Mapping[str, tuple]) -> list[tuple[list[str], list[str]]] | None:
    """Pair up what looks alike: lists of wanted and of available names; None when the numbers differ."""
    groups = []
    for look in dict.fromkeys(wanted.values()):
        names = [name for name, other in wanted.items() if other == look]
        available = [name for name, other in have.items() if other == look]
        if len(names) != len(available):
            return None
        groups.append((names, available))
    return groups if len(wanted) == len(have) else None


def _products(groups: list[tuple[list[str], list[str]]]) -> Iterator[dict[str, str]]:
    orders = [itertools.permutations(available) for _, available in groups]
    for choice in itertools.product(*orders):
        yield {
            name: chosen
            for (names, _), order in zip(groups, choice, strict=True)
            for name, chosen in zip(names, order, strict=True)
        }


def draw(state: Mapping[str, Tensor], found: list[Found], generator: torch.Generator) -> dict[str, Tensor]:
    """A new state with random weights that leave nothing without effect.

    BatchNorm weights and biases of both signs away from 0 and 1, running statistics away from 0 and 1, convolutions
    scaled to keep activations of order one, so that ReLUs cut about half (He et al. 2015, arXiv:1502.01852).
    """
    drawn = dict(state)
    for f in found:
        shape = state[f.name].shape
        if len(f.shape) > 1:
            fan_in = state[f.name][0].numel()
            value = torch.randn(shape, generator=generator) * (2.0 / fan_in) ** 0.5
        elif f.kinds == {"var"}:
            value = torch.rand(shape, generator=generator) * 1.5 + 0.5
        elif f.kinds == {"mean"}:
            value = torch.randn(shape, generator=generator) * 0.3
        else:
            sign = torch.randint(0, 2, shape, generator=generator) * 2 - 1
            value = (torch.rand(shape, generator=generator) * 0.9 + 0.4) * sign
        drawn[f.name] = value.to(state[f.name].dtype)
    names = {f.name for f in found}
    for name, value in state.items():
        if value.dim() > 1 and name not in names:  # a module that is used twice has its parameters under two names
            same = next(
                (f.name for f in found if state[f.name].shape == value.shape and _equal(state[f.name], value)), name
            )
            drawn[name] = drawn[same]
    return drawn


def _equal(a: Tensor, b: Tensor) -> bool:
    return bool(torch.equal(a, b))
