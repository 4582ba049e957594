"""Looking inside a network: the filters, the feature maps, and receptive fields that a pencil confirms."""

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from benchmarks.training_networks import SOLUTION, builder
from lab import features, plots
from lab.experiments import ThinNet


@pytest.fixture(scope="module")
def solved():
    """The names of the solution."""
    with builder(SOLUTION) as build:
        yield build.__globals__


@pytest.fixture(scope="module")
def net(solved):
    torch.manual_seed(0)  # of four channels all may be zero at the edge of a field, with other weights
    return ThinNet(solved["BasicBlock"], 1, 4)


def test_receptive_fields(net, solved):
    fields = features.receptive_fields(net, solved["BasicBlock"])
    assert fields == {"block 1": 7, "block 2": 13, "block 3": 25}
    assert net.training, "as it was"


@pytest.mark.slow
def test_receptive_fields_of_the_notebooks_networks(solved):
    quick = solved["ResNet"](solved["BasicBlock"], [1, 1, 1, 1])
    assert list(features.receptive_fields(quick, solved["BasicBlock"]).values()) == [7, 13, 25, 49]
    fields = features.receptive_fields(solved["ResNet18"](), solved["BasicBlock"])
    assert list(fields.values()) == [7, 11, 17, 25, 37, 53, 64, 64]


def test_filters_and_feature_maps_are_drawn(net, solved, monkeypatch):
    figures = []
    monkeypatch.setattr(plots, "show", lambda figure, caption: figures.append((figure, caption)))
    features.show_filters(net)
    features.show_feature_maps(net, torch.zeros(3, 32, 32), solved["BasicBlock"])
    (filters, caption), (maps, caption2) = figures
    assert "4 filters" in caption
    assert len(filters.axes) == 16
    titles = [axis.get_title(loc="left") for axis in maps.axes]
    assert "block 3: 8 by 8" in titles
    assert "3 blocks" in caption2
    plt.close("all")


def test_networks_without_such_layers_are_said(capsys, solved):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
    features.show_filters(net)
    features.show_feature_maps(net, torch.zeros(3, 32, 32), solved["BasicBlock"])
    first, second = capsys.readouterr().out.splitlines()
    assert "no convolution" in first
    assert "no block of the class BasicBlock" in second
