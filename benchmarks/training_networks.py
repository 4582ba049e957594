"""The networks that the calibration trains: correct ones in several styles, and incorrect ones."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.submission import Cell, Submission, execute, slice_submission

SOLUTION = "solution"
RIGHT = (
    SOLUTION,
    "initialised_by_apply",  # orthogonal kernels
    "zero_init_residual",  # each block starts as the identity
    "torchvision_style",  # He's normal distribution
    "functional_style",  # parameters and buffers by hand
    "batchnorm_by_hand",  # half precision meets arithmetic that is not PyTorch's own
)
"""The solution, and gallery entries that may train differently. Each is trained several times."""

ONCE = (
    "fast_and_terse",  # zero-initialised, with He's normal distribution
    "norm_subclass",
    "own_norm_starts_at_zero",
    "passed_downsample",
    "raw_parameters",
)
"""Other right entries that do not initialize their weights as PyTorch does: trained once."""

MUST_FAIL = (
    "q3_linear_classifier",
    "q3_two_layers",
    "q3_table",
    "q1_convolutions_frozen",
    "q1_forward_under_no_grad",
    "q3_features_detached",
)
"""Gallery entries that no threshold may let pass: no residual networks, or most of the network does not learn."""

WRONG = (
    *MUST_FAIL,
    "q1_residual_detached",
    "q1_shortcut_detached",
    "q1_layers_in_list",
    "q1_no_relu_at_all",
    "q1_no_batchnorm",
    "q1_batchnorm_eval_forever",
    "q1_batchnorm_always_training",
    "q1_no_shortcut_add",
    "q3_stem_detached",
    "q3_repeated_block",
    "q3_softmax_output",
    "q3_imagenet_stem",
    "q3_narrow_planes",
    "q3_three_stages",
)
"""All gallery entries whose mistake may affect training."""


@contextlib.contextmanager
def builder(name: str) -> Iterator[Callable[[], nn.Module]]:
    """Context with `ResNet18` of the solution or an entry. Changes of the entry to `torch.nn` are undone at the end."""
    source = solved_source() if name == SOLUTION else complete(entries()[name], solved_source())
    slice_ = slice_submission(Submission(f"{name}.py", (Cell(f"{name}.py", source),)))
    before, namespace = dict(vars(nn)), dict[str, Any]()
    try:
        execute(slice_, namespace)
        yield namespace["ResNet18"]
    finally:
        vars(nn).update(before)
