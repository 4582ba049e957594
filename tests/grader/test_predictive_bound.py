"""The threshold's arithmetic: quantiles against published tables, and false alarms against a simulation."""

import pytest

from autograder.training.budgets import load_budget
from autograder.training.predictive_bound import FALSE_ALARM, f_tail, predictive_bound, t_quantile, t_tail
from benchmarks.spread import false_alarms


@pytest.mark.parametrize(
    ("tail", "degrees", "value"), [(0.025, 7, 2.3646), (0.025, 1, 12.7062), (0.001, 30, 3.3852), (0.05, 120, 1.6577)]
)
def test_students_t_is_that_of_the_tables(tail, degrees, value):
    assert t_quantile(tail, degrees) == pytest.approx(value, abs=1e-4)
    assert t_tail(value, degrees) == pytest.approx(tail, rel=1e-3)


@pytest.mark.parametrize(("above", "below", "value"), [(7, 7, 3.787), (7, 24, 2.423), (7, 120, 2.087)])
def test_f_is_that_of_the_tables(above, below, value):
    assert f_tail(value, above, below) == pytest.approx(0.05, rel=2e-3)


def test_a_study_brings_the_bound_nearer():
    alone = predictive_bound(0.9, 0.005, 8)
    assert alone == pytest.approx(0.9 - 10.1027 * 0.005 * (9 / 8) ** 0.5, abs=1e-4)
    assert predictive_bound(0.9, 0.005, 8, 0.005, 24) == pytest.approx(0.9 - 5.025 * 0.005 * (9 / 8) ** 0.5, abs=1e-4)


def test_a_spread_that_is_larger_here_counts():
    """A little larger: it replaces the pooled one. Much larger: the study says nothing about this machine."""
    assert predictive_bound(0.9, 0.006, 8, 0.005, 24) == pytest.approx(0.9 - 5.025 * 0.006 * (9 / 8) ** 0.5, abs=1e-4)
    assert predictive_bound(0.9, 0.02, 8, 0.005, 24) == predictive_bound(0.9, 0.02, 8)


@pytest.mark.parametrize(("budget", "ratio"), [("short", 1.0), ("short", 0.6), ("full", 1.0)])
def test_right_submissions_are_hardly_ever_judged_wrong(budget, ratio):
    """By simulation; `python -m benchmarks.false_alarm` does the same with more draws."""
    known = load_budget(budget)
    study = (known.study.std, known.study.freedom) if known.study else (0.01, 1)
    rate, error = false_alarms(*study, known.trainings, worlds=2000, ratio=ratio, studied=known.study is not None)
    assert rate - 3 * error <= FALSE_ALARM
    assert rate < 2 * FALSE_ALARM
    assert false_alarms(*study, known.trainings, worlds=300, ratio=3, studied=known.study is not None)[0] < 3e-3
