"""The handout in a real Jupyter Lab, seen through a headless Chromium, in a light and in a dark theme.

Set SCREENSHOTS to a folder to keep what the browser saw.
"""

import os
import re
import zipfile
from pathlib import Path

import nbformat
import pytest

from autograder.maintain.samples import solution_notebook
from lab.diagrams.__main__ import DIAGRAMS
from tests.grader import browser
from utils import make_standin

pytestmark = pytest.mark.skipif(
    browser.find_browser() is None, reason="there is no Chromium here: apt-get install chromium"
)

IMAGES = "images => images.map(image => [image.complete ? image.naturalWidth : 0, image.alt])"


@pytest.fixture
def lab(built, tmp_path):
    """Serve the unpacked student zip; yields `(address, folder)`."""
    with zipfile.ZipFile(built / "dist" / "resnet-student.zip") as archive:
        archive.extractall(tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {"CIFAR10_ROOT": str(make_standin(tmp_path / "standin", 512, 256)), "PYTHONPATH": ""}
    with browser.jupyter_lab(tmp_path / "resnet", scratch, OMP_NUM_THREADS="1", **environment) as address:
        yield address, tmp_path / "resnet"


@pytest.fixture
def screenshots(tmp_path) -> Path:
    """Where screenshots go."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_stubs_show_diagrams_and_friendly_failures(lab, screenshots):
    address, _ = lab
    with browser.open_notebook(address, "assignment/resnet.ipynb") as notebook:
        images = notebook.page.locator(".jp-OutputArea img").evaluate_all(IMAGES)
        assert len(images) == len(DIAGRAMS), "each diagram is there before anything has run"
        assert all(width > 500 and len(alt) > 200 for width, alt in images)
        notebook.run_all(timeout=300)
        said = notebook.output('grader.check("q1")')
        assert "q1 BasicBlock: 0 of 9 checks pass, 0 of 15 points" in said
        assert said.count("Not implemented yet: BasicBlock.__init__ builds no layers") == 1
        said = notebook.output("experiments.degradation")
        assert said.startswith("Not implemented yet: BasicBlock.__init__ builds no layers")
        assert "Traceback" not in said
        notebook.photograph('grader.check("q1")', screenshots / "stubs.png")
        assert not notebook.foreign, "nothing is fetched from elsewhere"


def test_solution_runs_from_top_to_bottom(lab, screenshots):
    address, folder = lab
    nbformat.write(solution_notebook(), folder / "assignment" / "resnet.ipynb")
    with browser.open_notebook(address, "assignment/resnet.ipynb") as notebook:
        notebook.command("notebook:run-all-cells")
        notebook.page.locator(".jp-OutputArea .widget-hprogress").first.wait_for(timeout=300_000)
        notebook.photograph("experiments.degradation", screenshots / "progress.png")
        notebook.await_kernel(timeout=600)
        for question, checks in (("q1", 9), ("q2", 9)):
            assert f"all {checks} checks pass, 15 of 15 points" in notebook.output(f'grader.check("{question}")')
        for start in ("data_folder", "experiments.degradation", "experiments.gradient_flow", "quick = ", "run.plot"):
            images = notebook.cell(start).locator(".jp-OutputArea img").evaluate_all(IMAGES)
            assert images, f"{start} shows a plot"
            assert all(width > 0 for width, _ in images)
        assert "100% of" not in notebook.output("quick = ")
        said = notebook.output("# Save your")
        assert "Your saved notebook earns" in said
        assert re.search(r"Hand in resnet_\S+\.zip", said)
        assert list((folder / "assignment").glob("resnet_*.zip"))
        for theme in (browser.LIGHT, browser.DARK):
            notebook.theme(theme)
            name = theme.split()[-1].lower()
            for number, start in enumerate(('diagrams.show("basic', 'grader.check("q1")', "experiments.d", "run.p")):
                notebook.photograph(start, screenshots / f"{name}_{number}.png")
        assert not notebook.foreign, "nothing is fetched from elsewhere"
