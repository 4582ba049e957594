"""What can be measured where no known mistake explains an output: where it differs, and how."""

import torch
from torch import Tensor

from autograder.oracle.observe import TOLERANCE, Observation


def symptoms(trial: Observation, expected: Observation | None) -> list[str]:
    """Phrases that describe the difference, for the student; none where nothing stands out.

    Args:
        trial: what the module did.
        expected: what the reference computes with the same weights; None where the parameters do not fit.
    """
    seen = trial.output
    if expected is None or trial.form or not isinstance(seen, Tensor) or seen.shape != expected.output.shape:
        return []
    got, right = seen.double(), expected.output
    if not torch.isfinite(got).all():
        return []
    wrong = (got - right).abs() > TOLERANCE * right.abs().max()
    if not wrong.any():
        return ["the output itself is right; its running statistics, its gradients or its input afterwards are not"]
    phrases = [describe(got, right, wrong) for describe in (_proportional, _negative, _border, _channels, _images)]
    return [phrase for phrase in phrases if phrase]


def _proportional(got: Tensor, right: Tensor, wrong: Tensor) -> str:
    factor = float((got * right).sum() / (right * right).sum())
    if float((got - factor * right).abs().max()) > TOLERANCE * float(right.abs().max()):
        return ""
    return f"the output is {factor:.4g} times what it should be"


def _negative(got: Tensor, right: Tensor, wrong: Tensor) -> str:
    below = got < -TOLERANCE * right.abs().max()
    if right.dim() != 4 or bool((right < 0).any()) or not below.any():
        return ""
    cut = "everywhere else it is right" if bool((wrong <= below).all()) else "the last step should be a ReLU"
    return f"{int(below.sum())} values of the output are negative; {cut}"


def _border(got: Tensor, right: Tensor, wrong: Tensor) -> str:
    inside = wrong[..., 1:-1, 1:-1] if wrong.dim() == 4 else wrong
    return "only pixels at the border differ: how are the convolutions padded?" if not inside.any() else ""


def _channels(got: Tensor, right: Tensor, wrong: Tensor) -> str:
    channels = wrong.transpose(0, 1).flatten(1).any(dim=1)
    if bool(channels.all()):
        return ""
    named = ", ".join(str(int(i)) for i in channels.nonzero().flatten()[:6])
    return f"only {int(channels.sum())} of {len(channels)} channels differ ({named})"


def _images(got: Tensor, right: Tensor, wrong: Tensor) -> str:
    images = wrong.flatten(1).any(dim=1)
    return "" if bool(images.all()) else f"only {int(images.sum())} of {len(images)} images of the batch differ"
