"""The reference: what a block and a network must compute, and which mistake computes what the student's code does."""

from autograder.oracle.judge import is_right, judge_block, judge_network
from autograder.oracle.naming import diagnosis_of

__all__ = ["diagnosis_of", "is_right", "judge_block", "judge_network"]
