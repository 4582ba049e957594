"""The handout in a real Jupyter Lab, seen through a headless Chromium: with CIFAR-10, generated images, and no images.

Set CIFAR10_JPEG to an .npz of CIFAR-10 as JPEG files (see `benchmarks.training_data`) for the run on CIFAR-10, and
SCREENSHOTS to a folder to keep what the browser saw.
"""

import contextlib
import hashlib
import os
import pickle
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import utils
from autograder.maintain.samples import solution_notebook
from benchmarks import training_data
from lab.diagrams.__main__ import DIAGRAMS
from tests.grader import browser

pytestmark = pytest.mark.skipif(
    browser.find_browser() is None, reason="there is no Chromium here: apt-get install chromium"
)

JPEG = os.environ.get("CIFAR10_JPEG")
IMAGES = "images => images.map(image => [image.complete ? image.naturalWidth : 0, image.alt])"
DATA, EXPERIMENT, TRAINING, MISTAKES, FEATURES, ABLATION = (
    "with keep_going():\n    import utils",
    'my_guess = {"plain": None, "residual": None}  # the loss',
    "with keep_going():\n    from lab import resumable",
    "with keep_going():\n    run.plot",
    "with keep_going():\n    from lab import features",
    "with keep_going():\n\n    class Ablation",
)
GRADIENT, COST = 'my_guess = {"plain": None, "residual": None}  # norm', "my_guess = None"
PLOTS = (DATA, EXPERIMENT, GRADIENT, COST, TRAINING, MISTAKES, FEATURES, ABLATION)
"""How the cells begin that show plots."""
WINDOWS = (("light", browser.LIGHT, 1100), ("dark", browser.DARK, 1100), ("small", browser.LIGHT, 640))
"""Name, theme, and width of the windows that are photographed."""
NO_INTERNET = {"HTTPS_PROXY": "http://127.0.0.1:9"}


@pytest.fixture
def folder(built, tmp_path) -> Path:
    """The unpacked student zip."""
    with zipfile.ZipFile(built / "dist" / "resnet-student.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "resnet"


@pytest.fixture
def screenshots(tmp_path) -> Path:
    """Where screenshots go."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def opened(folder: Path, **environment: str) -> Iterator[browser.NotebookPage]:
    """The notebook of the handout in Jupyter Lab; no page may fetch anything from elsewhere."""
    scratch = folder.parent / "scratch"
    scratch.mkdir()
    with (
        browser.jupyter_lab(folder, scratch, OMP_NUM_THREADS="2", PYTHONPATH="", **environment) as address,
        browser.open_notebook(address, "assignment/resnet.ipynb") as notebook,
    ):
        yield notebook
        assert not notebook.foreign, "nothing is fetched from elsewhere"


def write_official_files(jpeg: Path, folder: Path) -> dict[str, str]:
    """Write the official python version of CIFAR-10 from JPEG files; returns the checksums, which are not official."""
    data, _ = training_data.load(jpeg, None)
    (folder / utils.FOLDER).mkdir(parents=True)

    def write(name: str, content: dict) -> str:
        text = pickle.dumps(content, protocol=2)
        (folder / utils.FOLDER / name).write_bytes(text)
        return hashlib.md5(text, usedforsecurity=False).hexdigest()

    sums = {utils.META_FILE: write(utils.META_FILE, {"label_names": list(utils.CLASSES)})}
    parts = zip(data.train_images.split(10_000), data.train_labels.split(10_000), strict=True)
    batches = {f"data_batch_{number}": part for number, part in enumerate(parts, start=1)}
    for name, (images, labels) in (batches | {"test_batch": (data.test_images, data.test_labels)}).items():
        sums[name] = write(name, {"data": images.flatten(1).numpy(), "labels": labels.tolist()})
    return sums


def images_of(notebook: browser.NotebookPage, start: str) -> list:
    """(width, alternative text) of each picture below a cell."""
    return notebook.cell(start).locator(".jp-OutputArea img").evaluate_all(IMAGES)


def assert_diagrams_are_there(notebook: browser.NotebookPage) -> None:
    """Each diagram is shown and described."""
    for name in DIAGRAMS:
        ((width, alt),) = images_of(notebook, f'diagrams.show("{name}")')
        assert width > 500
        assert len(alt) > 200


def assert_all_ran(notebook: browser.NotebookPage) -> None:
    """Run All reached the last cell, and no cell shows a traceback."""
    assert "Your saved notebook earns" in notebook.output("# Save your")
    assert not notebook.page.locator(".jp-OutputArea-output", has_text="Traceback").count()
    assert not notebook.page.locator('.jp-OutputArea-output[data-mime-type*="error"]').count()


@pytest.mark.parametrize("images", ["stand-in", "none"])
def test_stubs_show_diagrams_and_friendly_notes(folder, tmp_path, screenshots, images):
    environment = NO_INTERNET if images == "none" else {"CIFAR10_ROOT": str(utils.make_standin(tmp_path, 512, 256))}
    with opened(folder, **environment) as notebook:
        assert_diagrams_are_there(notebook)
        notebook.run_all(timeout=300)
        assert_all_ran(notebook)
        assert_diagrams_are_there(notebook)
        said = notebook.output('grader.check("q1")')
        assert "q1 BasicBlock: 0 of 10 checks pass, 0 of 15 points" in said
        assert said.count("Not implemented yet: BasicBlock.__init__ builds no layers") == 1
        said = notebook.output(EXPERIMENT)
        if images == "none":
            assert "CIFAR-10 could not be downloaded" in notebook.output(DATA)
            assert "utils.make_standin()" in notebook.output(DATA)
            assert said.startswith("`train_loader` is not defined yet.")
        else:
            assert said.startswith("Not implemented yet: BasicBlock.__init__ builds no layers")
        assert "is not defined yet" in notebook.output(MISTAKES)
        for number, start in enumerate((DATA, 'grader.check("q1")', EXPERIMENT, TRAINING, "# Save your")):
            notebook.photograph(start, screenshots / f"stubs_{images}_{number}.png")


def test_solution_without_images(folder, screenshots):
    """All checks pass, and what needs images says so; the stand-in is one call away."""
    nbformat.write(solution_notebook(), folder / "assignment" / "resnet.ipynb")
    with opened(folder, **NO_INTERNET) as notebook:
        notebook.run_all(timeout=300)
        assert_all_ran(notebook)
        assert "all 10 checks pass, 15 of 15 points" in notebook.output('grader.check("q1")')
        assert "`train_loader` is not defined yet." in notebook.output(EXPERIMENT)
        assert images_of(notebook, COST), "needs no images"
        notebook.photograph(DATA, screenshots / "solution_none.png")


@pytest.mark.parametrize(
    "images",
    [
        "stand-in",
        pytest.param("cifar10", marks=pytest.mark.skipif(not JPEG, reason="CIFAR10_JPEG names no .npz of CIFAR-10")),
    ],
)
def test_solution_runs_from_top_to_bottom(folder, tmp_path, screenshots, images):
    nbformat.write(solution_notebook(), folder / "assignment" / "resnet.ipynb")
    root = tmp_path / "images"
    if images == "cifar10":
        with (folder / "utils.py").open("a") as file:
            file.write(f"MD5.update({write_official_files(Path(JPEG), root)})\n")
    else:
        utils.make_standin(root, 512, 256)
    with opened(folder, CIFAR10_ROOT=str(root)) as notebook:
        began = time.monotonic()
        notebook.run("import os", timeout=300)  # a busy kernel does not say which widgets it has: no bar would be drawn
        notebook.command("notebook:run-all-cells")
        notebook.page.locator(".jp-OutputArea .widget-hprogress").first.wait_for(timeout=1200_000)
        notebook.photograph(EXPERIMENT, screenshots / f"{images}_progress.png")
        notebook.await_kernel(timeout=3000)
        print(f"{images}: Run All took {time.monotonic() - began:.0f} s")
        assert_all_ran(notebook)
        assert_diagrams_are_there(notebook)
        for question in ("q1", "q2"):
            assert "all 10 checks pass, 15 of 15 points" in notebook.output(f'grader.check("{question}")')
        for start in PLOTS:
            found = images_of(notebook, start)
            assert found, f"{start} shows a plot"
            assert all(width > 0 and len(alt) > 40 for width, alt in found)
        assert re.search(r"Hand in resnet_\S+\.zip", notebook.output("# Save your"))
        assert list((folder / "assignment").glob("resnet_*.zip"))
        for window, theme, width in WINDOWS:
            notebook.theme(theme)
            notebook.page.set_viewport_size({"width": width, "height": 1000})
            for number, start in enumerate(('diagrams.show("basic', 'grader.check("q1")', *PLOTS, "# Save your")):
                notebook.photograph(start, screenshots / f"{images}_{window}_{number}.png")
        notebook.page.set_viewport_size({"width": 1100, "height": 1100})
        notebook.photograph('grader.check("q1")', screenshots / f"{images}_notebook.png")  # for the README
        notebook.save()
        shutil.copy(folder / "assignment" / "resnet.ipynb", screenshots / f"{images}.ipynb")
