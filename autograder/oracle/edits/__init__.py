"""Edits of programs, by subject: each is a mistake that students make.

A kind of edit is a function that yields the edit at every place where it makes sense, with a template for its sentence,
see `kind`. The order matters: of two edits that compute the same, the first is reported.
"""

from autograder.oracle.edits import (  # noqa: F401, I001 - in the order of their likelihood
    activations,
    shortcut,
    convolutions,
    norms,
    values,
    network,
    left_out,
    constructor,
)
from autograder.oracle.edits.kind import SEEN_ONLY, SENTENCES, Edit, Hints, apply, catalogue, task_of

__all__ = ["SEEN_ONLY", "SENTENCES", "Edit", "Hints", "apply", "catalogue", "task_of"]
