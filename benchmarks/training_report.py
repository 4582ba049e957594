"""The results of the calibration as Markdown, for docs/gpu.md."""

import statistics
from collections.abc import Sequence

from autograder.training.calibration import Calibration
from benchmarks.threshold import DEVIATIONS, MARGIN, Spread
from benchmarks.training_runs import Run


def as_markdown(
    measured: Calibration,
    spread: Spread,
    right: Sequence[Run],
    wrong: Sequence[Run],
    curve: Sequence[tuple[float, float]],
    tutorial: tuple[list[float], float] | None,
) -> str:
    """Return tables of the results.

    Args:
        measured: the resulting calibration.
        spread: the accuracies of the correct networks.
        right: trainings of correct networks.
        wrong: trainings of incorrect networks.
        curve: training and held-out accuracy after each epoch; empty for a single one.
        tutorial: accuracies and seconds of the notebook's own training.
    """
    parts = [
        _summary(measured, spread, right),
        _right(right),
        _wrong(wrong, spread.threshold),
        _curve(curve),
        _tutorial(tutorial, spread.mean, right),
    ]
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _summary(measured: Calibration, spread: Spread, right: Sequence[Run]) -> str:
    recipe = measured.recipe
    rule = f"mean - max({DEVIATIONS} standard deviations, {MARGIN:.0%}), or less for the weakest network; rounded down"
    size = f"batch {recipe.batch_size}, {recipe.optimizer}, learning rate {recipe.peak_lr:g}"
    rows = [
        ("data", measured.data),
        ("hardware", measured.hardware),
        ("recipe", f"{recipe.in_words()}, {size}"),
        ("accuracy of right networks", f"{spread.mean:.2%} ± {spread.std:.2%} over {len(right)} trainings"),
        ("lowest, highest", f"{min(spread.accuracies):.2%}, {max(spread.accuracies):.2%}"),
        ("threshold", f"**{spread.threshold:.1%}** ({rule})"),
        (f"`{spread.weakest}`, the weakest, misses it", _false_alarm(spread)),
        ("seconds a training", f"{statistics.median(run.seconds for run in right):.1f} (median)"),
    ]
    return _table(("measured", measured.date), rows)


def _false_alarm(spread: Spread) -> str:
    missed = f"{spread.below} of {len(spread.accuracies)} did"
    if not spread.below:
        missed += f", so fewer than {spread.false_alarm_bound:.1%} do (95 % confidence, whatever the distribution)"
    return f"with probability {spread.false_alarm:.1g} if accuracies are normally distributed; {missed}"


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
    return f"{_table(('wrong network', 'accuracy', 'threshold'), rows)}\n\n{note}"


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
