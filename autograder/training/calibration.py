"""Before anyone is judged: which accuracy do right networks reach on this machine?

The grader trains right networks of its own with the recipe of the budget and with this data, confined as a student's.
What one more right network reaches with near certainty is this machine's bound. A student's network must reach the
minimum that the course states, or the bound where that is lower. A machine whose bound wrong networks reach judges
nobody. Each training is kept as soon as it ends, so an interrupted calibration continues, and the next one is reused.
"""

import datetime
import math
import secrets
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from multiprocessing.pool import ThreadPool
from pathlib import Path

from autograder.submission import Slice
from autograder.training.budgets import Budget
from autograder.training.calibration_store import CalibrationStore, RightTraining, kept_calibrations
from autograder.training.context import TrainingContext, TrainingSetup
from autograder.training.evaluate import train
from autograder.training.machine import circumstances
from autograder.training.predictive_bound import predictive_bound
from autograder.training.right_networks import STYLES, network_slice
from autograder.training.seeds import derive
from autograder.training.slots import Slots
from autograder.training.train_confined import TrainingStopped

SLOWER = 4
"""How many times as long as the slowest right network a student's may train: it may be slower, or share the machine."""

Tell = Callable[[str], None]


def calibrate(
    setup: TrainingSetup,
    results: Path,
    *,
    jobs: int = 1,
    tell: Tell = lambda line: None,
    say: Tell = lambda line: None,
    unsafe: bool = False,
) -> TrainingSetup:
    """Train right networks, unless that was done here; returns the setup to judge with.

    Its `threshold` is the accuracy that submissions must reach, or its `problem` says why nobody can be judged here.

    Args:
        setup: how submissions are to be trained; its threshold is the course's minimum.
        results: the results folder.
        jobs: trainings at once.
        tell: called with the progress of the trainings.
        say: called with the result, one line for the TA.
        unsafe: as of `Grader`.
    """
    with closing(TrainingContext(setup, Slots(jobs), unsafe=unsafe)) as context:
        if context.unavailable_reason is not None:
            return setup
        where = circumstances(setup.device, setup.budget.recipe, context.data)
        store = CalibrationStore(results, where)
        with store.locked():
            known = trainings = store.load()
            try:
                for count in (setup.budget.trainings, 2 * setup.budget.trainings):
                    if len(trainings) < count:
                        trainings = _measure(context, trainings, count, store, jobs, tell)
                    if not _is_too_weak(setup, trainings):  # a few that happen to vary much would judge nobody
                        break
            except TrainingStopped as stopped:
                return replace(setup, problem=f"the grader's right networks cannot be trained here: {stopped.reason}")
            store.save(trainings)
    how = f"reused from {trainings[-1].date}, " if len(trainings) == len(known) else ""
    return _judge(setup, trainings, where["device"], how, say)


def thresholds(setup: TrainingSetup, results: Path) -> set[float]:
    """The thresholds that results in this folder may have been judged by; the course's minimum where none is known."""
    kept = kept_calibrations(results, str(setup.budget.recipe))
    return {min(setup.threshold, _bound(setup.budget, some)) for some in kept if len(some) > 1} or {setup.threshold}


def _measure(
    context: TrainingContext, known: list[RightTraining], count: int, store: CalibrationStore, jobs: int, tell: Tell
) -> list[RightTraining]:
    """Train what is missing of `count`, `jobs` at once."""
    names = [*STYLES] * math.ceil(count / len(STYLES))
    missing = [*(Counter(names[:count]) - Counter(training.style for training in known)).elements()]
    missing = missing[: count - len(known)]
    trainings = list(known)
    _ = context.images  # once, before several threads ask for it
    slices = {style: network_slice(STYLES[style]) for style in STYLES}  # Python 3.11 cannot parse in several threads

    def train_one(style: str) -> RightTraining:
        return _train_one(
            context, style, slices[style], lambda line: tell(f"calibration, {len(trainings)} of {count}: {line}")
        )

    with ThreadPool(jobs) as pool:
        for first in range(0, len(missing), jobs):  # where one fails, no other is begun
            for done in pool.imap_unordered(train_one, missing[first : first + jobs]):
                trainings.append(done)
                store.save(trainings)
    return trainings


def _train_one(context: TrainingContext, style: str, network: Slice, tell: Tell) -> RightTraining:
    secret = secrets.token_bytes(32)
    exam = context.exam(derive(secret, "held-out images", bits=256))
    trained = train(context, network, exam, derive(secret, "training"), tell=tell)
    today = datetime.date.today().isoformat()
    return RightTraining(style, round(exam.accuracy(trained.logits), 5), round(trained.seconds, 1), today)


def _judge(setup: TrainingSetup, trainings: Sequence[RightTraining], device: str, how: str, say: Tell) -> TrainingSetup:
    """The setup with the threshold that follows from these trainings."""
    bound, minimum, floor = _bound(setup.budget, trainings), setup.threshold, setup.budget.floor
    mean, std = _mean_and_std(trainings)
    reach = f"{len(trainings)} right networks reach {mean:.1%} ± {std:.1%} on {device}"
    if _is_too_weak(setup, trainings):
        problem = f"{reach}: they may fall to {bound:.1%}, and wrong networks reach {floor:.1%}"
        return replace(setup, problem=problem)
    lowered = f": lowered from {minimum:.1%}, which right ones may miss here" if bound < minimum else ""
    say(f"calibration: {how}{reach}; a network must reach {min(minimum, bound):.1%}{lowered}")
    seconds = max(setup.limits.fit_seconds, SLOWER * max(training.seconds for training in trainings))
    return replace(setup, threshold=min(minimum, bound), limits=replace(setup.limits, fit_seconds=seconds))


def _is_too_weak(setup: TrainingSetup, trainings: Sequence[RightTraining]) -> bool:
    """Whether wrong networks reach what right ones may fall to."""
    return _bound(setup.budget, trainings) < min(setup.threshold, setup.budget.floor)


def _bound(budget: Budget, trainings: Sequence[RightTraining]) -> float:
    """What a right network reaches here with near certainty, rounded down to a tenth of a percent."""
    study = (budget.study.std, budget.study.freedom) if budget.study else ()
    bound = predictive_bound(*_mean_and_std(trainings), len(trainings), *study)
    return max(0.0, math.floor(1000 * bound) / 1000)


def _mean_and_std(trainings: Sequence[RightTraining]) -> tuple[float, float]:
    accuracies = [training.accuracy for training in trainings]
    return statistics.mean(accuracies), statistics.stdev(accuracies)
