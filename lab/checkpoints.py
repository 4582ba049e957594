"""Checkpoint files: replaced in one step, loaded without running code from them, never deleted."""

import contextlib
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lab.messages import say

FORMAT = "resnet training 2"


class UnusableCheckpoint(Exception):
    """The training cannot resume from this file; `str()` says why."""


class Checkpoint:
    """One checkpoint file.

    Args:
        path: the file, or a folder, which gets a file `training.pt`.
        recipe: what must be the same for the training to resume: data, batch size, learning rate and so on.
    """

    def __init__(self, path: str | Path, recipe: Mapping[str, Any]):
        path = Path(path).expanduser()
        self.path = path / "training.pt" if path.is_dir() else path
        self.recipe = dict(recipe)

    def save(self, net: nn.Module, state: Mapping[str, Any]) -> bool:
        """Write the weights of `net` and `state`; the old file stays until the new one is complete.

        Returns:
            Whether the file was written; if not, one line is printed that says why.
        """
        content = {
            "format": FORMAT,
            "recipe": self.recipe,
            "net": net.state_dict(),
            "logits": probe(net).cpu(),
            "state": dict(state),
        }
        temporary = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.path.parent, prefix=f".{self.path.name}-", delete=False) as file:
                temporary = Path(file.name)
                torch.save(content, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            if temporary is not None:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
            reason = str(error).splitlines()[0]
            say(f"The checkpoint {self.path} could not be written ({reason}); training goes on without it.")
            return False
        return True

    def load(self, net: nn.Module) -> dict[str, Any] | None:
        """Load the saved weights into `net` and return the rest of the state; None when there is no file.

        Raises:
            UnusableCheckpoint: the file is damaged, or of another network or recipe. `net` is unchanged.
        """
        if not self.path.exists():
            return None
        content = self._read()
        self._compare_recipes(content["recipe"])
        _compare_shapes(content["net"], net)
        before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
        net.load_state_dict(content["net"])
        if not _same_logits(probe(net).cpu(), content["logits"]):
            net.load_state_dict(before)
            raise UnusableCheckpoint("its network has the same weights as yours but computes something else")
        return content["state"]

    def set_aside(self) -> Path | None:
        """Rename the file to the first free `NAME.old-N.pt` and return that; None when it cannot be renamed."""
        number = 1
        while (aside := self.path.with_suffix(f".old-{number}{self.path.suffix}")).exists():
            number += 1
        try:
            return self.path.rename(aside)
        except OSError:
            return None

    def _read(self) -> dict[str, Any]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about pickle protocols, when the file is no checkpoint
                content = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file can raise anything
            raise UnusableCheckpoint("it is damaged, or no checkpoint at all") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise UnusableCheckpoint("it is no checkpoint of this training")
        return content

    def _compare_recipes(self, saved: Mapping[str, Any]) -> None:
        names = [name for name in {**saved, **self.recipe} if saved.get(name) != self.recipe.get(name)]
        if names:
            parts = [f"{name} {saved.get(name)}, now {self.recipe.get(name)}" for name in names]
            raise UnusableCheckpoint(f"it was trained otherwise ({'; '.join(parts)})")


def _compare_shapes(state_dict: Mapping[str, Tensor], net: nn.Module) -> None:
    saved, current = (
        {name: tuple(tensor.shape) for name, tensor in tensors.items()} for tensors in (state_dict, net.state_dict())
    )
    different = [name for name in {**current, **saved} if current.get(name) != saved.get(name)]
    if different:
        name = different[0]
        in_file, in_net = (str(shapes[name]) if name in shapes else "missing" for shapes in (saved, current))
        raise UnusableCheckpoint(f"it is of another network ({name}: {in_file} in the file, {in_net} in yours)")


@torch.no_grad()
def probe(net: nn.Module) -> Tensor:
    """Logits (2, classes) for two fixed random images: they differ when the code differs but the weights do not."""
    device = next(net.parameters()).device
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).to(device)
    training = net.training
    logits = net.eval()(images)
    net.train(training)
    return logits


def _same_logits(current: Tensor, saved: Tensor) -> bool:
    """Equal up to the rounding of another device or version; NaN equals NaN."""
    if current.shape != saved.shape:
        return False
    scale = saved.nan_to_num(0, 0, 0).abs().max().item()
    return torch.allclose(current, saved, rtol=0, atol=0.02 * scale + 1e-4, equal_nan=True)
