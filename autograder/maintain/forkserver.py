"""Processes that start in milliseconds: each is a fork of one that has imported PyTorch and pytest already."""

import multiprocessing
import multiprocessing.forkserver
from multiprocessing.context import ForkServerContext


def forkserver_context() -> ForkServerContext:
    """A context of `multiprocessing` for such processes. The one they are forked from starts now, if it has not yet."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["autograder.maintain.forkserver_preload"])
    multiprocessing.forkserver.ensure_running()
    return context
