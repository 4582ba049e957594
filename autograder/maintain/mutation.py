"""Mutation testing: every small change of the solution is noticed by the suite, or changes nothing.

    python -m autograder.maintain.mutation [--jobs N] [--every K]

Operators over the syntax tree make several hundred mutants of BasicBlock, Bottleneck, ResNet and ResNet18. Each is
judged, in process, with the tests of its question. One that keeps full marks survives, unless it is shown to be
equivalent: on several constructor arguments and inputs, with the same weights, it has the same tensors, outputs,
running statistics and gradients as the solution. Survivors are printed; exit status 1 when there are any.
`--every 12` takes every twelfth mutant, as CI does. The full run takes about a minute of one core.
"""

import argparse
import ast
import copy
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from typing import Any

import torch
from torch import nn

from autograder.grading.grade import SUITE
from autograder.maintain.build import solved_source
from autograder.student.local import LocalStudent
from autograder.student.probe import make_probe
from autograder.suite.run import run_suite

QUESTION_OF = {"BasicBlock": "q1", "Bottleneck": "q2", "ResNet": "q3", "ResNet18": "q3"}


@dataclass(frozen=True)
class Mutant:
    """The solution with one change."""

    name: str
    operator: str
    line: str
    """The changed line before and after."""
    source: str


@cache
def solution() -> dict[str, ast.stmt]:
    """The definitions that are mutated, with the imports that they need left out."""
    body = ast.parse(solved_source()).body
    return {n.name: n for n in body if isinstance(n, (ast.ClassDef, ast.FunctionDef)) and n.name in QUESTION_OF}


def mutants() -> list[Mutant]:
    """Every mutant, without repeats, in a fixed order."""
    found: dict[str, Mutant] = {}
    for name, definition in solution().items():
        original = ast.unparse(definition)
        for operator, change in OPERATORS.items():
            for changed in _apply(definition, change):
                source = ast.unparse(ast.fix_missing_locations(changed))
                if source != original and source not in found:
                    found[source] = Mutant(name, operator, _difference(original, source), source)
    return list(found.values())


def _apply(definition: ast.stmt, change: Callable[[ast.AST], Iterator[Callable[[], None]]]) -> Iterator[ast.stmt]:
    """One changed copy for each change that the operator knows, at each node."""
    count = sum(1 for node in ast.walk(definition) for _ in change(node))
    for wanted in range(count):
        copied = copy.deepcopy(definition)
        edits = [edit for node in ast.walk(copied) for edit in change(node)]
        edits[wanted]()
        yield copied


def _difference(before: str, after: str) -> str:
    old, new = before.split("\n"), after.split("\n")
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)) - 1)
    return f"{old[at].strip()}  ->  {new[at].strip() if at < len(new) else '(nothing)'}"


def _fields(node: ast.AST, kind: type) -> Iterator[tuple[ast.AST, Callable[[ast.expr], None]]]:
    """Child expressions of a kind, each with what replaces it."""
    for field, value in ast.iter_fields(node):
        if isinstance(value, kind):
            yield value, lambda new, f=field: setattr(node, f, new)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, kind):
                    yield item, lambda new, v=value, i=index: v.__setitem__(i, new)


def drop_call(node: ast.AST) -> Iterator[Callable[[], None]]:
    """f(x, ...) becomes x."""
    for call, put in _fields(node, ast.Call):
        if call.args and not isinstance(call.args[0], ast.Starred):
            yield lambda put=put, call=call: put(call.args[0])


def swap_arguments(node: ast.AST) -> Iterator[Callable[[], None]]:
    """f(a, b, c) becomes f(b, a, c), and so on."""
    if isinstance(node, ast.Call):
        for i in range(len(node.args) - 1):

            def swap(i: int = i) -> None:
                node.args[i], node.args[i + 1] = node.args[i + 1], node.args[i]

            yield swap


def change_constant(node: ast.AST) -> Iterator[Callable[[], None]]:
    """Numbers get neighbours, doubles and zero; truth values flip."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda: setattr(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        for new in (node.value + 1, node.value - 1, node.value * 2, 0):
            yield lambda new=new: setattr(node, "value", new)


def delete_statement(node: ast.AST) -> Iterator[Callable[[], None]]:
    """A statement becomes `pass`."""
    for field in ("body", "orelse"):
        for index, statement in enumerate(getattr(node, field, None) or []):
            if isinstance(statement, ast.stmt) and not _is_docstring(statement):
                yield lambda f=field, i=index: getattr(node, f).__setitem__(i, ast.Pass())


def swap_statements(node: ast.AST) -> Iterator[Callable[[], None]]:
    """Two statements in a row change places."""
    body = getattr(node, "body", None)
    if isinstance(body, list):
        for i in range(len(body) - 1):

            def swap(i: int = i) -> None:
                body[i], body[i + 1] = body[i + 1], body[i]

            if not _is_docstring(body[i]):
                yield swap


def change_operator(node: ast.AST) -> Iterator[Callable[[], None]]:
    """+ - * // and == != < > and `and`, `or` become each other."""
    if isinstance(node, ast.BinOp):
        for new in (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv):
            if not isinstance(node.op, new):
                yield lambda new=new: setattr(node, "op", new())
    elif isinstance(node, ast.Compare):
        for new in (ast.Eq, ast.NotEq, ast.Lt, ast.Gt):
            if not isinstance(node.ops[0], new):
                yield lambda new=new: node.ops.__setitem__(0, new())
    elif isinstance(node, ast.BoolOp):
        yield lambda: setattr(node, "op", ast.And() if isinstance(node.op, ast.Or) else ast.Or())


def drop_operand(node: ast.AST) -> Iterator[Callable[[], None]]:
    """a + b becomes a, or b; so do `a or b`."""
    for operation, put in _fields(node, ast.BinOp):
        yield lambda put=put, o=operation: put(o.left)
        yield lambda put=put, o=operation: put(o.right)
    for operation, put in _fields(node, ast.BoolOp):
        for value in operation.values:
            yield lambda put=put, value=value: put(value)


def drop_keyword(node: ast.AST) -> Iterator[Callable[[], None]]:
    """f(x, bias=False) becomes f(x)."""
    if isinstance(node, ast.Call):
        for index in range(len(node.keywords)):
            yield lambda i=index: node.keywords.pop(i)


def drop_argument(node: ast.AST) -> Iterator[Callable[[], None]]:
    """f(a, b) becomes f(a)."""
    if isinstance(node, ast.Call) and len(node.args) > 1:
        yield lambda: node.args.pop()


def other_layer(node: ast.AST) -> Iterator[Callable[[], None]]:
    """self.bn1 becomes self.bn2, and so on for names that end in a number."""
    if isinstance(node, ast.Attribute) and node.attr[-1].isdigit():
        for number in "1234":
            if number != node.attr[-1]:
                yield lambda n=number: setattr(node, "attr", node.attr[:-1] + n)


def other_name(node: ast.AST) -> Iterator[Callable[[], None]]:
    """A variable is mistaken for another."""
    confused = {
        "out": ["x"], "x": ["out"], "planes": ["in_planes", "stride"], "in_planes": ["planes"], "stride": ["planes"],
        "block_stride": ["stride"],
    }  # fmt: skip
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for name in confused.get(node.id, ()):
            yield lambda name=name: setattr(node, "id", name)


def other_function(node: ast.AST) -> Iterator[Callable[[], None]]:
    """relu becomes another activation, average pooling becomes maximum pooling, and so on."""
    confused = {
        "relu": ["leaky_relu", "gelu", "relu6", "elu", "sigmoid", "dropout"],
        "adaptive_avg_pool2d": ["adaptive_max_pool2d"],
        "BatchNorm2d": ["Identity", "InstanceNorm2d"],
        "Linear": ["LazyLinear"],
    }
    if isinstance(node, ast.Attribute):
        for name in confused.get(node.attr, ()):
            yield lambda name=name: setattr(node, "attr", name)


OPERATORS = {
    "drop call": drop_call,
    "swap arguments": swap_arguments,
    "change constant": change_constant,
    "delete statement": delete_statement,
    "swap statements": swap_statements,
    "change operator": change_operator,
    "drop operand": drop_operand,
    "drop keyword": drop_keyword,
    "drop argument": drop_argument,
    "other layer": other_layer,
    "other name": other_name,
    "other function": other_function,
}


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def namespace(mutant: Mutant | None = None) -> dict[str, Any]:
    """Execute the solution, with the mutant in the place of its original."""
    names: dict[str, Any] = {}
    exec("import torch\nimport torch.nn as nn\nimport torch.nn.functional as F", names)
    for name, definition in solution().items():
        source = mutant.source if mutant is not None and mutant.name == name else ast.unparse(definition)
        exec(compile(source, f"<{name}>", "exec"), names)
    return names


def fate(mutant: Mutant) -> str:
    """ "killed", "equivalent" or "survived"."""
    torch.set_num_threads(1)
    try:
        student = LocalStudent(namespace(mutant))
    except Exception:  # it cannot even be defined
        return "killed"
    outcomes = run_suite(student, SUITE, only=[QUESTION_OF[mutant.name]], until_failure=True)
    if any(outcome.points < outcome.possible for outcome in outcomes):
        return "killed"
    return "equivalent" if equivalent(mutant) else "survived"


def equivalent(mutant: Mutant) -> bool:
    """Whether the mutant does what the solution does, on all that the contract asks of it."""
    mine, original = namespace(mutant), namespace()
    return all(_same(make(mine), make(original), shape) for make, shape in TRIALS[mutant.name])


def _blocks(name: str) -> list[tuple[Callable[[dict[str, Any]], nn.Module], tuple[int, ...]]]:
    sizes = [(8, 8, 1), (8, 16, 1), (8, 8, 2), (12, 6, 2), (32, 8, 1), (32, 8, 2), (16, 16, 1), (7, 5, 2), (64, 16, 1)]
    return [(lambda names, size=size: names[name](*size), (3, size[0], 9, 6)) for size in sizes]


TRIALS: dict[str, list[tuple[Callable[[dict[str, Any]], nn.Module], tuple[int, ...]]]] = {
    "BasicBlock": _blocks("BasicBlock"),
    "Bottleneck": _blocks("Bottleneck"),
    "ResNet": [
        (lambda names: names["ResNet"](make_probe(1), [2, 1, 3, 2]), (2, 3, 32, 32)),
        (lambda names: names["ResNet"](make_probe(4), [1, 2, 1, 1], 7), (2, 3, 32, 32)),
        (lambda names: names["ResNet"](names["BasicBlock"], [1, 1, 1, 2]), (2, 3, 32, 32)),
        (lambda names: names["ResNet"](names["Bottleneck"], [1, 1, 2, 1], num_classes=3), (1, 3, 32, 32)),
    ],
    "ResNet18": [(lambda names: names["ResNet18"](), (2, 3, 32, 32))],
}


def _same(mine: nn.Module, original: nn.Module, shape: tuple[int, ...]) -> bool:
    state = original.state_dict()
    if {n: v.shape for n, v in mine.state_dict().items()} != {n: v.shape for n, v in state.items()}:
        return False
    generator = torch.Generator().manual_seed(0)
    state = {
        n: torch.rand(v.shape, generator=generator) * 0.5 + 0.2 if v.is_floating_point() else v
        for n, v in state.items()
    }
    x = torch.randn(shape, generator=generator)
    mine.load_state_dict(state)
    original.load_state_dict(state)
    for training in (False, True):
        results = []
        for module in (mine, original):
            given = x.clone().requires_grad_()
            y = module.train(training)(given)
            if y.requires_grad:
                y.square().sum().backward()
            gradients = {n: p.grad for n, p in module.named_parameters()}
            results.append(
                {"y": y, "x": given.grad, **gradients, **{f"{n}!": v for n, v in module.state_dict().items()}}
            )
        if not all(_close(results[0][name], value) for name, value in results[1].items()):
            return False
    return True


def _close(a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
    if a is None or b is None or a.shape != b.shape:
        return a is b
    a, b = a.detach().double(), b.detach().double()
    if not torch.isfinite(b).all():
        return torch.equal(a.nan_to_num(), b.nan_to_num())
    return torch.allclose(a, b, rtol=1e-4, atol=1e-5 * float(b.abs().max()))


def judge(chosen: list[Mutant], jobs: int) -> dict[Mutant, str]:
    """The fate of each mutant."""
    if jobs == 1:
        return {mutant: fate(mutant) for mutant in chosen}
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        return dict(zip(chosen, pool.map(fate, chosen, chunksize=4), strict=True))


def main() -> None:
    """Judge the mutants and print the survivors."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="take every K-th mutant only")
    options = parser.parse_args()
    fates = judge(mutants()[:: options.every], options.jobs)
    for mutant, what in fates.items():
        if what == "survived":
            print(f"SURVIVED  {mutant.name}, {mutant.operator}: {mutant.line}")
    for operator in OPERATORS:
        counts = Counter(what for mutant, what in fates.items() if mutant.operator == operator)
        print(f"{operator:<18}" + "".join(f"{counts[what]:>6} {what}" for what in ("killed", "equivalent", "survived")))
    total = Counter(fates.values())
    print(f"{len(fates)} mutants: " + ", ".join(f"{n} {what}" for what, n in sorted(total.items())))
    sys.exit(1 if total["survived"] else 0)


if __name__ == "__main__":
    main()
