"""The experiments: what the notebook says about them holds, they run on any correct block, and plots are readable.

Set CIFAR10_JPEG to an .npz of CIFAR-10 as JPEG files (see `benchmarks.training_data`) for the slow tests on CIFAR-10.
"""

import os
import re
from html import escape
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import utils
from benchmarks.experiments import CLAIMS, Results, load, run
from lab import experiments, plots
from lab.experiments import depth
from tests.grader.conftest import ROOT

JPEG = os.environ.get("CIFAR10_JPEG")
DATA = [
    pytest.param(None, id="stand-in"),
    pytest.param(
        JPEG and Path(JPEG),
        marks=pytest.mark.skipif(not JPEG, reason="CIFAR10_JPEG names no .npz of CIFAR-10"),
        id="CIFAR-10 (JPEG)",
    ),
]
NAMES = ["plain", "residual"]


class BasicBlock(nn.Module):
    """The residual block, as the solution writes it."""

    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class FreeStyle(nn.Module):
    """The same block with other names, functional calls, and parameters that are in no layer."""

    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.kernels = nn.ParameterList(
            nn.Parameter(nn.init.kaiming_uniform_(torch.empty(planes, channels, 3, 3), a=5**0.5))
            for channels in (in_planes, planes)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(planes) for _ in range(2))
        self.stride = stride
        self.detour = stride != 1 or in_planes != planes
        if self.detour:
            self.corner = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(planes, in_planes, 1, 1), a=5**0.5))
            self.last = nn.BatchNorm2d(planes)

    def forward(self, x):
        out = x
        for number, (kernel, norm) in enumerate(zip(self.kernels, self.norms, strict=True)):
            out = norm(F.conv2d(out, kernel, stride=self.stride if number == 0 else 1, padding=1))
            out = out.relu() if number == 0 else out
        skip = self.last(F.conv2d(x, self.corner, stride=self.stride)) if self.detour else x
        return torch.relu_(out.add_(skip))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(in_planes, planes, 1, bias=False), nn.BatchNorm2d(planes), nn.ReLU()),
            *(nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(planes), nn.ReLU()),
            *(nn.Conv2d(planes, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes)),
        )

    def forward(self, x):
        return F.relu(self.body(x) + x)


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    root = utils.make_standin(tmp_path_factory.mktemp("standin"), 128, 20)
    return utils.get_loaders(root, workers=0)[0]


@pytest.fixture(scope="module")
def flow(loader):
    """The gradients at the depth of the notebook: a second of processor time."""
    return experiments.gradient_flow(BasicBlock, loader, device="cpu", guess={"plain": 0.01, "residual": "none"})


@pytest.fixture(scope="module")
def short(loader):
    """Two steps of networks of 8 and 14 layers."""
    return experiments.degradation(
        BasicBlock, loader, device="cpu", depths=(1, 2), steps=2, guess={"plain": 2.0, "residual": None}
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("data", DATA)
def test_every_claim_holds(data, seed):
    """At the scale of the notebook; `python -m benchmarks.experiments` prints the margins."""
    results = run(BasicBlock, load(data)[0], seed, "cpu")
    assert not [claim.text for claim in CLAIMS if not claim.holds(results)]


def test_claims_are_sentences_of_the_notebook():
    master = (ROOT / "solutions" / "resnet.py").read_text(encoding="utf-8")
    text = " ".join(re.sub(r"^# ?", "", master, flags=re.MULTILINE).split())
    assert not [claim.text for claim in CLAIMS if claim.text not in text]


def test_claims_about_gradients_hold(flow):
    """One seed on stand-in images; the slow test has five, and CIFAR-10."""
    about = [claim for claim in CLAIMS if "gradient" in claim.text or "step" in claim.text or "times" in claim.text]
    assert len(about) >= 5
    assert not [claim.text for claim in about if not claim.holds(Results(None, flow))]


def test_the_effects_come_from_the_shortcut(loader):
    """With a plain block in the place of the residual one, both experiments see no difference."""
    flow = experiments.gradient_flow(experiments.PlainBlock, loader, device="cpu", depth=1)
    assert flow.norms["plain"] == flow.norms["residual"]
    result = experiments.degradation(experiments.PlainBlock, loader, device="cpu", depths=(1,), steps=2)
    assert result.losses["plain"] == result.losses["residual"]


def test_degradation_runs_on_any_style_and_with_the_students_own_plain_block(loader):
    class Own(experiments.PlainBlock):
        built = 0

        def __init__(self, *args):
            super().__init__(*args)
            Own.built += 1

    result = experiments.degradation(FreeStyle, loader, plain=Own, device="cpu", depths=(1, 2), steps=2)
    assert Own.built == 3 * 1 + 3 * 2
    assert list(result.losses) == NAMES
    for runs in result.losses.values():
        assert {depth: len(losses) for depth, losses in runs.items()} == {8: 2, 14: 2}


def test_blocks_that_need_contiguous_tensors_run(loader):
    class Flat(BasicBlock):
        def forward(self, x):
            return super().forward(x.view(x.shape[0], -1).view(x.shape))

    experiments.degradation(Flat, loader, device="cpu", depths=(1,), steps=1)


def test_experiments_can_be_repeated_and_leave_the_random_numbers_alone(loader):
    def losses(seed):
        return experiments.degradation(BasicBlock, loader, seed=seed, device="cpu", depths=(1,), steps=2).losses

    torch.manual_seed(5)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    assert losses(3) == losses(3) != losses(4)
    experiments.gradient_flow(BasicBlock, loader, device="cpu", depth=1)
    experiments.block_cost(BasicBlock, Bottleneck, widths=(8,))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_random_crops_do_not_change_the_images(loader):
    augmented = utils.get_loaders(Path(loader.dataset.root), augment=True, workers=0)[0]
    first, second = (
        experiments.gradient_flow(BasicBlock, augmented, device="cpu", depth=1).norms["residual"] for _ in range(2)
    )
    assert first == second


def test_final_and_change():
    result = experiments.Degradation({"plain": {8: [9.0] * 8 + [1.0, 3.0], 14: [9.0] * 8 + [2.0, 3.0]}})
    assert result.final == {"plain": {8: 2.0, 14: 2.5}}
    assert result.change("plain") == 0.5


def test_the_time_left_is_in_proportion_to_the_work(loader, monkeypatch):
    """The bar counts steps times layers, because a step of a deep network takes longer."""
    updates = []

    class Bar(depth.tqdm):
        def update(self, n=1):
            updates.append((self.desc, n))
            return super().update(n)

    monkeypatch.setattr(depth, "tqdm", Bar)
    experiments.degradation(BasicBlock, loader, device="cpu", depths=(1, 2), steps=1)
    assert [n for _, n in updates] == [8, 8, 14, 14]


@pytest.mark.parametrize("block", [BasicBlock, FreeStyle])
def test_costs_are_the_ones_that_a_pencil_gives(block):
    cost = experiments.block_cost(block, Bottleneck, widths=(64, 256), image=8)
    for row in cost.rows:
        if row.block == "basic":
            weights, norms = 2 * 9 * row.width**2, 4 * row.width
        else:
            narrow = row.width // 4
            weights, norms = 2 * narrow * row.width + 9 * narrow**2, 4 * narrow + 2 * row.width
        assert row.parameters == weights + norms
        assert row.multiply_adds == weights * 8 * 8
    assert cost.savings[256][1] == pytest.approx(1_179_648 / 69_632)
    assert cost.caption.startswith("At 256 channels, a bottleneck has 16.8 times fewer parameters and 16.9 times fewer")
    assert "1,179,648" not in cost.table()
    assert f"{1_179_648 * 64:,}" in cost.table()


@pytest.fixture(scope="module")
def results(flow, short):
    return {
        "degradation": short,
        "gradient": flow,
        "cost": experiments.block_cost(BasicBlock, Bottleneck, widths=(16, 32), guess=4),
    }


@pytest.mark.parametrize("name", ["degradation", "gradient", "cost"])
def test_figures_have_labels_and_a_sentence_and_need_no_colour(results, name, capsys):
    figure = results[name].draw()
    for axis in figure.axes:
        assert axis.get_xlabel()
        assert axis.get_ylabel() or axis.get_title()
        looks = [(line.get_linestyle(), line.get_marker(), line.get_label()) for line in axis.lines]
        assert len(looks) == len(set(looks))
    results[name].plot()
    assert results[name].caption in capsys.readouterr().out
    picture = plots._picture(figure, results[name].caption)
    assert f'alt="{escape(results[name].caption)}"' in picture["text/html"]
    plt.close("all")


def test_guesses_are_drawn_where_they_are_numbers(results):
    """The fixtures guess the plain network, and have no number for the residual one."""
    for name in ("degradation", "gradient"):
        labels = [line.get_label() for line in results[name].draw().axes[0].lines]
        assert "your guess, plain" in labels
        assert "your guess, residual" not in labels
    (stars,) = [line for line in results["gradient"].draw().axes[0].lines if line.get_marker() == "*"]
    assert stars.get_ydata()[0] == pytest.approx(0.01 * results["gradient"].norms["plain"][-1])
    plt.close("all")


def test_seventeen_times_looks_like_seventeen_times():
    cost = experiments.block_cost(BasicBlock, Bottleneck, guess=9)
    for axis, quantity in zip(cost.draw().axes, (0, 1), strict=True):
        assert axis.get_xscale() == "linear"
        assert axis.get_xlim()[0] == 0
        basic, *others = (bars[0].get_width() for bars in axis.containers)
        wanted = [cost.savings[256][quantity], 9][: 1 + quantity]  # the guess is about multiply-adds
        assert [basic / other for other in others] == pytest.approx(wanted)
    plt.close("all")
