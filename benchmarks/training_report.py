"""The results of the calibration as Markdown, for docs/gpu.md."""

import statistics
from collections.abc import Sequence

from autograder.training.budgets import Budget
from autograder.training.predictive_bound import predictive_bound
from benchmarks.spread import Spread
from benchmarks.training_networks import MUST_FAIL
from benchmarks.training_runs import Run


def as_markdown(
    budget: Budget,
    spread: Spread,
    right: Sequence[Run],
    wrong: Sequence[Run],
    curve: Sequence[tuple[float, float]],
    tutorial: tuple[list[float], float] | None,
) -> str:
    """Return tables of the results.

    Args:
        budget: with the study and the floor that were measured.
        spread: the accuracies of the correct networks.
        right: trainings of correct networks.
        wrong: trainings of incorrect networks.
        curve: training and held-out accuracy after each epoch; empty for a single one.
        tutorial: accuracies and seconds of the notebook's own training.
    """
    parts = [
        _summary(budget, spread, right),
        _right(right),
        _wrong(wrong, bound_here(budget, spread)),
        _curve(curve),
        _tutorial(tutorial, spread.mean, right),
    ]
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def bound_here(budget: Budget, spread: Spread) -> float:
    """The accuracy that a machine can ask for where right networks reach what they do here."""
    return predictive_bound(spread.mean, spread.std, budget.trainings, budget.study.std, budget.study.freedom)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _summary(budget: Budget, spread: Spread, right: Sequence[Run]) -> str:
    recipe, study = budget.recipe, budget.study
    size = f"{recipe.optimizer}, batch size {recipe.batch_size}, peak learning rate {recipe.peak_lr:g}"
    rows = [
        ("data", study.data),
        ("hardware", study.hardware),
        ("recipe", f"{recipe.in_words()}, {size}"),
        ("accuracy of right networks", f"{spread.mean:.2%} ± {spread.std:.2%} over {len(right)} trainings"),
        ("lowest, highest", f"{min(spread.accuracies):.2%}, {max(spread.accuracies):.2%}"),
        ("standard deviation within one network", f"{spread.luck:.2%}"),
        ("bound of a machine like this one", f"**{bound_here(budget, spread):.1%}**"),
        ("floor", f"{budget.floor:.1%}: the best of {', '.join(MUST_FAIL)}"),
        ("seconds a training", f"{_median(right, 'seconds')} (median); {_median(right, 'core_seconds')} of one core"),
    ]
    return _table(("measured", study.date), rows)


def _median(runs: Sequence[Run], field: str) -> str:
    return f"{statistics.median(getattr(run, field) for run in runs):.1f}"


def _right(right: Sequence[Run]) -> str:
    rows = []
    for name in dict.fromkeys(run.network for run in right):
        mine = [run for run in right if run.network == name]
        accuracies, seconds = [run.accuracy for run in mine], statistics.median(run.seconds for run in mine)
        mean = f"{statistics.mean(accuracies):.2%}"
        rows.append((name, str(len(mine)), mean, f"{min(accuracies):.2%}", f"{seconds:.1f}"))
    return _table(("right network", "trainings", "mean", "lowest", "seconds"), rows)


def _wrong(wrong: Sequence[Run], threshold: float) -> str:
    if not wrong:
        return ""
    rows = [(run.network, f"{run.accuracy:.2%}", _verdict(run, threshold)) for run in wrong]
    reached = sum(not run.error and run.accuracy >= threshold for run in wrong)
    note = (
        f"{reached} of {len(wrong)} wrong networks learn well enough all the same: q1 to q3 catch what these do wrong."
    )
    return f"{_table(('wrong network', 'accuracy', 'bound'), rows)}\n\n{note}"


def _verdict(run: Run, threshold: float) -> str:
    if run.error:
        return f"not trained: {run.error[:80]}".replace("|", "\\|")
    if run.accuracy >= threshold:
        return "**reached**"
    return f"missed by {100 * (threshold - run.accuracy):.1f} points"


def _curve(curve: Sequence[tuple[float, float]]) -> str:
    if not curve:
        return ""
    rows = [(str(epoch), f"{train:.1%}", f"{test:.1%}") for epoch, (train, test) in enumerate(curve, start=1)]
    return _table(("epoch", "while training", "held out"), rows)


def _tutorial(tutorial: tuple[list[float], float] | None, accuracy: float, right: Sequence[Run]) -> str:
    if tutorial is None:
        return ""
    history, seconds = tutorial
    median = statistics.median(run.seconds for run in right)
    if history[-1] >= accuracy:
        return (
            f"The notebook's training reaches {accuracy:.2%} after {len(history)} epochs and {seconds:.0f} s, "
            f"{seconds / median:.1f} times as long."
        )
    return (
        f"The notebook's training reaches {max(history):.2%} at most in {len(history)} epochs and {seconds:.0f} s "
        f"({seconds / median:.1f} times as long), not {accuracy:.2%}."
    )
