"""Imported once, by the process that the grading processes are forked from: what takes long the first time.

It runs no student code, and starts no thread: a forked process has only one.
"""

import contextlib
import gc
import os

import torch
import torch.fx.experimental.symbolic_shapes  # as the first backward pass does

from autograder.grading.grade import SUITE, Grader
from autograder.sandbox import linux
from autograder.student.errors import GraderBroken
from autograder.student.no_submission import NoSubmission
from autograder.suite.run import run_suite

__all__ = ["Grader"]

os.setpgrp()  # Ctrl-C is for the process that starts and ends the others
torch.set_num_threads(1)
linux.keep_freed_memory()
with contextlib.suppress(GraderBroken):  # a check that is broken, or missing, is said where a submission is graded
    run_suite(NoSubmission(""), SUITE)  # pytest's first run imports its plugins
gc.collect()
gc.freeze()  # else the collector of each forked process writes to every object, and so copies them
