"""A module's state, each tensor once: layers and parameters may have two names."""

import pytest
import torch
from torch import nn

from autograder.student.state import load_state, state_of, update_state


class TwoNames(nn.Module):
    """One convolution and its BatchNorm, each under two names, a buffer that is a parameter, and an extra state."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.layers = nn.Sequential(self.conv, self.bn)
        self.register_buffer("scale", self.bn.weight)
        self.extra = {"format": 2}

    def get_extra_state(self):
        return self.extra

    def set_extra_state(self, state):
        self.extra = state


def test_each_tensor_is_there_once_under_the_name_of_its_parameter():
    module = TwoNames()
    assert list(state_of(module)) == [
        *("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked")
    ]
    assert [n for n, _ in module.named_parameters()] == ["conv.weight", "bn.weight", "bn.bias"]


def test_a_loaded_value_is_not_written_back_by_the_other_name():
    module = TwoNames()
    state = state_of(module)
    load_state(module, {**state, "conv.weight": torch.ones(4, 3, 1, 1), "bn.weight": torch.full((4,), 2.0)})
    assert bool((module.layers[0].weight == 1).all())
    assert bool((module.scale == 2).all())
    assert module.extra == {"format": 2}


def test_an_update_leaves_the_rest():
    module = TwoNames()
    before = {name: value.clone() for name, value in state_of(module).items()}
    update_state(module, {"bn.weight": torch.full((4,), 2.0)})
    after = state_of(module)
    assert [name for name, value in before.items() if not torch.equal(value, after[name])] == ["bn.weight"]
    assert module.extra == {"format": 2}
    with pytest.raises(RuntimeError, match="Unexpected key"):
        update_state(module, {"conv.bias": torch.zeros(4)})


@pytest.mark.parametrize("change", ["missing", "unexpected", "shape"])
def test_loading_is_strict(change):
    module = TwoNames()
    state = state_of(module)
    if change == "missing":
        del state["bn.bias"]
    elif change == "unexpected":
        state["conv.bias"] = torch.zeros(4)
    else:
        state["bn.bias"] = torch.zeros(5)
    with pytest.raises(RuntimeError, match="bias"):
        load_state(module, state)


def test_tensors_without_values_are_told_apart():
    module = nn.ParameterDict({"a": nn.Parameter(torch.empty(0, 3)), "b": nn.Parameter(torch.empty(0, 3))})
    assert list(state_of(module)) == ["a", "b"]
