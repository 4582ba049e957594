"""The training that counts: it learns, repeats itself, and ends in good order whatever the network is."""

import dataclasses
import json
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import utils
from autograder.training.inside import fit as training
from autograder.training.inside import pixels
from autograder.training.inside import precision as arithmetic
from autograder.training.inside.fit import STEPS_BETWEEN_REPORTS, Recipe, fit, learning_rate, predict
from autograder.training.inside.pixels import shift_and_flip

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=3, batch_size=20, peak_lr=0.05)


def small_net() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 4, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)),
    )


def coloured(count=210):
    """Images of one colour and some noise; two classes are easily told apart, whatever is moved or mirrored."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2 * 7
    colours = torch.tensor([[200, 60, 60], [60, 60, 200]])[labels // 7]
    images = colours[:, :, None, None] + torch.randint(-40, 41, (count, 3, 32, 32), generator=generator)
    return images.to(torch.uint8), labels


def train(net, recipe=RECIPE, seed=5, data=None, **options):
    fit(net, *(data or coloured()), recipe, device=CPU, seed=seed, **options)
    return net


def accuracy(net):
    images, labels = coloured(100)
    return float((predict(net, images, device=CPU).argmax(dim=1) == labels).float().mean())


def test_it_learns():
    assert accuracy(small_net()) < 0.7
    assert accuracy(train(small_net())) > 0.95


def test_the_same_seed_gives_the_same_network():
    one, again, other = train(small_net()), train(small_net()), train(small_net(), seed=6)
    assert same(one, again)
    assert not same(one, other)


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_dropout_repeats_itself_too():
    one, again = (nn.Sequential(small_net(), nn.Dropout(0.2)) for _ in range(2))
    torch.rand(7)
    assert same(train(one), train(again))


def test_progress_is_told_seldom_and_truly():
    told = []
    recipe = dataclasses.replace(RECIPE, batch_size=4, epochs=2)
    train(small_net(), recipe, progress=told.append)
    steps = 210 // 4
    assert [p.step for p in told] == [20, 40, steps, 60, 80, 100, 2 * steps]
    assert STEPS_BETWEEN_REPORTS == 20
    assert {p.steps for p in told} == {2 * steps}
    assert [p.epoch for p in told] == [1] * 3 + [2] * 4
    assert told[-1].accuracy > 0.9
    assert told[-1].loss < told[0].loss


def test_no_more_steps_than_whole_batches():
    """The rest of an epoch is dropped, but for data that is smaller than one batch."""
    calls = []
    net = small_net()
    net.register_forward_hook(lambda _, args, __: calls.append(len(args[0])))
    train(net, dataclasses.replace(RECIPE, batch_size=100, epochs=1))
    assert calls == [100, 100, 100]  # the first is the trial
    calls.clear()
    train(net, dataclasses.replace(RECIPE, batch_size=500, epochs=1))
    assert calls == [210, 210]


def test_every_epoch_has_each_image_once_in_its_own_order():
    seen = []
    net = small_net()
    net.register_forward_pre_hook(lambda _, args: seen.append(args[0][:, 0, 0, 0].clone()))
    shades = torch.arange(40, dtype=torch.uint8)[:, None, None, None].expand(40, 3, 32, 32)
    train(net, Recipe(2, 10, 0.01), data=(shades, torch.arange(40) % 10))
    first, second = (torch.cat(seen[1 + 4 * epoch : 5 + 4 * epoch]) for epoch in range(2))
    assert len(first.unique()) == len(second.unique()) == 40
    assert not torch.equal(first, second)
    assert not torch.equal(first, first.sort().values)


def test_an_epoch_may_be_fewer_images_drawn_anew():
    seen = []
    net = small_net()
    net.register_forward_pre_hook(lambda _, args: seen.append(args[0][:, 0, 0, 0].clone()))
    shades = torch.arange(40, dtype=torch.uint8)[:, None, None, None].expand(40, 3, 32, 32)
    train(net, Recipe(2, 8, 0.01, images=20), data=(shades, torch.arange(40) % 10))
    assert [len(some) for some in seen] == [8] * 5  # the first is the trial
    first, second = torch.cat(seen[1:3]), torch.cat(seen[3:])
    assert len(first.unique()) == len(second.unique()) == 16
    assert len(torch.cat([first, second]).unique()) > 16
    seen.clear()
    train(net, Recipe(1, 50, 0.01, images=20), data=(shades, torch.arange(40) % 10))
    assert [len(some) for some in seen] == [20, 20]
    seen.clear()
    train(net, Recipe(1, 20, 0.01, images=90), data=(shades, torch.arange(40) % 10))
    assert len(torch.cat(seen[1:]).unique()) == 40


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(8, 512, 0.4), "8 epochs"),
        (Recipe(1, 512, 0.4), "1 epoch"),
        (Recipe(1, 32, 0.1, images=10_000), "1 epoch of 10,000 images"),
        (Recipe(2, 32, 0.1, images=5000), "2 epochs of 5,000 images each"),
        (Recipe(1, 32, 0.1, images=5000, side=16), "1 epoch of 5,000 images, reduced to 16x16 pixels"),
    ],
)
def test_a_recipe_says_how_long(recipe, words):
    assert recipe.in_words() == words


def train_on_one_picture(
    side: int, most: int, shift: float = 1 / 8
) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
    """What the network was given; the picture moved by up to `most` pixels in every way; which of them are mirrored."""
    seen = []
    net = small_net()
    net.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    picture = torch.arange(3 * side * side).remainder(251).view(1, 3, side, side).to(torch.uint8)
    train(net, Recipe(30, 1, 0.01, shift=shift), data=(picture, torch.tensor([1])))
    positions = torch.arange(-most, most + 1)
    down, right, mirrored = torch.cartesian_prod(positions, positions, torch.tensor([0, 1])).T
    choices = shift_and_flip(picture, torch.zeros(len(down), dtype=torch.int64), down, right, mirrored.bool())
    return seen, pixels.normalize(choices), mirrored


@pytest.mark.parametrize(("shift", "most"), [(1 / 8, 4), (1 / 16, 2)])
def test_images_are_moved_and_mirrored_anew(shift, most):
    """Every image of the training is one of the data's, moved by up to 4 or 2 pixels, and no two epochs are alike."""
    seen, choices, mirrored = train_on_one_picture(side=32, most=most, shift=shift)
    found = {int((choices - image).abs().flatten(1).sum(dim=1).argmin()) for image in seen[1:]}
    assert all(float((choices - image).abs().flatten(1).sum(dim=1).min()) == 0 for image in seen[1:])
    assert len(found) > (15 if most == 4 else 10)
    assert {bool(mirrored[i]) for i in found} == {True, False}


def test_moved_reflects_at_the_border():
    image = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4)
    index, yes = torch.zeros(1, dtype=torch.int64), torch.tensor([True])
    got = shift_and_flip(image, index, torch.tensor([-1]), torch.tensor([2]), ~yes)
    rows, columns = torch.tensor([1, 0, 1, 2]), torch.tensor([2, 3, 2, 1])
    assert torch.equal(got[0, 0], image[0, 0][rows][:, columns])
    mirrored = shift_and_flip(image, index, torch.tensor([-1]), torch.tensor([2]), yes)
    assert torch.equal(mirrored, got.flip(3))


def test_pixels_are_normalised_as_in_the_notebook():
    assert (pixels.MEAN, pixels.STD) == (utils.MEAN, utils.STD)
    images, _ = coloured(2)
    expected = (images.double() / 255 - torch.tensor(utils.MEAN).view(3, 1, 1)) / torch.tensor(utils.STD).view(3, 1, 1)
    assert torch.allclose(pixels.normalize(images).double(), expected, atol=1e-5)


def test_learning_rate_rises_and_falls_once():
    recipe = Recipe(1, 1, 0.4, warmup=0.25)
    rates = [learning_rate(step, 40, recipe) for step in range(40)]
    assert max(rates) == rates[9] == 0.4
    assert rates[:10] == sorted(rates[:10])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert 0 < rates[-1] < 0.02
    assert 0 < rates[0] < 0.05


def test_the_optimizer_is_as_the_recipe_says():
    net = small_net()
    optimizer = training._optimizer(net, Recipe(1, 1, 0.1, momentum=0.8, weight_decay=0.003))
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {name: decays[id(p)] for name, p in net.named_parameters()} == {
        **{"0.weight": 0.003, "1.weight": 0.0, "1.bias": 0.0},
        **{"5.weight": 0.003, "5.bias": 0.0},
    }
    assert all(group["momentum"] == 0.8 and group["nesterov"] for group in optimizer.param_groups)


def test_adamw_is_for_few_steps():
    recipe = Recipe(3, 20, 0.01, optimizer="adamw", momentum=0.8, weight_decay=0.003)
    optimizer = training._optimizer(small_net(), recipe)
    assert type(optimizer) is torch.optim.AdamW
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.003, 0.0]
    assert {group["betas"] for group in optimizer.param_groups} == {(0.8, 0.99)}
    assert accuracy(train(small_net(), recipe)) > 0.95


def test_muon_takes_kernels_and_values_per_channel_apart():
    recipe = Recipe(3, 20, 0.05, optimizer="muon", momentum=0.8, weight_decay=0.003, vector_lr=0.5)
    optimizer = training._optimizer(small_net(), recipe)
    assert [
        (group["orthogonal"], group["weight_decay"], group["factor"], group["momentum"], len(group["params"]))
        for group in optimizer.param_groups
    ] == [(True, 0.003, 1.0, 0.8, 2), (False, 0.0, 0.5, 0.8, 3)]
    assert accuracy(train(small_net(), recipe)) > 0.95


@pytest.mark.parametrize("factor", [1.0, 8.0])
def test_values_per_channel_may_learn_faster(factor):
    """In its first step AdamW moves each value by the learning rate."""
    net = small_net()
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    train(net, Recipe(1, 20, 0.001, optimizer="adamw", vector_lr=factor, weight_decay=0.0), data=coloured(20))
    moved = {name: float((p.detach() - before[name]).abs().median()) for name, p in net.named_parameters()}
    assert moved == pytest.approx(
        {n: 0.001 * (1 if n in ("0.weight", "5.weight") else factor) for n in moved}, rel=0.05
    )


def test_labels_are_smoothed():
    """With half of each target spread over all classes the loss cannot fall below 1.6; without it falls far."""
    told = []
    for smoothing in (0.5, 0.0):
        train(small_net(), dataclasses.replace(RECIPE, label_smoothing=smoothing), progress=told.append)
    smoothed, plain = (p for p in told if p.step == p.steps)
    assert smoothed.loss > 1.6
    assert plain.loss < 0.8


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_only_kernels_decay(optimizer):
    """Parameters without gradient of their own shrink by weight decay, and by nothing else."""
    net = small_net()
    net.spare_kernel = nn.Parameter(torch.ones(4, 3, 3, 3))
    net.spare_scale = nn.Parameter(torch.ones(1, 8, 1, 1))
    net.spare_shift = nn.Parameter(torch.ones(8))
    spare = net.spare_kernel, net.spare_scale, net.spare_shift
    net.register_forward_hook(lambda _, __, logits: logits + 0 * sum(p.sum() for p in spare))
    train(net, dataclasses.replace(RECIPE, optimizer=optimizer))
    assert float(net.spare_kernel.detach().max()) < 1
    assert torch.equal(net.spare_scale, torch.ones(1, 8, 1, 1))
    assert torch.equal(net.spare_shift, torch.ones(8))


class Detached(nn.Sequential):
    def forward(self, x):
        return super().forward(x).detach()


class ListOfLayers(nn.Module):
    """Its layers are unknown to PyTorch, but for one that forward does not use."""

    def __init__(self):
        super().__init__()
        self.layers = [small_net()]
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        return self.layers[0](x)


def frozen_net():
    return small_net().requires_grad_(False)


@pytest.mark.parametrize("make", [lambda: Detached(small_net()), frozen_net, nn.Flatten, ListOfLayers])
def test_a_network_that_cannot_learn_ends_as_it_is(make):
    net = make()
    before = [p.detach().clone() for p in net.parameters()]
    train(net)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_a_loss_that_is_never_finite_ends_the_training():
    told = []
    net = small_net()
    net.register_forward_hook(lambda _, __, logits: logits * float("nan"))
    train(net, progress=told.append)
    assert [p.epoch for p in told] == [1]
    assert math.isnan(told[0].loss)


def test_a_loss_that_is_not_finite_once_ends_nothing():
    told, calls = [], []
    net = small_net()

    def forward(_, __, logits):
        calls.append(1)
        if len(calls) != 5:
            return logits
        logits.register_hook(torch.zeros_like)  # what float16's gradient scaler makes of such a step
        return logits * float("inf")

    net.register_forward_hook(forward)
    train(net, progress=told.append)
    assert [p.epoch for p in told] == [1, 2, 3]
    assert math.isfinite(told[0].loss)


def test_a_network_that_dislikes_channels_last_is_trained_all_the_same():
    class Viewer(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 4, 3, 8, 1)
            self.linear = nn.Linear(64, 10)

        def forward(self, x):
            return self.linear(self.convolution(x).view(len(x), -1))

    net = train(Viewer())
    assert accuracy(net) > 0.95
    assert net.convolution.weight.is_contiguous()


class Pooled(nn.Module):
    """As code for images of 32x32 pixels does it: the last map is 4x4, and pooled by a window of that size."""

    def __init__(self, pool):
        super().__init__()
        torch.manual_seed(3)
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.pool, self.linear, self.sizes = pool, nn.Linear(8, 10), set()

    def forward(self, x):
        self.sizes.add(x.shape[-1])
        return self.linear(self.pool(self.layers(x)).reshape(len(x), -1))


def half_size(count=210):
    images, labels = coloured(count)
    return pixels.reduce(images, 16), labels


@pytest.mark.parametrize(
    ("pool", "size"),
    [
        (lambda x: F.avg_pool2d(x, 4), 16),
        (lambda x: F.avg_pool2d(x, kernel_size=(4, 4), stride=1), 16),
        (nn.AvgPool2d(4), 16),
        (nn.AdaptiveAvgPool2d(1), 16),
        (lambda x: x.mean((2, 3)), 16),
        (lambda x: x.reshape(len(x), 8, 16).mean(2), 32),
    ],
)
def test_code_for_32_pixels_is_trained_on_reduced_images(pool, size):
    """Where it cannot take them, they are enlarged again, in training and afterwards."""
    net = Pooled(pool)
    data = half_size()
    way = fit(net, *data, RECIPE, device=CPU, seed=5)
    assert way.enlarged == (size == 32)
    net.sizes.clear()
    logits = predict(net, data[0], way, device=CPU)
    assert float((logits.argmax(dim=1) == data[1]).float().mean()) > 0.95
    assert net.sizes == {size}


def test_windows_that_fit_are_left_as_they_are():
    x = torch.randn(2, 3, 8, 8)
    with arithmetic.GlobalPooling():
        assert torch.allclose(F.avg_pool2d(x, 4), x.reshape(2, 3, 2, 4, 2, 4).mean((3, 5)), atol=1e-6)
        assert torch.allclose(F.avg_pool2d(x, 9), x.mean((2, 3), keepdim=True), atol=1e-6)


def test_images_are_reduced_by_averages_and_enlarged_by_repetition():
    image = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4) * 10
    small = pixels.reduce(image, 2)
    assert small.tolist() == [[[[25, 45], [105, 125]]]]
    assert pixels.reduce(image, 4) is image
    large = pixels.enlarge(small)
    assert large.shape == (1, 1, 32, 32)
    assert torch.equal(pixels.reduce(large, 2), small)
    assert large[0, 0, 15, 16] == 45


def test_reduced_images_are_moved_by_an_eighth_of_their_side():
    seen, choices, _ = train_on_one_picture(side=16, most=2)
    assert all(float((choices - image).abs().flatten(1).sum(dim=1).min()) == 0 for image in seen[1:])


def test_errors_of_the_network_go_through():
    net = small_net()
    net[0].forward = lambda x: x.view(7)
    with pytest.raises(RuntimeError, match="shape '\\[7\\]' is invalid"):
        train(net)


def test_out_of_memory_is_not_tried_again():
    calls = []

    def forward(x):
        calls.append(1)
        raise torch.OutOfMemoryError("CUDA out of memory")

    net = small_net()
    net.forward = forward
    with pytest.raises(torch.OutOfMemoryError):
        train(net)
    assert calls == [1]


def test_what_is_no_logits_is_said():
    pair = small_net()
    pair.register_forward_hook(lambda _, __, logits: (logits, logits))
    with pytest.raises(TypeError, match="returns a tuple; it must return a tensor of logits"):
        train(pair)
    with pytest.raises(ValueError, match=r"shape \(20, 9\); for 20 images it must return \(20, 10\)"):
        train(nn.Sequential(nn.Flatten(), nn.Linear(3072, 9)))


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (torch.zeros(4, 3, 32, 32), torch.zeros(4, dtype=torch.int64), "images must be uint8"),
        (torch.zeros(0, 3, 32, 32, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64), "images must be uint8"),
        (torch.zeros(4, 3, 32, 32, dtype=torch.uint8), torch.zeros(4), "labels must be int64"),
        (torch.zeros(4, 3, 32, 32, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64), "labels must be int64"),
    ],
)
def test_wrong_data_is_said(images, labels, words):
    with pytest.raises(ValueError, match=words):
        train(small_net(), data=(images, labels))


def test_predict_is_in_eval_mode_and_in_order():
    net = train(small_net())
    images, _ = coloured(50)
    logits = predict(net, images, device=CPU, batch_size=20)
    assert (logits.shape, logits.dtype, logits.requires_grad) == ((50, 10), torch.float32, False)
    assert torch.allclose(logits[33:34], predict(net, images[33:34], device=CPU), atol=1e-5)


def test_a_recipe_is_plain_json():
    assert Recipe(**json.loads(json.dumps(dataclasses.asdict(RECIPE)))) == RECIPE


@pytest.mark.parametrize(
    ("capabilities", "half"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx512_bf16": False}, None)],
)
def test_a_processor_trains_in_the_half_precision_that_it_has(capabilities, half, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    ways = arithmetic._ways(CPU)
    assert (ways[0].layout, ways[0].half) == (torch.channels_last, half)
    assert (ways[-1].layout, ways[-1].half) == (torch.contiguous_format, None)
    assert accuracy(train(small_net())) > 0.95
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert {way.half for way in arithmetic._ways(CPU)} == {None}, "PyTorch before 2.10"


def test_cuda_falls_back_from_half_precision(monkeypatch):
    """Own layers that mix types fail in half precision: they get float32, after both layouts were tried."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda _: True)
    ways = arithmetic._ways(torch.device("cuda"))
    assert [(way.layout, way.half) for way in ways] == [
        (torch.channels_last, torch.bfloat16),
        (torch.contiguous_format, torch.bfloat16),
        (torch.contiguous_format, None),
    ]
    monkeypatch.setattr(arithmetic, "_ways", lambda _: ways)
    net = small_net()
    net[0].register_forward_hook(
        lambda _, __, y: y.new_zeros(y.shape, dtype=torch.float32).copy_(y).float() @ weight(y)
    )

    def weight(y):
        return torch.eye(y.shape[-1]) if y.dtype is torch.float32 else no_half()

    def no_half():
        raise RuntimeError("expected scalar type Float but found BFloat16")

    assert arithmetic.fastest_way(net, *coloured(8), CPU) == ways[-1]
    assert arithmetic.fastest_way(small_net(), *coloured(8), CPU) == ways[0]
