"""The file that a training goes on from: written in one step, read with suspicion, never thrown away."""

import contextlib
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

FORMAT = "resnet training 1"


class Unusable(Exception):
    """A checkpoint that this training cannot go on from; `str()` says why."""


class Checkpoint:
    """One checkpoint file.

    Args:
        path: the file; a folder stands for `training.pt` in it.
        recipe: what must be the same for the training to go on: data, batch size, learning rate and so on.
    """

    def __init__(self, path: str | Path, recipe: Mapping[str, Any]):
        path = Path(path).expanduser()
        self.path = path / "training.pt" if path.is_dir() else path
        self.recipe = dict(recipe)

    def save(self, net: nn.Module, state: Mapping[str, Any]) -> bool:
        """Write the network and the rest of the state; the old file stays until the new one is complete.

        Returns:
            False, and one printed line, when the disk does not take it.
        """
        content = {
            "format": FORMAT,
            "recipe": self.recipe,
            "net": net.state_dict(),
            "answer": probe(net).cpu(),
            "state": dict(state),
        }
        scratch = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.path.parent, prefix=f".{self.path.name}-", delete=False) as file:
                scratch = Path(file.name)
                torch.save(content, file)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self.path)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            if scratch is not None:
                with contextlib.suppress(OSError):
                    scratch.unlink(missing_ok=True)
            reason = str(error).splitlines()[0]
            print(f"The checkpoint {self.path} could not be written ({reason}); training goes on without it.")
            return False
        return True

    def load(self, net: nn.Module) -> dict[str, Any] | None:
        """Put the saved weights into `net` and return the rest of the state; None when there is no file.

        Raises:
            Unusable: the file is damaged, or of another network or recipe. `net` is as it was.
        """
        if not self.path.exists():
            return None
        content = self._read()
        self._compare_recipes(content["recipe"])
        _compare_shapes(content["net"], net)
        before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
        net.load_state_dict(content["net"])
        if not _same_answer(probe(net).cpu(), content["answer"]):
            net.load_state_dict(before)
            raise Unusable("its network has the same weights as yours but computes something else")
        return content["state"]

    def set_aside(self) -> Path | None:
        """Rename the file to the first free `NAME.old-N.pt`; None when that is not possible."""
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
                warnings.simplefilter("ignore")  # about the pickle protocol of what is no checkpoint
                content = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever a damaged file makes of the unpickler
            raise Unusable("it is damaged, or no checkpoint at all") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise Unusable("it is no checkpoint of this training")
        return content

    def _compare_recipes(self, theirs: Mapping[str, Any]) -> None:
        names = [name for name in {**theirs, **self.recipe} if theirs.get(name) != self.recipe.get(name)]
        if names:
            parts = [f"{name} {theirs.get(name)}, now {self.recipe.get(name)}" for name in names]
            raise Unusable(f"it was trained otherwise ({'; '.join(parts)})")


def _compare_shapes(theirs: Mapping[str, Tensor], net: nn.Module) -> None:
    ours = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    saved = {name: tuple(tensor.shape) for name, tensor in theirs.items()}
    different = [name for name in {**ours, **saved} if ours.get(name) != saved.get(name)]
    if different:
        name = different[0]
        parts = [str(shapes[name]) if name in shapes else "missing" for shapes in (saved, ours)]
        raise Unusable(f"it is of another network ({name}: {parts[0]} in the file, {parts[1]} in yours)")


@torch.no_grad()
def probe(net: nn.Module) -> Tensor:
    """What the network answers to a fixed random picture: the same weights in other code answer differently."""
    parameter = next(net.parameters())
    picture = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).to(parameter.device)
    training = net.training
    answer = net.eval()(picture)
    net.train(training)
    return answer


def _same_answer(ours: Tensor, theirs: Tensor) -> bool:
    """Equal up to what another device or version rounds differently; two broken networks may both answer nan."""
    if ours.shape != theirs.shape:
        return False
    scale = theirs.nan_to_num(0, 0, 0).abs().max().item()
    return torch.allclose(ours, theirs, rtol=0, atol=0.02 * scale + 1e-4, equal_nan=True)
