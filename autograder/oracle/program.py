"""Blocks and networks as programs: short lists of operations over named values, which read like the notebook's steps.

A program is data. `interpreter.run` computes it on given weights; a mistake is an edit of it, see `edits`.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from autograder.student.probe import Call

DEFAULTS: dict[str, Any] = {
    "stride": 1,
    "padding": 0,
    "dilation": 1,
    "groups": 1,
    "bias": False,
    "padding_mode": "constant",
    "norm": "batch",
    "eps": 1e-5,
    "momentum": 0.1,
    "affine": True,
    "tracked": True,
    "eval_only": False,  # of an activation
    "train_only": False,  # of an activation
    "statistics": "",  # "running" or "batch": in both modes; "inverted": those of the other mode
    "learns": True,
    "called": True,  # otherwise the layer is built and its input passes unchanged
    "lost": False,  # it is called, and its input passes unchanged
    "normalizes": False,  # a probe block has a BatchNorm
    "registered": True,  # otherwise PyTorch, and therefore the oracle, does not see its tensors
    "writes": "",  # the value that is overwritten, as by an operation in place
    "shares": "",  # the operation whose tensors this one uses
    "learned": False,
    "shift": 0.0,
}
"""Options of operations and what they are when nothing is said."""
UNUSED = "held"
"""The name of an operation of kind "held": layers of the student's that nothing calls. Its roles name their tensors."""


class lazy:
    """As `functools.cached_property`, without the lock that Python 3.11 takes each time."""

    def __init__(self, function: Callable[[Any], Any]):
        self._function, self.__doc__ = function, function.__doc__

    def __get__(self, owner: Any, _: type) -> Any:
        owner.__dict__[self._function.__name__] = value = self._function(owner)
        return value


@dataclass(frozen=True)
class Op:
    """One operation: computes the value `name` from the values `inputs`; its kind is a key of `interpreter.KINDS`."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    options: tuple[tuple[str, Any], ...] = ()

    def __getitem__(self, option: str) -> Any:
        if option not in self._values:
            raise AttributeError(f"{self} has no option {option}")
        return self._values[option]

    def __hash__(self) -> int:
        return self._hash

    @lazy
    def _hash(self) -> int:
        return hash((self.name, self.kind, self.inputs, self.options))

    @lazy
    def _values(self) -> dict[str, Any]:
        return {**DEFAULTS, **dict(self.options)}

    @lazy
    def roles(self) -> tuple["Role", ...]:
        """The tensors that it defines; none where it uses another's, or where PyTorch does not see them."""
        return () if self["shares"] or not self["registered"] else tuple(_roles(self))

    @lazy
    def tensors(self) -> tuple[tuple[tuple[int, ...], bool], ...]:
        """The shape of each of its tensors, and whether it is learned."""
        return tuple((squeeze_shape(role.shape), role.kind not in ("mean", "var")) for role in self.roles)

    def but(self, **changes: Any) -> "Op":
        """The operation with other options; `name`, `kind` and `inputs` can be changed as well."""
        fields = {key: changes.pop(key) for key in ("name", "kind", "inputs") if key in changes}
        kept = {k: v for k, v in {**dict(self.options), **changes}.items() if k not in DEFAULTS or v != DEFAULTS[k]}
        return replace(self, options=tuple(sorted(kept.items())), **fields)


def op(name: str, kind: str, *inputs: str, **options: Any) -> Op:
    """Write an operation; options that have their default value are left out."""
    return Op(name, kind, inputs).but(**options)


class Role(NamedTuple):
    """One tensor of a program: "conv1.weight", "shortcut.mean", "linear.bias", "stage2.1.weight".

    Its kind is "weight" (two dimensions or more), "gamma", "beta", "mean", "var", "bias", or "scale" (another vector).
    """

    name: str
    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """Operations in the order of their execution; the value of the last one is the output.

    Args:
        kind: "BasicBlock", "Bottleneck", "ResNet" or "ResNet18".
        arguments: of its constructor: `(in_planes, planes, stride)` or `(expansion, num_blocks, num_classes)`.
        ops: the operations.
        returns: the value that is returned; "" for that of the last operation.
        facts: what else can be observed of the class, such as its `expansion`.
    """

    kind: str
    arguments: tuple
    ops: tuple[Op, ...]
    returns: str = ""
    facts: tuple[tuple[str, Any], ...] = ()

    @lazy
    def by_name(self) -> dict[str, Op]:
        """The operations by the name of their value."""
        return {one.name: one for one in self.ops}

    @lazy
    def roles(self) -> tuple[Role, ...]:
        """Every tensor, in the order in which it is usually defined."""
        return tuple(role for one in self.ops for role in one.roles)

    @lazy
    def tensors(self) -> Counter:
        """How many tensors it has of each shape, and of those that are learned and those that are not."""
        return Counter(itertools.chain.from_iterable(one.tensors for one in self.ops))

    @lazy
    def plan(self) -> tuple[tuple[Op, Op, tuple[Role, ...], int], ...]:
        """For each operation: the one whose tensors it uses, these tensors, and its number among the blocks."""
        owners = [self.by_name.get(o["shares"], o) if o["shares"] else o for o in self.ops]
        blocks = sorted(o.name for o in self.ops if o.kind == "block" and not o["shares"])  # as they are built
        number = {name: number for number, name in enumerate(blocks, start=1)}
        return tuple(
            (o, owner, owner.roles, number.get(owner.name, 0)) for o, owner in zip(self.ops, owners, strict=True)
        )

    @lazy
    def calls(self) -> tuple[tuple[int, int, int], ...]:
        """`(in_planes, planes, stride)` of every block that a network builds."""
        built = [o for o in self.ops if o.kind == "block" and not o["shares"]]
        return tuple((o["in_planes"], o["planes"], o["stride"]) for o in built)

    @property
    def output(self) -> str:
        """The name of the value that is returned."""
        return self.returns or self.ops[-1].name

    @lazy
    def ordered(self) -> bool:
        """Whether each operation comes after those whose values it uses."""
        known = {"x"}
        for one in self.ops:
            if not known.issuperset(one.inputs):
                return False
            known.add(one.name)
        return self.output in known

    @lazy
    def shortcut_first(self) -> "Program":
        """The same block, which computes its shortcut before the rest of F(x); the program itself where it is none."""
        sums = self.by_name.get("sum")
        if sums is None or len(sums.inputs) < 2:
            return self
        needed = {sums.inputs[1]}
        for one in reversed(self.ops):
            needed.update(one.inputs if one.name in needed else ())
        mine = tuple(one for one in self.ops if one.name in needed)
        return replace(self, ops=(*mine, *(one for one in self.ops if one.name not in needed)))

    @lazy
    def anonymous(self) -> "Program":
        """The program with numbers for the names of its operations: those that do the same step by step are equal."""
        number = {"x": "x", "": "", **{one.name: str(at) for at, one in enumerate(self.ops)}}
        ops = []
        for one in self.ops:
            refers = {option: number.get(one[option], one[option]) for option in ("writes", "shares")}
            ops.append(one.but(name=number[one.name], inputs=tuple(number[i] for i in one.inputs), **refers))
        return replace(self, ops=tuple(ops), returns=number[self.output])

    def fact(self, name: str) -> Any:
        """A fact, None where nothing is said about it."""
        return dict(self.facts).get(name)

    # The ways to edit a program. Where one operation is named that is not there, each raises KeyError.

    def change(self, name: str, **options: Any) -> "Program":
        """Other options for one operation."""
        return self.put(self.by_name[name].but(**options))

    def change_all(self, names: Sequence[str], **options: Any) -> "Program":
        """Other options for those of the operations that are there."""
        return replace(self, ops=tuple(o.but(**options) if o.name in names else o for o in self.ops))

    def without(self, name: str) -> "Program":
        """Leave out an operation: what used its value uses its first input."""
        gone = self.by_name[name]
        kept = replace(self, ops=tuple(o for o in self.ops if o.name != name))
        return kept.rewire(name, gone.inputs[0])

    def rewire(self, old: str, new: str, only: Sequence[str] = ()) -> "Program":
        """Use the value `new` in the place of `old`: everywhere, or in the operations `only`."""
        ops = tuple(
            replace(o, inputs=tuple(new if i == old else i for i in o.inputs))
            if old in o.inputs and (not only or o.name in only)
            else o
            for o in self.ops
        )
        return replace(self, ops=ops, returns=new if not only and self.output == old else self.returns)

    def insert(self, after: str, new: Op, only: Sequence[str] = ()) -> "Program":
        """Insert an operation on the value `after`; it is used in its place everywhere, or in the operations `only`."""
        if after != "x" and after not in self.by_name:
            raise KeyError(after)
        while new.name in self.by_name:
            new = new.but(name=f"{new.name}_again")
        rewired = self.rewire(after, new.name, only)
        new = new.but(inputs=(after, *new.inputs[1:]))
        at = 0 if after == "x" else [o.name for o in self.ops].index(after) + 1
        returns = "" if rewired.returns == new.name and at == len(self.ops) else rewired.returns
        return replace(rewired, ops=(*rewired.ops[:at], new, *rewired.ops[at:]), returns=returns)

    def put(self, new: Op) -> "Program":
        """Another operation in the place of the one of its name."""
        self.by_name[new.name]
        return replace(self, ops=tuple(new if o.name == new.name else o for o in self.ops))

    def hold(self, unused: Op, before: str = "") -> "Program":
        """Build a layer that is not used: first, or before the one of an operation."""
        at = self.ops.index(self.by_name[before]) if before else 0
        return replace(self, ops=(*self.ops[:at], unused.but(inputs=("x",), called=False), *self.ops[at:]))

    def with_shortcut(self, *ops: Op) -> "Program":
        """The block with these operations as its shortcut; the value of the last one must be called "shortcut"."""
        kept = [o for o in self.ops if o.name not in ("shortcut", "shortcut_conv")]
        at = kept.index(self.by_name["sum"])
        return replace(self, ops=(*kept[:at], *ops, *kept[at:]))

    def state(self, **facts: Any) -> "Program":
        """State facts about the class."""
        return replace(self, facts=tuple(sorted({**dict(self.facts), **facts}.items())))


def layer_of(tensor: str) -> str:
    """The name of the layer that one of the student's tensors belongs to; its own where that is the module itself."""
    return tensor.rpartition(".")[0] or tensor


def squeeze_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(out, in) for the weight of a 1x1 convolution, (C,) for a BatchNorm's of (1, C, 1, 1) or (C, 1, 1), (1,) for a
    number."""
    if len(shape) > 2 and shape[-2:] == (1, 1):
        shape = shape[:-2]
    return (shape[1:] if len(shape) == 2 and shape[0] == 1 else shape) or (1,)


def basic_block(in_planes: int, planes: int, stride: int) -> Program:
    """The block of ResNet-18 and -34 (He et al. 2015, figure 5 left; projection shortcut, option B)."""
    ops = (
        conv("conv1", "x", in_planes, planes, 3, stride=stride, padding=1),
        norm("bn1", "conv1", planes),
        act("relu1", "bn1"),
        conv("conv2", "relu1", planes, planes, 3, padding=1),
        norm("bn2", "conv2", planes),
        *shortcut(in_planes, planes, stride),
        op("sum", "combine", "bn2", "shortcut", how="add"),
        act("relu", "sum"),
    )
    return Program("BasicBlock", (in_planes, planes, stride), ops).state(expansion=1)


def bottleneck(in_planes: int, planes: int, stride: int) -> Program:
    """The block of ResNet-50 and deeper (figure 5 right), with the stride on the 3x3 convolution."""
    ops = (
        conv("conv1", "x", in_planes, planes, 1),
        norm("bn1", "conv1", planes),
        act("relu1", "bn1"),
        conv("conv2", "relu1", planes, planes, 3, stride=stride, padding=1),
        norm("bn2", "conv2", planes),
        act("relu2", "bn2"),
        conv("conv3", "relu2", planes, 4 * planes, 1),
        norm("bn3", "conv3", 4 * planes),
        *shortcut(in_planes, 4 * planes, stride),
        op("sum", "combine", "bn3", "shortcut", how="add"),
        act("relu", "sum"),
    )
    return Program("Bottleneck", (in_planes, planes, stride), ops).state(expansion=4)


def shortcut(in_planes: int, out_planes: int, stride: int) -> tuple[Op, ...]:
    """The shortcut: the identity unless the shape changes, then a 1x1 convolution and BatchNorm."""
    if stride == 1 and in_planes == out_planes:
        return (op("shortcut", "identity", "x"),)
    return (
        conv("shortcut_conv", "x", in_planes, out_planes, 1, stride=stride),
        norm("shortcut", "shortcut_conv", out_planes),
    )


def layout(
    expansion: int,
    num_blocks: Sequence[int],
    widths: Sequence[int] = (64, 128, 256, 512),
    start: int = 64,
) -> list[list[Call]]:
    """For each stage the calls of its blocks."""
    stages, in_planes = [], start
    for planes, count, stride in zip(widths, num_blocks, (1, 2, 2, 2), strict=False):
        stages.append([])
        for i in range(count):
            stages[-1].append((in_planes, planes, stride if i == 0 else 1))
            in_planes = planes * expansion
    return stages


def stage_ops(stages: Sequence[Sequence[Call]], expansion: int, value: str) -> list[Op]:
    """Probe blocks, one behind the other; the first gets `value`."""
    ops: list[Op] = []
    for number, stage in enumerate(stages, start=1):
        for index, (in_planes, planes, stride) in enumerate(stage):
            options = {"in_planes": in_planes, "planes": planes, "stride": stride, "expansion": expansion}
            ops.append(op(f"stage{number}.{index}", "block", value, **options))
            value = ops[-1].name
    return ops


def network(expansion: int, num_blocks: Sequence[int], num_classes: int) -> Program:
    """The CIFAR form: 3x3 stem without pooling, four stages of probe blocks, average pooling, linear head."""
    ops = [conv("conv", "x", 3, 64, 3, padding=1), norm("bn", "conv", 64), act("stem", "bn")]
    ops += stage_ops(layout(expansion, num_blocks), expansion, "stem")
    ops += [
        op("pool", "pool", ops[-1].name, how="avg"),
        op("flat", "flatten", "pool"),
        op("linear", "linear", "flat", features=ops[-1]["planes"] * expansion, classes=num_classes, bias=True),
    ]
    return Program("ResNet", (expansion, tuple(num_blocks), num_classes), tuple(ops))


def conv(name: str, value: str, in_planes: int, planes: int, kernel: int, **options: Any) -> Op:
    """A convolution without bias."""
    return op(name, "conv", value, in_planes=in_planes, planes=planes, kernel=kernel, **options)


def norm(name: str, value: str, planes: int, **options: Any) -> Op:
    """A BatchNorm."""
    return op(name, "norm", value, planes=planes, **options)


def act(name: str, value: str, how: str = "relu", **options: Any) -> Op:
    """An activation: a key of `interpreter.ACTIVATIONS`."""
    return op(name, "act", value, how=how, **options)


def _roles(o: Op) -> Iterator[Role]:
    """The tensors of one operation."""
    if o.kind == "conv":
        shape = (o["planes"], o["in_planes"] // o["groups"], o["kernel"], o["kernel"])
        yield Role(f"{o.name}.weight", "weight", shape)
    elif o.kind == "held":
        yield from (Role(f"{o.name}.{tensor}", kind, shape) for tensor, kind, shape in o["tensors"])
    elif o.kind == "linear":
        yield Role(f"{o.name}.weight", "weight", (o["classes"], o["features"]))
    elif o.kind == "block":
        shape = (o["expansion"] * o["planes"], o["in_planes"], 1, 1)
        yield Role(f"{o.name}.weight", "weight", shape)
        kinds = ("gamma", "beta", "mean", "var") if o["normalizes"] else ()
        yield from (Role(f"{o.name}.{kind}", kind, shape[:1]) for kind in kinds)
    elif o.kind == "norm":
        kinds = ("gamma", "beta") if o["affine"] else ()
        if o["tracked"] and o["norm"] in ("batch", "instance_tracked"):
            kinds = (*kinds, "mean", "var")
        yield from (Role(f"{o.name}.{kind}", kind, (o["planes"],)) for kind in kinds)
    elif o.kind == "gate":  # squeeze and excitation
        for name, shape in (("down", (o["hidden"], o["planes"])), ("up", (o["planes"], o["hidden"]))):
            yield Role(f"{o.name}.{name}", "weight", shape)
            if o["bias"]:
                yield Role(f"{o.name}.{name}.bias", "bias", shape[:1])
    elif (o.kind == "scale" and o["learned"]) or (o.kind == "act" and o["how"] == "prelu"):
        yield Role(f"{o.name}.scale", "scale", (o["planes"],))
    elif o.kind == "combine" and o["how"] == "blend":
        yield Role(f"{o.name}.scale", "scale", (1,))
    if o.kind in ("conv", "linear") and o["bias"]:
        yield Role(f"{o.name}.bias", "bias", (o["planes"] if o.kind == "conv" else o["classes"],))
