"""Assign the student's tensors to roles such as "conv1.weight", whatever their names and order are.

Shapes decide first. Where several tensors have the same shape, the remaining orders are tried, the order of definition
first; one that reproduces the output on fresh random weights proves the function. Names only decide what is tried
first: tensors with a common prefix ("bn1.") that make up one BatchNorm stay together.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograder.oracle.program import UNUSED, Program, Role, layer_of, squeeze_shape
from autograder.student.draw import normal

MOST_ATTEMPTS = 1500
"""Assignments tried before giving up: the tensors of three hand-written BatchNorms have 3!^4 = 1,296."""
BATCHNORM_ENDINGS = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "var": "running_var"}
SMALLEST_VARIANCE = 2e-3
"""A running variance this small reveals another eps: 1e-4 instead of 1e-5 changes that channel by 2 %."""

Assignment = dict[str, str]


@dataclass(frozen=True)
class Found:
    """One of the student's tensors; `kinds` are the kinds of `Role` that it may have."""

    name: str
    kinds: frozenset[str]
    shape: tuple[int, ...]
    learned: bool = True
    """Whether it is a parameter; otherwise a buffer."""
    matrix: bool = False
    """Whether it has two or four dimensions, so that (1, C) or (1, C, 1, 1) may be the weight of a layer with one
    output."""

    def may_be(self, kind: str) -> bool:
        """Whether it can have a role of this kind; any vector that is learned can scale something."""
        vector = self.learned and len(self.shape) == 1
        return kind in self.kinds or (vector and (kind == "scale" or (kind == "weight" and self.matrix)))


def classify_tensors(state: Mapping[str, Tensor], parameters: frozenset[str]) -> list[Found]:
    """Which roles the tensors of a fresh module may have, by shape, by initial value, and by whether they are learned.

    Args:
        state: the module's, see `student.state`.
        parameters: names of those that are parameters; the others are buffers.
    """
    found = []
    for name, value in state.items():
        learned = name in parameters
        if not value.is_floating_point() or (value.dim() == 0 and not learned):
            continue  # num_batches_tracked and the like
        shape = squeeze_shape(tuple(value.shape))
        if not learned and len(shape) > 1:
            continue
        found.append(Found(name, _kinds(name, value, shape, learned), shape, learned, value.dim() in (2, 4)))
    return found


def _kinds(name: str, value: Tensor, shape: tuple[int, ...], learned: bool) -> frozenset[str]:
    if len(shape) > 1 or (value.dim() in (2, 4) and bool((value != value.flatten()[:1]).any())):
        return frozenset({"weight"})  # of one channel, too: it starts at random, a BatchNorm does not
    ones = value.numel() > 0 and bool((value == 1).all())
    if not learned:
        return frozenset({"var"} if ones or name.endswith("var") else {"mean"})
    if ones or name.endswith("weight"):  # a last BatchNorm may start at zero; it is called weight then
        return frozenset({"gamma"})
    return frozenset({"beta", "bias"} if name.endswith("bias") else {"beta", "bias", "gamma"})


def without_other_buffers(found: Sequence[Found], roles: Sequence[Role]) -> list[Found]:
    """Leave out buffers that are no running statistics: what they hold is part of the code, and stays as it is.

    Where there are more buffers of one shape than running statistics, their names tell.
    """
    wanted = Counter(squeeze_shape(role.shape) for role in roles if role.kind in ("mean", "var"))
    statistics = [f for f in found if not f.learned and f".{f.name}".endswith((".running_mean", ".running_var"))]
    for endings in (("mean", "var"), ""):
        lacking = wanted - Counter(f.shape for f in statistics)
        others = [f for f in found if not f.learned and f not in statistics]
        statistics += [f for f in others if f.name.endswith(endings) and lacking[f.shape]]
    return [f for f in found if f.learned or f in statistics]


def untranspose(found: Sequence[Found], program: Program) -> tuple[list[Found], frozenset[str]]:
    """Transpose the shape of a linear layer's weight that is stored as (in, out), for `x @ W`; return its name too.

    Where there is a bias for each feature and none for each class, the layer is built the wrong way round.
    """
    shapes = {f.shape for f in found}
    wanted = {
        role.shape[::-1]: role.shape
        for role in program.roles
        if role.name == "linear.weight" and role.shape not in shapes
    }
    vectors = {f.shape for f in found if f.learned}
    reversed_layer = lambda f: f.shape[:1] in vectors and f.shape[1:] not in vectors  # noqa: E731
    turned = frozenset(f.name for f in found if f.learned and f.shape in wanted and not reversed_layer(f))
    return [replace(f, shape=wanted[f.shape]) if f.name in turned else f for f in found], turned


def held_by(layers: Collection[str], found: Sequence[Found]) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """The tensors of layers that nothing calls, as an operation of kind "held" has them: name, kind of role, shape."""
    return tuple((f.name, min(f.kinds), f.shape) for f in found if layer_of(f.name) in layers)


def fits(program: Program, found: Sequence[Found]) -> bool:
    """Whether the tensors can be those of the program."""
    learned = Counter(f.shape for f in found if f.learned)
    if learned != Counter({shape: n for (shape, is_learned), n in program.tensors.items() if is_learned}):
        return False
    return not any(compare(program.roles, found))


def compare(roles: Sequence[Role], found: Sequence[Found]) -> tuple[list[Role], list[Found]]:
    """Return `(missing, extra)`: roles without a tensor of their shape, and parameters without a role.

    A buffer without a role is no fault, unless it belongs to a BatchNorm: if it affects the output, the output differs.
    """
    left = sorted(found, key=lambda f: len(f.kinds))
    missing = []
    for role in sorted(roles, key=lambda r: ("gamma", "weight", "mean", "var", "beta", "bias", "scale").index(r.kind)):
        match = next((f for f in left if f.shape == squeeze_shape(role.shape) and f.may_be(role.kind)), None)
        if match is None:
            missing.append(role)
        else:
            left.remove(match)
    order = {role: index for index, role in enumerate(roles)}
    statistics = ("running_mean", "running_var")
    extra = [f for f in found if f in left and (f.learned or f.name.endswith(statistics))]
    return sorted(missing, key=order.__getitem__), extra


def likeliest_extra(extra: Sequence[Found], found: Sequence[Found]) -> list[Found]:
    """Which of the parameters that are alike are too many: those of a layer whose weight is, then biases of layers that
    have weights of more than one dimension, such as convolutions. `compare` takes the last ones defined.
    """
    weights = [f for f in found if len(f.shape) > 1]
    wrong = {layer_of(f.name) for f in extra if f in weights}
    layers = {layer_of(f.name) for f in weights}
    rank = lambda f: (layer_of(f.name) not in wrong, layer_of(f.name) not in layers, f not in extra)  # noqa: E731
    wanted = Counter((f.shape, f.kinds, f.learned) for f in extra)
    blamed = []
    for (shape, kinds, learned), n in wanted.items():
        alike = [f for f in found if (f.shape, f.kinds, f.learned) == (shape, kinds, learned)]
        blamed += sorted(alike, key=rank)[:n]
    return [f for f in found if f in blamed]


def assignments(roles: Sequence[Role], found: Sequence[Found]) -> Iterator[Assignment]:
    """Yield maps from role to tensor name, the likeliest first; none when the tensors do not fit the roles."""
    held = {role.name: role.name.removeprefix(f"{UNUSED}.") for role in roles if role.name.startswith(f"{UNUSED}.")}
    if held:
        called = [role for role in roles if role.name not in held]
        others = [f for f in found if f.name not in held.values()]
        yield from ({**way, **held} for way in assignments(called, others))
        return
    if any(compare(roles, found)):
        return
    groups = _by_batchnorm(roles, found)
    if groups is not None:
        yield from itertools.islice(groups, MOST_ATTEMPTS)
        return
    seen = set()
    for attempt in itertools.islice(_freely(roles, found), MOST_ATTEMPTS):
        if (key := tuple(attempt.values())) not in seen:
            seen.add(key)
            yield attempt


def _by_batchnorm(roles: Sequence[Role], found: Sequence[Found]) -> Iterator[Assignment] | None:
    """Keep the tensors of each `nn.BatchNorm2d` together; None where the tensors do not come in such groups."""
    sizes = {f.name: f.shape for f in found}
    units: dict[str, dict[str, str]] = defaultdict(dict)
    rest = []
    for f in found:
        prefix, _, ending = f.name.rpartition(".")
        kind = next((k for k, e in BATCHNORM_ENDINGS.items() if e == ending), None)
        if kind and len(f.shape) == 1 and f"{prefix}.running_mean" in sizes:
            units[prefix][kind] = f.name
        elif f.learned:
            rest.append(f)
    wanted: dict[str, dict[str, Role]] = defaultdict(dict)
    plain = []
    for role in roles:
        if role.kind in BATCHNORM_ENDINGS:
            wanted[role.name.rpartition(".")[0]][role.kind] = role
        else:
            plain.append(role)
    owners = _groups(
        {o: tuple(sorted((kind, role.shape) for kind, role in u.items())) for o, u in wanted.items()},
        {p: tuple(sorted((kind, sizes[name]) for kind, name in u.items())) for p, u in units.items()},
    )
    weights = _groups({r.name: squeeze_shape(r.shape) for r in plain}, {f.name: f.shape for f in rest})
    if owners is None or weights is None:
        return None

    def all_orders() -> Iterator[Assignment]:
        for chosen in _products(weights):
            for order in _products(owners):
                attempt = dict(chosen)
                for owner, prefix in order.items():
                    attempt |= {role.name: units[prefix][kind] for kind, role in wanted[owner].items()}
                yield attempt

    return all_orders()


def _freely(roles: Sequence[Role], found: Sequence[Found]) -> Iterator[Assignment]:
    """Any tensor of the right shape and kind for any role: for code that does not use `nn.BatchNorm2d`.

    Orders that permute all lists of tensors in the same way come first: code that defines the shortcut before F
    usually does so for weights, biases and statistics alike.
    """
    slots: dict[tuple, list[Role]] = defaultdict(list)
    for role in roles:
        slots[_slot(role, roles, found), squeeze_shape(role.shape)].append(role)
    weights, vectors = [], []
    for (slot, shape), mine in slots.items():
        candidates = [f for f in found if f.shape == shape and _can_fill(slot, f)]
        ways = list(itertools.islice(_orders(mine, candidates), MOST_ATTEMPTS))
        (weights if slot == "weight" else vectors).append(ways)
    longest = max(map(len, vectors), default=1)
    for order in itertools.product(*weights):
        for index in range(longest):
            yield _joined((*order, *(ways[index % len(ways)] for ways in vectors)))
    for choice in itertools.product(*weights, *vectors):
        yield _joined(choice)


def _slot(role: Role, roles: Sequence[Role], found: Sequence[Found]) -> str:
    """Which tensors may fill the role: one that starts at zero is a shift or, with some initializations, a scale."""
    if role.kind in ("weight", "mean", "var"):
        return role.kind
    if any(r.kind == "scale" and r.shape == role.shape for r in roles):
        return "vector"
    scales = sum(r.kind == "gamma" and r.shape == role.shape for r in roles)
    if scales == sum(f.kinds == {"gamma"} and f.shape == squeeze_shape(role.shape) for f in found):
        return "gamma" if role.kind == "gamma" else "shift"
    return "vector"


def _can_fill(slot: str, found: Found) -> bool:
    if slot in ("gamma", "shift"):
        return found.learned and (found.kinds == {"gamma"}) == (slot == "gamma")
    return found.learned if slot == "vector" else found.may_be(slot)


def _orders(roles: Sequence[Role], candidates: Sequence[Found]) -> Iterator[Assignment]:
    """Every way to give each role a candidate of its kind, in the order of definition, kind by kind.

    A tensor that can be nothing but a scale is the likeliest one. Of shifts, the name says nothing about the order.
    """
    if not roles:
        yield {}
        return
    role, *rest = sorted(roles, key=lambda r: r.kind != "gamma")  # few tensors can be a scale: assign those roles first
    for pick in sorted((f for f in candidates if f.may_be(role.kind)), key=lambda f: f.kinds != {"gamma"}):
        for others in _orders(rest, [f for f in candidates if f is not pick]):
            yield {role.name: pick.name, **others}


def _joined(parts: Sequence[Assignment]) -> Assignment:
    joined: Assignment = {}
    for part in parts:
        joined |= part
    return dict(sorted(joined.items()))


def _groups(wanted: Mapping[str, tuple], have: Mapping[str, tuple]) -> list[tuple[list[str], list[str]]] | None:
    """Pair lists of wanted and of available names that have equal descriptions; None where the numbers differ."""
    groups = []
    for look in dict.fromkeys(wanted.values()):
        names = [name for name, other in wanted.items() if other == look]
        available = [name for name, other in have.items() if other == look]
        if len(names) != len(available):
            return None
        groups.append((names, available))
    return groups if len(wanted) == len(have) else None


def _products(groups: list[tuple[list[str], list[str]]]) -> Iterator[Assignment]:
    orders = [itertools.islice(itertools.permutations(available), MOST_ATTEMPTS) for _, available in groups]
    for choice in itertools.product(*orders):
        yield {
            name: chosen
            for (names, _), order in zip(groups, choice, strict=True)
            for name, chosen in zip(names, order, strict=True)
        }


def draw(state: Mapping[str, Tensor], found: Sequence[Found], generator: torch.Generator) -> dict[str, Tensor]:
    """Return a new state with random weights with which every tensor affects the output.

    BatchNorm weights and biases have both signs and are not close to 0 or 1, running statistics are not close to 0 or
    1, convolutions are scaled to keep activations of order one, so that ReLUs cut about half of them (He et al. 2015,
    arXiv:1502.01852). The last channel of each running variance is tiny, see `SMALLEST_VARIANCE`.
    """
    names = {f.name for f in found}
    # A copy, because a tensor that a worker sent keeps the whole message in memory.
    drawn = {name: value if name in names else value.clone() for name, value in state.items()}
    for f in found:
        shape = state[f.name].shape
        if len(f.shape) > 1:
            fan_in = max(state[f.name].numel() // max(shape[0], 1), 1)  # a layer of width planes // 16 may be empty
            value = normal(shape, generator) * (2.0 / fan_in) ** 0.5
        elif f.kinds == {"var"}:
            value = torch.rand(shape, generator=generator) * 1.5 + 0.5
            value.view(-1)[-1:] = SMALLEST_VARIANCE
        elif f.kinds == {"mean"}:
            value = torch.randn(shape, generator=generator) * 0.3
        else:
            sign = torch.randint(0, 2, shape, generator=generator) * 2 - 1
            value = (torch.rand(shape, generator=generator) * 0.9 + 0.4) * sign
        drawn[f.name] = value.to(state[f.name].dtype)
    return drawn
