"""Training: exact resumption after any interruption, checkpoints that do not fit, and what the student is shown."""

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from jupyter_client.manager import start_new_kernel
from matplotlib import pyplot as plt
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms

import utils
from lab import checkpoints, plots, progress, resumable, trainer
from lab.predictions import Predictions
from tests.grader.conftest import ROOT

BATCHES, TEST_BATCHES = 5, 2


class Net(nn.Module):
    """Everything that makes resumption hard: running statistics, dropout, and a Ctrl-C at a chosen forward pass.

    Args:
        interrupts: ("train", 3) is a Ctrl-C in the third training step, ("test", 1) in the first test batch.
        times: how often it is pressed each time.
    """

    def __init__(self, *interrupts, seed=0, width=4, times=1):
        super().__init__()
        torch.manual_seed(seed)
        self.conv, self.bn = nn.Conv2d(3, width, 4, stride=4), nn.BatchNorm2d(width)
        self.linear = nn.Linear(width, 10)
        self.interrupts, self.times = set(interrupts), times
        self.passes = {"train": 0, "test": 0}

    def forward(self, x):
        if self.training or len(x) != 2:  # two images: the checkpoint's own question to the network
            phase = "train" if self.training else "test"
            self.passes[phase] += 1
            if (phase, self.passes[phase]) in self.interrupts:
                for _ in range(self.times):
                    signal.raise_signal(signal.SIGINT)
        out = self.bn(self.conv(x)).relu().mean(dim=(2, 3))
        return self.linear(nn.functional.dropout(out, 0.2, self.training))


@pytest.fixture(scope="module")
def loaders(tmp_path_factory):
    """Stand-in images with a random transform: 5 training batches, the last one smaller, and 2 test batches."""
    root = utils.make_standin(tmp_path_factory.mktemp("standin"), 38, 20)
    train, test = utils.get_loaders(root, train_batch=8, test_batch=10, workers=0)
    train.dataset.transform = transforms.Compose([train.dataset.transform, transforms.RandomHorizontalFlip()])
    return train, test


def go(loaders, net, path, **kwargs):
    """One call of `train` for two epochs; returns the training and the weights."""
    run = resumable.train(net, *loaders, **{"epochs": 2, "checkpoint": path, "device": "cpu", **kwargs})
    return run, {name: tensor.clone() for name, tensor in net.state_dict().items()}


def assert_same(one, other):
    (run, weights), (run2, weights2) = one, other
    assert run.finished
    assert run2.finished
    assert run.history == run2.history
    for name, tensor in weights.items():
        assert torch.equal(tensor, weights2[name]), name


@pytest.fixture(scope="module", params=[False, True], ids=["full", "quick"])
def whole(request, loaders, tmp_path_factory):
    """(quick, the training that was never interrupted)."""
    return request.param, go(loaders, Net(), tmp_path_factory.mktemp("whole") / "a.pt", quick=request.param)


@pytest.mark.parametrize(
    "moment",
    [("train", 1), ("train", 3), ("train", 5), ("train", 8), ("train", 10), ("test", 1), ("test", 2), ("test", 3)],
)
def test_going_on_after_an_interruption_gives_the_same_numbers(loaders, whole, moment, tmp_path, capsys):
    quick, uninterrupted = whole
    run, _ = go(loaders, Net(moment), tmp_path / "a.pt", quick=quick)
    assert not run.finished
    assert len(run.history) == (moment[1] > (BATCHES if moment[0] == "train" else TEST_BATCHES))
    assert "Interrupted in epoch" in capsys.readouterr().out
    torch.rand(7)  # whatever else the notebook draws meanwhile
    again = go(loaders, Net(seed=1), tmp_path / "a.pt", quick=quick)
    assert f"Going on from {tmp_path / 'a.pt'}: epoch" in capsys.readouterr().out
    assert_same(uninterrupted, again)


def test_interrupted_at_every_single_step(loaders, whole, tmp_path):
    quick, uninterrupted = whole
    for calls in range(1, 100):
        run, weights = go(loaders, Net(("train", 1), seed=calls - 1), tmp_path / "a.pt", quick=quick)
        if run.finished:
            break
    assert calls == 2 * BATCHES + 1
    assert_same(uninterrupted, (run, weights))


def test_interrupted_between_epochs(loaders, whole, tmp_path, monkeypatch, capsys):
    quick, uninterrupted = whole
    describe = progress.describe
    monkeypatch.setattr(progress, "describe", lambda epoch: signal.raise_signal(signal.SIGINT) or describe(epoch))
    run, _ = go(loaders, Net(), tmp_path / "a.pt", quick=quick)
    assert not run.finished
    assert run.history == uninterrupted[0].history[:1]
    monkeypatch.undo()
    assert_same(uninterrupted, go(loaders, Net(seed=1), tmp_path / "a.pt", quick=quick))


def test_workers_give_the_same_numbers(loaders, whole, tmp_path):
    """The random transforms depend on the image and the epoch, not on the process that computes them."""
    quick, uninterrupted = whole
    with_workers = tuple(DataLoader(loader.dataset, batch_size=loader.batch_size, num_workers=2) for loader in loaders)
    run, _ = go(with_workers, Net(("train", 7)), tmp_path / "a.pt", quick=quick)
    assert not run.finished
    assert_same(uninterrupted, go(with_workers, Net(seed=1), tmp_path / "a.pt", quick=quick))


def test_more_epochs_go_on_where_fewer_ended(loaders, tmp_path, capsys):
    at_once = go(loaders, Net(), tmp_path / "at_once.pt", epochs=3)
    go(loaders, Net(), tmp_path / "a.pt", epochs=1)
    assert_same(at_once, go(loaders, Net(seed=1), tmp_path / "a.pt", epochs=3))
    capsys.readouterr()
    assert_same(at_once, go(loaders, Net(seed=2), tmp_path / "a.pt", epochs=3))
    assert "has all 3 epochs: nothing to do" in capsys.readouterr().out


def test_augmented_images_are_shifted_and_mirrored_and_test_images_are_not(loaders):
    root = loaders[0].dataset.root
    plain, augmented = (utils.get_loaders(root, augment=augment, workers=0) for augment in (False, True))
    image, label = plain[0].dataset[0]
    bordered = nn.functional.pad(image * torch.tensor(utils.STD).view(3, 1, 1) + mean(), (4, 4, 4, 4)) - mean()
    bordered = bordered / torch.tensor(utils.STD).view(3, 1, 1)
    allowed = [
        cut
        for y in range(9)
        for x in range(9)
        for cut in (bordered[:, y : y + 32, x : x + 32], bordered[:, y : y + 32, x : x + 32].flip(2))
    ]
    drawn = [augmented[0].dataset[0] for _ in range(20)]
    assert {int(same) for _, same in drawn} == {int(label)}
    assert all(any(torch.allclose(cut, other, atol=1e-5) for other in allowed) for cut, _ in drawn)
    assert len({cut.sum().item() for cut, _ in drawn}) > 10
    assert torch.equal(plain[1].dataset[3][0], augmented[1].dataset[3][0])


def mean():
    return torch.tensor(utils.MEAN).view(3, 1, 1)


def test_pictures_of_images_name_their_classes(loaders, capsys):
    images, labels = next(iter(loaders[1]))
    utils.show_images(images, labels, count=3)
    names = [utils.CLASSES[label] for label in labels[:3]]
    assert capsys.readouterr().out == f"Images with the names of their classes: {', '.join(names)}.\n"


def test_fresh_starts_over(loaders, whole, tmp_path):
    quick, uninterrupted = whole
    go(loaders, Net(("train", 7)), tmp_path / "a.pt", quick=quick)
    assert_same(uninterrupted, go(loaders, Net(), tmp_path / "a.pt", quick=quick, fresh=True))


def test_epochs_see_every_image_once_in_another_order(loaders):
    job = trainer.Trainer(Net(), *loaders, epochs=2, device=torch.device("cpu"))
    seen = []
    step = job.train_step
    job.train_step = lambda images, labels: seen.extend(labels.tolist()) or step(images, labels)
    job.fit()
    first, second = seen[:38], seen[38:]
    assert sorted(first) == sorted(second) == sorted(loaders[0].dataset.targets)
    assert first != second


def test_recipe_is_the_one_of_the_text(loaders, tmp_path, monkeypatch):
    """The same batches in an ordinary loop in full precision give the same weights."""
    monkeypatch.setattr(trainer, "half_precision", lambda device: None)  # some processors have bfloat16
    batches = []
    step = trainer.Trainer.train_step
    monkeypatch.setattr(trainer.Trainer, "train_step", lambda job, x, y: batches.append((x, y)) or step(job, x, y))
    _, weights = go(loaders, Net(), tmp_path / "a.pt", epochs=3)
    net = Net().to(memory_format=torch.channels_last)
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=200)
    assert len(batches) == 3 * BATCHES
    for step, (images, labels) in enumerate(batches, start=1):
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(net(images.to(memory_format=torch.channels_last)), labels).backward()
        optimizer.step()
        if step % BATCHES == 0:
            scheduler.step()
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def test_pressing_twice_stops_at_once_and_keeps_the_last_save(loaders, whole, tmp_path, capsys):
    quick, uninterrupted = whole
    run, _ = go(loaders, Net(("train", 8), times=2), tmp_path / "a.pt", quick=quick)
    assert not run.finished
    assert run.history == uninterrupted[0].history[:1]
    assert "Stopped at once" in capsys.readouterr().out
    assert_same(uninterrupted, go(loaders, Net(seed=1), tmp_path / "a.pt", quick=quick))


def test_ctrl_c_works_as_before_afterwards(loaders, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    go(loaders, Net(("train", 2)), tmp_path / "a.pt")
    assert signal.getsignal(signal.SIGINT) is before


SCRIPT = """
import sys, time, torch, utils
from lab import resumable
class Pause:
    def __init__(self, transform, seconds):
        self.transform, self.seconds = transform, seconds
    def __call__(self, image):
        time.sleep(self.seconds)
        return self.transform(image)
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(48, 10)
    def forward(self, x):
        if self.training:
            open(sys.argv[2] + "/step", "a").write("x")
        return self.linear(torch.nn.functional.adaptive_avg_pool2d(x, 4).flatten(1))
if __name__ == "__main__":
    if len(sys.argv) > 4:
        torch.multiprocessing.set_start_method(sys.argv[4])
    train, test = utils.get_loaders(sys.argv[1], train_batch=8, workers=2)
    train.dataset.transform = Pause(train.dataset.transform, float(sys.argv[3]))
    net = Net()
    run = resumable.train(net, train, test, checkpoint=sys.argv[2] + "/a.pt", device="cpu", epochs=2)
    history = [list(epoch) for epoch in run.history]
    print("RESULT", run.finished, len(history), history, net.linear.weight.tolist())
"""


@pytest.mark.slow
def test_real_ctrl_c_at_a_terminal(tmp_path):
    """The signal reaches the whole process group, the loader's workers included, while the loader is waited for."""
    root = utils.make_standin(tmp_path / "data", 160, 20)
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def start(folder: Path, pause: float, *method: str) -> subprocess.Popen:
        folder.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, tmp_path / "script.py", root, folder, str(pause), *method],
            **{"env": environment, "cwd": tmp_path, "text": True, "start_new_session": True},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def result(process: subprocess.Popen) -> tuple[str, str]:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert "Traceback" not in out + err
        (line,) = [line for line in out.splitlines() if line.startswith("RESULT")]
        return line, out

    stopped = start(tmp_path / "a", 0.1, "spawn")
    steps = tmp_path / "a" / "step"
    deadline = time.monotonic() + 200
    while not (steps.exists() and steps.stat().st_size >= 3):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(stopped.pid, signal.SIGINT)
    line, out = result(stopped)
    assert line.startswith("RESULT False 0 []")
    assert "Interrupted in epoch 1, after batch" in out
    done = steps.stat().st_size
    assert 3 <= done < 20
    line, out = result(start(tmp_path / "a", 0))
    assert f"epoch 1, after batch {done} of 20" in out
    assert line == result(start(tmp_path / "b", 0))[0]


def test_a_notebooks_stop_button(tmp_path):
    """A kernel's interruption ends the cell without an error, and the next run of the cell goes on."""
    root = utils.make_standin(tmp_path / "data", 80, 20)
    manager, client = start_new_kernel(
        kernel_name="python3", cwd=str(tmp_path), env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    )
    printed, pictures = [], []

    def listen(message):
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])
        elif message["msg_type"] in ("display_data", "update_display_data"):
            data = message["content"]["data"]
            printed.append(data.get("text/plain", ""))
            pictures.extend([message["msg_type"]] * ("data:image/png" in data.get("text/html", "")))

    def cell(pause: float, after_start=lambda: None) -> str:
        code = f"import sys; sys.argv = ['', {str(root)!r}, {str(tmp_path)!r}, '{pause}']\n{SCRIPT}"
        number = client.execute(code)
        after_start()
        reply = client._recv_reply(number, timeout=200)["content"]
        while True:
            message = client.get_iopub_msg(timeout=30)
            listen(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        return reply["status"]

    def interrupt_after_three_steps():
        steps, deadline = tmp_path / "step", time.monotonic() + 150
        while not (steps.exists() and steps.stat().st_size >= 3):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        manager.interrupt_kernel()

    try:
        assert cell(0.1, interrupt_after_three_steps) == "ok"
        assert "Interrupted in epoch 1, after batch" in "".join(printed)
        assert "RESULT False 0" in "".join(printed)
        assert cell(0) == "ok"
        assert "RESULT True 2" in "".join(printed)
        assert pictures == ["display_data", "update_display_data"], "one figure, drawn anew in place"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


class Evil:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def garbage(path, loaders):
    path.write_bytes(b"no checkpoint")


def truncated(path, loaders):
    go(loaders, Net(), path)
    path.write_bytes(path.read_bytes()[:-2000])


def empty(path, loaders):
    path.write_bytes(b"")


def evil(path, loaders):
    path.write_bytes(pickle.dumps(Evil(path.parent / "ran")))


def someone_elses(path, loaders):
    torch.save({"epoch": 3}, path)


def wider(path, loaders):
    go(loaders, Net(width=6), path)


def other_code(path, loaders):
    net = Net()
    net.conv.padding = (1, 1)
    go(loaders, net, path)


def other_batch(path, loaders):
    train, test = loaders
    go((DataLoader(train.dataset, batch_size=4), test), Net(), path)


def quick(path, loaders):
    go(loaders, Net(), path, quick=True)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (garbage, "it is damaged, or no checkpoint at all"),
        (truncated, "it is damaged, or no checkpoint at all"),
        (empty, "it is damaged, or no checkpoint at all"),
        (evil, "it is damaged, or no checkpoint at all"),
        (someone_elses, "it is no checkpoint of this training"),
        (wider, "it is of another network (conv.weight: (6, 3, 4, 4) in the file, (4, 3, 4, 4) in yours)"),
        (other_code, "its network has the same weights as yours but computes something else"),
        (other_batch, "it was trained otherwise (batch 4, now 8)"),
        (quick, "it was trained otherwise (quick True, now False; epochs 2, now None)"),
    ],
)
def test_checkpoint_that_does_not_fit_is_kept_and_named_in_one_line(loaders, tmp_path, capsys, make, why):
    path, aside = tmp_path / "a.pt", tmp_path / "a.old-1.pt"
    make(path, loaders)
    content = path.read_bytes()
    capsys.readouterr()
    again = go(loaders, Net(), path)
    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"{path} does not fit: {why}. It is kept as {aside}; training starts afresh."
    assert aside.read_bytes() == content
    assert not (tmp_path / "ran").exists()
    assert_same(go(loaders, Net(), tmp_path / "b.pt"), again)


def test_second_misfit_does_not_replace_the_first(loaders, tmp_path):
    path = tmp_path / "a.pt"
    for number in (1, 2):
        path.write_bytes(b"%d" % number)
        go(loaders, Net(), path)
    assert (tmp_path / "a.old-1.pt").read_bytes() == b"1"
    assert (tmp_path / "a.old-2.pt").read_bytes() == b"2"


def test_full_disk_keeps_the_old_checkpoint_and_the_training(loaders, tmp_path, monkeypatch, capsys):
    path = tmp_path / "a.pt"
    go(loaders, Net(), path, epochs=1)
    content = path.read_bytes()

    def half(content, file):
        file.write(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file\nwith a long story")

    monkeypatch.setattr(checkpoints.torch, "save", half)
    run, _ = go(loaders, Net(), path, epochs=2)
    assert run.finished
    out = capsys.readouterr().out
    assert (
        f"The checkpoint {path} could not be written (PytorchStreamWriter failed writing file); training goes on" in out
    )
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt"]


def test_checkpoint_may_be_a_folder_and_in_a_new_one(loaders, tmp_path):
    go(loaders, Net(), tmp_path)
    assert (tmp_path / "training.pt").is_file()
    go(loaders, Net(), tmp_path / "new" / "a.pt")
    assert (tmp_path / "new" / "a.pt").is_file()


def test_long_epochs_are_saved_in_between(loaders, tmp_path, monkeypatch):
    monkeypatch.setattr(resumable, "SAVE_SECONDS", 0)
    saved = []
    save = checkpoints.Checkpoint.save
    monkeypatch.setattr(checkpoints.Checkpoint, "save", lambda *a: saved.append(a[2]["step"]) or save(*a))
    go(loaders, Net(), tmp_path / "a.pt", epochs=1)
    assert saved[:BATCHES] == [1, 2, 3, 4, 5]


def test_quick_mode_takes_fewer_images_and_says_so(loaders, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(resumable, "QUICK_IMAGES", 16)
    monkeypatch.setattr(resumable, "QUICK_TEST_IMAGES", 10)
    net = Net()
    run, _ = go(loaders, net, tmp_path / "a.pt", quick=True)
    assert net.passes == {"train": 4, "test": 2}
    assert len(run.test_set) == 10
    assert "Quick mode: 16 training and 10 test images" in capsys.readouterr().out


def test_in_a_notebook_one_picture_is_replaced_in_place(loaders, tmp_path, monkeypatch):
    import IPython.display

    shown, replaced = [], []

    class Handle:
        def update(self, picture, raw):
            replaced.append(picture)

    monkeypatch.setattr(plots, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda picture, **_: shown.append(picture) or Handle())
    go(loaders, Net(), tmp_path / "a.pt", epochs=3)
    assert len(shown) == 1
    assert len(replaced) == 2
    html = replaced[-1]["text/html"]
    assert re.search(r'<img [^>]*alt="Loss and accuracy by epoch; the last: training loss', html)
    assert 'src="data:image/png;base64,' in html
    assert not plt.get_fignums()


class Constant(nn.Module):
    """Says class 3 about everything, the surer the brighter the image."""

    def forward(self, x):
        logits = torch.zeros(len(x), 10)
        logits[:, 3] = 5 + x.mean(dim=(1, 2, 3))
        return logits


@pytest.fixture
def predictions():
    images = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 32, 32)
    dataset = TensorDataset(images, torch.tensor([3, 5, 5, 0]))
    return Predictions.of(Constant(), DataLoader(dataset, batch_size=3), torch.device("cpu"))


def test_confusion_and_mistakes(predictions, capsys):
    assert predictions.accuracy == 0.25
    assert int(predictions.confusion.sum()) == 4
    assert predictions.confusion[5, 3] == 2
    assert predictions.most_confused() == [("dog", "cat", 2), ("airplane", "cat", 1)]
    assert predictions.confident_mistakes(2) == [3, 2]
    predictions.plot_confusion()
    predictions.plot_mistakes(2)
    confusion, mistakes = capsys.readouterr().out.splitlines()
    assert confusion == (
        "25.0% of 4 test images are classified correctly. The most frequent mistakes: dog as cat (2 images); "
        "airplane as cat (1 images)."
    )
    assert mistakes.startswith("The mistakes with the highest confidence: airplane as cat (100%);")


def test_figures_name_everything_in_words(predictions):
    figure = predictions.draw_confusion()
    (axis,) = figure.axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted class", "true class")
    assert [label.get_text() for label in axis.get_yticklabels()] == list(utils.CLASSES)
    assert len(axis.texts) == 100, "the count stands in every cell"
    titles = [axis.get_title(loc="left") for axis in predictions.draw_mistakes(2).axes]
    assert titles[0].startswith("true: airplane\npredicted: cat\n")
    plt.close("all")


def test_no_mistakes(capsys):
    dataset = TensorDataset(torch.zeros(2, 3, 32, 32), torch.tensor([3, 3]))
    Predictions.of(Constant(), DataLoader(dataset), torch.device("cpu")).plot_mistakes()
    assert capsys.readouterr().out == "All 2 test images are classified correctly: there is no mistake to show.\n"


def test_a_training_without_a_finished_epoch_can_still_be_asked(loaders, tmp_path):
    run, _ = go(loaders, Net(("train", 1)), tmp_path / "a.pt")
    run.plot_confusion()


def luminance(color: str) -> float:
    """Relative luminance of the Web Content Accessibility Guidelines."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_series_can_be_told_apart_without_colour_on_any_page():
    for property in ("linestyle", "marker", "hatch", "color"):
        assert len({look[property] for look in plots.STYLES.values()}) == len(plots.STYLES)
    paper = luminance(plots.PAPER) + 0.05
    assert all(paper / (luminance(look["color"]) + 0.05) > 3 for look in plots.STYLES.values())
    assert paper / (luminance(plots.INK) + 0.05) > 7


@pytest.mark.parametrize("count", [1, 2, 3, 7, 30, 200])
def test_epochs_are_whole_numbers(count):
    figure = plots.draw_curves([(2.0, 0.2, 2.1, 0.2)] * count)
    for axis in figure.axes:
        labels = [label.get_text() for label in axis.get_xticklabels()]
        assert labels[0] == "1"
        assert all(label.isdecimal() for label in labels)
        assert len(labels) <= 16
    plt.close("all")


@pytest.mark.parametrize(
    ("capabilities", "half"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, None)],
)
def test_processors_with_bfloat16_use_it(loaders, tmp_path, monkeypatch, capabilities, half):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    job = trainer.Trainer(Net(), *loaders, epochs=1, device=torch.device("cpu"))
    assert job.half is half
    images, labels = next(iter(loaders[1]))
    with torch.no_grad():
        assert torch.isfinite(job.compute_loss(images, labels, job.means))


def test_figures_are_light_cards_in_a_dark_notebook(predictions):
    with plt.style.context("dark_background"):
        figures = [plots.draw_curves([(2.0, 0.2, 2.1, 0.2), (1.0, 0.6, 1.5, 0.5)]), predictions.draw_confusion()]
        for figure in figures:
            plots._picture(figure, "")
    ink = plt.matplotlib.colors.to_rgba(plots.INK)
    for figure in figures:
        assert plt.matplotlib.colors.to_rgba(figure.get_facecolor()) == plt.matplotlib.colors.to_rgba(plots.PAPER)
        for axis in figure.axes:
            texts = [axis.xaxis.label, axis.yaxis.label, *axis.get_xticklabels(), *axis.get_yticklabels()]
            texts += axis.get_legend().get_texts() if axis.get_legend() else []
            assert len(texts) > 6
            assert {plt.matplotlib.colors.to_rgba(text.get_color()) for text in texts} == {ink}
    plt.close("all")
