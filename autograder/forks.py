"""Processes that start in milliseconds: forks of one that has imported PyTorch and pytest already, and nothing else."""

import multiprocessing
import multiprocessing.forkserver
from multiprocessing.context import ForkServerContext


def forks() -> ForkServerContext:
    """A context of `multiprocessing` for such processes. The one they are forked from starts now, if it has not yet."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["autograder.warm"])
    multiprocessing.forkserver.ensure_running()
    return context
