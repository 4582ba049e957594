"""Does the student's module compute what the reference computes, with weights and inputs that it has never seen?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from autograder.oracle.design import Design, basic_block, bottleneck, inventory, network
from autograder.oracle.diagnose import Diagnosis, diagnose, diagnose_crash
from autograder.oracle.matching import Found, assignments, compare, draw, look_at
from autograder.oracle.observe import Aspect, Observation, difference, observe, replay
from autograder.student.errors import GraderBroken, StudentCrash, StudentTimeout

BLOCKS = {"BasicBlock": basic_block, "Bottleneck": bottleneck}
DRAWS = 3
"""Draws of weights and input on which gradients may agree: one activation within rounding of zero can turn a ReLU, and
with it a gradient, in a right block too; a wrong one agrees on none."""
Kind = Literal["BasicBlock", "Bottleneck"]


class Mismatch(AssertionError):
    """The student's module computes something else; `str()` is for the student."""

    def __init__(self, message: str, misconceptions: tuple[str, ...]):
        super().__init__(message)
        self.misconceptions = misconceptions


@dataclass(frozen=True)
class Verdict:
    """What the oracle found; `message` is for the student, "" when the module agrees."""

    agrees: bool
    message: str = ""
    misconceptions: tuple[str, ...] = ()

    def require(self) -> None:
        """Raise `Mismatch` unless the module agrees with the reference."""
        if not self.agrees:
            raise Mismatch(self.message, self.misconceptions)


def judge_block(
    block: Any,
    kind: Kind,
    in_planes: int,
    planes: int,
    stride: int,
    *,
    aspect: Aspect,
    size: int = 8,
    seed: int | None = None,
) -> Verdict:
    """Compare a block with the reference.

    Args:
        block: `student.BasicBlock(in_planes, planes, stride)` or the same of `Bottleneck`.
        kind: which of the two it should be.
        in_planes, planes, stride: what it was constructed with.
        aspect: "eval" (output), "train" (output and running statistics) or "gradient" (of input and parameters).
        size: height and width of the input.
        seed: of weights and input; from torch's own generator when None.
    """
    what = f"{kind}({in_planes}, {planes}{f', stride={stride}' if stride != 1 else ''})"
    return _judge(block, kind, what, BLOCKS[kind](in_planes, planes, stride), (4, in_planes, size, size), aspect, seed)


def judge_network(
    net: Any, expansion: int, num_blocks: list[int], num_classes: int, *, aspect: Aspect, seed: int | None = None
) -> Verdict:
    """Compare a network of probe blocks with the reference; arguments as in `judge_block`.

    Args:
        net: `student.ResNet(student.probe(expansion), num_blocks, num_classes)`.
    """
    what = f"ResNet(block, {num_blocks}, num_classes={num_classes}) with block.expansion = {expansion}"
    design = network(expansion, tuple(num_blocks), num_classes)
    return _judge(net, "ResNet", what, design, (3, 3, 32, 32), aspect, seed)


def _judge(
    module: Any, kind: str, what: str, design: Design, shape: tuple[int, ...], aspect: Aspect, seed: int | None
) -> Verdict:
    draws = DRAWS if aspect == "gradient" and seed is None else 1
    for draw_number in range(1, draws + 1):
        verdict = _judge_once(module, kind, what, design, shape, aspect, seed, explain=draw_number == draws)
        if verdict.agrees:
            break
    return verdict


def _judge_once(
    module: Any,
    kind: str,
    what: str,
    design: Design,
    shape: tuple[int, ...],
    aspect: Aspect,
    seed: int | None,
    explain: bool,
) -> Verdict:
    generator = torch.Generator().manual_seed(int(torch.randint(1 << 31, ())) if seed is None else seed)
    state = {name: value.detach() for name, value in module.state_dict().items()}
    parameters = frozenset(name for name, _ in module.named_parameters())
    found = look_at(state, parameters)
    x = torch.randn(shape, generator=generator)
    drawn = draw(state, found, generator)
    module.load_state_dict(drawn)
    try:
        seen = observe(module, x, aspect, generator)
    except (GraderBroken, StudentTimeout, StudentCrash):
        raise
    except Exception as error:
        _explain_crash(error, module, kind, design, found, drawn, x)
        raise
    nearest = None
    for attempt in _replays(design, found, drawn, seen):
        complaint = difference(attempt, seen)
        if not complaint:
            return Verdict(True)
        nearest = nearest or complaint
    if not explain:
        return Verdict(False)
    diagnosis = diagnose(kind, design, found, drawn, seen) if isinstance(seen.output, Tensor) else None
    complaint = _inventory_complaint(design, found) or nearest or "something else"
    return Verdict(False, _message(what, kind, aspect, complaint, diagnosis), diagnosis.names if diagnosis else ())


def _explain_crash(
    error: Exception, module: Any, kind: str, design: Design, found: list[Found], drawn: dict[str, Tensor], x: Tensor
) -> None:
    """Attach to an exception of the student's code which mistake causes it, where that can be proved.

    On an image of one or two pixels, branches that do not fit together still do, by broadcasting.
    """
    diagnosis = diagnose_crash(kind, design, found, drawn, x)
    for size in (2, 5) if diagnosis is None and kind in BLOCKS else ():
        small = torch.randn((*x.shape[:2], size, size), generator=torch.Generator().manual_seed(0))
        try:
            seen = observe(module, small, "eval", torch.Generator())
        except (GraderBroken, StudentTimeout, StudentCrash):
            raise
        except Exception:  # it crashes here as well: another size may tell
            continue
        if isinstance(seen.output, Tensor):
            diagnosis = diagnosis or diagnose(kind, design, found, drawn, seen)
    if diagnosis is not None:
        error.misconceptions = diagnosis.names
        error.hint = "\n".join(diagnosis.sentences)


def _replays(design: Design, found: list[Found], drawn: dict[str, Tensor], seen: Observation) -> Iterator[Observation]:
    for names in assignments(inventory(design), found):
        yield replay(design, names, drawn, seen)


def _inventory_complaint(design: Design, found: list[Found]) -> str:
    """What is missing or left over among the tensors; "" when every one has a role."""
    missing, extra = compare(inventory(design), found)
    parts = []
    if missing:
        parts.append("there is no tensor for " + ", ".join(f"{r.name} {r.shape}" for r in missing[:4]))
    if extra:
        parts.append("nothing in the reference corresponds to " + ", ".join(f"{f.name} {f.shape}" for f in extra[:4]))
    return "; ".join(parts)


ASKED = {
    "eval": "in eval mode, with random weights, {what} computes {formula}",
    "train": "in train mode, with random weights, {what} computes {formula} with the statistics of the batch, and "
    "every BatchNorm updates its running mean and variance",
    "gradient": "the gradients of {what} in train mode, at the input and at every parameter, are those of {formula}",
}
FORMULAS = {
    "BasicBlock": "relu(bn(conv3x3(relu(bn(conv3x3(x))))) + shortcut(x))",
    "Bottleneck": "relu(bn(conv1x1(relu(bn(conv3x3(relu(bn(conv1x1(x)))))))) + shortcut(x))",
    "ResNet": "linear(average(stages(relu(bn(conv3x3(x))))))",
}


def _message(what: str, kind: str, aspect: Aspect, complaint: str, diagnosis: Diagnosis | None) -> str:
    lines = []
    if diagnosis:
        lines += diagnosis.sentences
    lines.append(f"Asked: {ASKED[aspect].format(what=what, formula=FORMULAS[kind])}.")
    lines.append(f"Came:  {complaint}.")
    if diagnosis:
        lines.append(
            f"Look:  {'; '.join(diagnosis.where)}. With exactly this change the reference computes what you compute."
        )
    return "\n".join(lines)
