"""Our own mathematics: what a block and a network must compute, and which mistake computes what a student's does."""

from autograder.oracle.judge import Mismatch, Verdict, judge_block, judge_network

__all__ = ["Mismatch", "Verdict", "judge_block", "judge_network"]
