"""What the evidence says about the edits that are worth trying: sizes, calls, a factor, unused layers."""

from collections import Counter
from collections.abc import Iterator

from autograder.oracle.edits import Hints, task_of
from autograder.oracle.explain import Explainer, are_tensors, is_same
from autograder.oracle.interpreter import DOES_NOT_FIT
from autograder.oracle.matching import compare, held_by
from autograder.oracle.observe import replay
from autograder.oracle.program import layer_of
from autograder.oracle.trial import Evidence, Subject


def hints_of(evidence: Evidence, explainer: Explainer) -> Hints:
    """Sizes of tensors that the right program has not, how networks built their blocks, and a factor of the output."""
    sizes, calls = set(), {}
    for subject in evidence.subjects:
        _, extra = compare(subject.task.program.roles, subject.found)
        sizes |= {size for one in extra if len(one.shape) < 3 for size in one.shape}
        if subject.calls:
            calls[task_of(subject.task.program)] = tuple(subject.calls)
    factors = _factors(evidence, explainer)
    return Hints(frozenset(sorted(sizes)[:12]), tuple(calls.items()), factors, tuple(_unused(evidence)))


def _unused(evidence: Evidence) -> Iterator[tuple[tuple, tuple]]:
    """For each task the tensors of layers that get no gradient in any module, where that many are too many."""
    called: dict[str, bool] = {}
    for subject in evidence.subjects:
        for trial in subject.trials:
            for one in subject.found if trial.gradients else ():
                layer = layer_of(one.name)
                called[layer] = called.get(layer, False) or trial.gradients.get(one.name) is not None
    unused: set[str] = set()
    for layer in reversed([layer for layer in called if not called[layer]]):  # the last one is the likeliest
        if all(_are_too_many(unused | {layer}, subject) for subject in evidence.subjects):
            unused.add(layer)
    for subject in evidence.subjects if unused else ():
        yield task_of(subject.task.program), held_by(unused, subject.found)


def _are_too_many(layers: set[str], subject: Subject) -> bool:
    """Whether a module has the tensors of these layers besides all those of the right program."""
    theirs = Counter((f.shape, f.learned) for f in subject.found if layer_of(f.name) in layers)
    return theirs <= subject.tensors - subject.task.program.tensors


def _factors(evidence: Evidence, explainer: Explainer) -> tuple[float, ...]:
    """What the first output is the right one times, in eval mode; nothing where it is no multiple of it."""
    for subject in evidence.subjects:
        program, trial = subject.task.program, subject.trials[0]
        for names in explainer.orders_of(program, subject, 1) if trial.error is None else ():
            try:
                right = replay(program, names, subject.exact, trial, explainer.memory(trial)).output
            except DOES_NOT_FIT:
                continue
            alike = are_tensors(trial.output, right) and trial.output.shape == right.shape
            if not alike or not trial.output.is_floating_point():
                continue
            factor = float(f"{(trial.output.double() * right).sum() / (right * right).sum():.5g}")
            return (factor,) if factor != 1 and is_same(trial.output, factor * right) else ()
    return ()
