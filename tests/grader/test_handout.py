"""The student's zip, unpacked elsewhere, as a student uses it: no installation of ours, no network."""

import itertools
import os
import re
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

from autograder.grading.grade import Grader
from autograder.maintain.samples import solution_notebook
from lab import diagrams
from lab.diagrams.__main__ import DIAGRAMS
from tests.grader.conftest import run
from utils import make_standin

DATA, TRAINING = (f"with keep_going():\n    {line}" for line in ("import utils", "from lab import resumable"))
"""How the cells begin that load the images, and that train."""
OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "OMP_NUM_THREADS": "1"}


def unpack(built: Path, folder: Path) -> Path:
    """The student zip, unpacked in `folder`."""
    with zipfile.ZipFile(built / "dist" / "resnet-student.zip") as archive:
        archive.extractall(folder)
    return folder / "resnet"


@pytest.fixture
def handout(built, tmp_path) -> Path:
    return unpack(built, tmp_path)


@pytest.fixture(scope="module")
def standin(tmp_path_factory) -> Path:
    """A folder of generated images in the layout of CIFAR-10."""
    return make_standin(tmp_path_factory.mktemp("standin"), 256, 128)


# What the command `pytest` does, in an environment that knows nothing of this repository.
PYTEST = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
import pytest
sys.exit(pytest.console_main())
"""


def run_pytest(handout: Path, *arguments: str):
    """Type `pytest` in the handout."""
    return run(sys.executable, "-P", "-c", PYTEST, *arguments, cwd=handout, PYTHONPATH="")


def write_notebook(handout: Path, notebook: nbformat.NotebookNode) -> Path:
    """Save `notebook` as the student's."""
    path = handout / "assignment" / "resnet.ipynb"
    nbformat.write(notebook, path)
    return path


def briefly(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The same notebook with fewer steps of SGD; the browser's test takes them all."""
    for long, short in (
        ("degradation(BasicBlock, train_loader,", "degradation(BasicBlock, train_loader, depths=(1, 2), steps=2,"),
        ("depths=(1, 5), steps=60", "depths=(1,), steps=1"),
        ("epochs=3", "epochs=1"),
    ):
        cells = [cell for cell in notebook.cells if long in cell.source]
        assert len(cells) == 1, long
        cells[0].source = cells[0].source.replace(long, short)
    return notebook


def text_of(cell: nbformat.NotebookNode) -> str:
    """What a cell printed or showed, as text."""
    parts = (str(o.get("text", "")) + str(o.get("data", {}).get("text/plain", "")) for o in cell.get("outputs", []))
    return "\n".join(parts)


def test_stubs_fail_with_messages_a_student_can_read(handout):
    """With the command of the workflow for GitHub, in the handout as it is."""
    workflow = yaml.safe_load((handout / ".github" / "workflows" / "checks.yml").read_text())
    *installs, checks = [step["run"] for step in workflow["jobs"]["checks"]["steps"] if "run" in step]
    assert installs[-1] == "pip install -r requirements.txt"
    assert (handout / "requirements.txt").exists()
    command, *options = checks.split()
    assert command == "pytest"
    process = run_pytest(handout, *options)
    said = process.stdout
    assert process.returncode == 1
    assert "q1 BasicBlock: 0 of 10 checks pass, 0 of 15 points" in said
    assert said.count("Not implemented yet: BasicBlock.__init__ builds no layers") == 1, "said once, not nine times"
    assert "(One reason for all 10 checks above.)" in said
    assert "10 more points are judged by checks that only graders have" in said
    assert "Traceback" not in said
    assert ".py:" not in said, "no line of ours in a student's messages"


def test_solution_passes_in_seconds(handout):
    write_notebook(handout, solution_notebook())
    start = os.times()
    process = run_pytest(handout)
    end = os.times()
    assert process.returncode == 0, process.stdout
    assert sum(end[2:4]) - sum(start[2:4]) < 30, "seconds of processor time"
    assert "q1 BasicBlock: all 10 checks pass, 15 of 15 points" in process.stdout


def test_one_mistake_is_named_once(handout):
    notebook = solution_notebook()
    for cell in notebook.cells:
        if cell.source.startswith("class BasicBlock"):
            cell.source = cell.source.replace("F.relu(out + self.shortcut(x))", "F.relu(out) + self.shortcut(x)")
    write_notebook(handout, notebook)
    process = run_pytest(handout, "-k", "q1")
    assert re.search(r"q1 BasicBlock: 3 of 10 checks pass", process.stdout), process.stdout
    sentence = "    Your block applies its last ReLU to F(x), before the shortcut is added"
    assert process.stdout.count(f"\n{sentence}") == 1, "said once, before the checks that fail because of it"
    assert "    Because of this, 7 checks fail:\n      ✗ failed   0/2  Identity shortcut" in process.stdout
    assert "q2" not in process.stdout


def test_syntax_error_in_one_cell_is_said_in_one_line(handout):
    notebook = solution_notebook()
    for cell in notebook.cells:
        cell.source = cell.source.replace("class Bottleneck(nn.Module):", "class Bottleneck(nn.Module)")
    write_notebook(handout, notebook)
    process = run_pytest(handout, "-k", "q2")
    assert process.returncode == 1
    assert "cell " in process.stdout
    assert "`Bottleneck` is not defined" in process.stdout


def test_missing_notebook_is_one_line(handout):
    (handout / "assignment" / "resnet.ipynb").unlink()
    process = run_pytest(handout)
    assert process.returncode == 2
    assert "assignment/resnet.ipynb: there is no such file." in process.stdout + process.stderr
    assert "Traceback" not in process.stdout + process.stderr


@pytest.mark.slow
def test_solved_notebook_runs_to_the_end_offline(handout, standin):
    """`jupyter execute` of the solved notebook on stand-in data: experiments, training, checks, export."""
    path = write_notebook(handout, briefly(solution_notebook()))
    process = run(
        sys.executable,
        *("-m", "jupyter", "execute", "--inplace", path.name),
        cwd=path.parent,
        CIFAR10_ROOT=str(standin),
        PYTHONPATH="",
        **OFFLINE,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    cells = nbformat.read(path, as_version=4).cells
    outputs = "\n".join(text_of(cell) for cell in cells)
    assert "11,173,962" in outputs
    for line in ("q1 BasicBlock: all 10", "q2 Bottleneck: all 10", "q3 ResNet: all ", "q4 Training: 1 of 1"):
        assert outputs.count(line) == 2, f"{line}: once in its check, once in the export"
    assert list(path.parent.glob("resnet_*.zip")), "the export cell writes the submission"


class Session:
    """A student at work: a kernel in the handout, cells that are edited, run and saved one at a time."""

    def __init__(self, handout: Path, client: NotebookClient):
        self.path, self.client, self.notebook = handout / "assignment" / "resnet.ipynb", client, client.nb

    def cell(self, start: str) -> nbformat.NotebookNode:
        """The code cell that begins with `start`."""
        return next(c for c in self.notebook.cells if c.cell_type == "code" and c.source.startswith(start))

    def run(self, start: str) -> str:
        """Run a cell and return what it says."""
        cell = self.cell(start)
        self.client.execute_cell(cell, self.notebook.cells.index(cell))
        return text_of(cell)

    def edit(self, start: str, source: str) -> str:
        """Replace a cell's source and run it, without saving."""
        self.cell(start).source = source
        return self.run(source)

    def save(self) -> None:
        """Ctrl+S."""
        nbformat.write(self.notebook, self.path)


@pytest.fixture(scope="module")
def kernel(built, standin, tmp_path_factory):
    """A handout and a kernel in it, for several tests: one takes seconds of processor time to import PyTorch."""
    handout = unpack(built, tmp_path_factory.mktemp("student"))
    folder = handout / "assignment"
    client = NotebookClient(nbformat.v4.new_notebook(), timeout=300, resources={"metadata": {"path": str(folder)}})
    environment = {**os.environ, "CIFAR10_ROOT": str(standin), "PYTHONPATH": "", **OFFLINE}
    with client.setup_kernel(env=environment):
        yield handout, client


@pytest.fixture
def session(kernel):
    """The notebook of the handout, of which nothing has run yet."""
    handout, client = kernel
    path = handout / "assignment" / "resnet.ipynb"
    fresh = path.read_bytes()
    client.nb = nbformat.reads(fresh.decode(), as_version=4)
    yield Session(handout, client)
    path.write_bytes(fresh)
    for exported in path.parent.glob("*.zip"):
        exported.unlink()
    client.execute_cell(nbformat.v4.new_code_cell("%reset -f"), 0)
    client.reset_execution_trackers()


def test_the_whole_path_of_a_student(session, zygote):
    """Stub, mistake, message, repair without a restart, quick training, export, grade: the promise is kept."""
    solved = {c.source.split("(")[0]: c.source for c in solution_notebook().cells if c.source.startswith("class ")}
    start = time.perf_counter()
    session.run("import os")
    session.run(DATA)
    session.run("class BasicBlock")
    assert "Not implemented yet" in session.run('grader.check("q1")')

    right = solved["class BasicBlock"]
    wrong = right.replace("F.relu(out + self.shortcut(x))", "F.relu(out) + self.shortcut(x)")
    session.edit("class BasicBlock", wrong)
    said = session.run('grader.check("q1")')
    assert re.search(r"3 of 10 checks pass", said)
    assert "Your block applies its last ReLU to F(x), before the shortcut is added" in said
    session.edit("class BasicBlock", right)
    assert "all 10 checks pass, 15 of 15 points" in session.run('grader.check("q1")')

    for name in ("class Bottleneck", "class ResNet"):
        session.edit(name, solved[name])
    promised = [session.run(f'grader.check("q{number}")').splitlines()[0] for number in (1, 2, 3, 4)]
    session.edit(TRAINING, session.cell(TRAINING).source.replace("epochs=3", "epochs=1"))

    said = session.run("# Save your")
    assert "! `BasicBlock`, `Bottleneck`, `ResNet`, `ResNet18`: the code that runs here is not" in said
    assert "Nothing was written. Save the notebook" in said
    assert not list(session.path.parent.glob("*.zip"))
    session.save()
    said = session.run("# Save your")
    for line in promised:
        assert line in said, "the export says what the checks said"
    (exported,) = session.path.parent.glob("*.zip")
    assert exported.name in said
    assert zipfile.ZipFile(exported).namelist().count("resnet.ipynb") == 1

    with Grader(zygote=zygote) as grader:
        grade = grader.grade(exported)
    for question, line in zip(("q1", "q2", "q3", "q4"), promised, strict=True):
        public = sum(outcome.points for outcome in grade.of_question(question) if not outcome.hidden)
        assert f"{public:g} of {public:g} points" in line, "graders give what the notebook promised"
    assert grade.score == grade.possible
    print(f"the whole path took {time.perf_counter() - start:.0f} s")


def test_export_names_what_is_missing(session):
    session.run("import os")
    session.cell("class Bottleneck").source = "class BottleNeck(nn.Module):\n    pass"
    session.save()
    said = session.run("# Save your")
    assert "! `Bottleneck` is not defined" in said
    assert "defines `BottleNeck`; the name must be exactly `Bottleneck`" in said
    assert list(session.path.parent.glob("*.zip")), "unfinished work can be handed in"


def test_a_stub_in_the_way_is_two_lines_and_no_trace(session):
    session.run("import os")
    session.run("class BasicBlock")
    session.notebook.cells.append(
        nbformat.v4.new_code_cell("net = BasicBlock(8, 8)", metadata={"tags": ["raises-exception"]})
    )
    said = session.run("net = BasicBlock")
    assert said.startswith("Not implemented yet: BasicBlock.__init__ builds no layers\n")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("call", "said"), [('check("q5")', "there is no question 'q5'"), ("hint()", "no question is named")]
)
def test_a_question_that_is_none_is_one_line(session, call, said):
    session.run("import os")
    tags = {"tags": ["raises-exception"]}
    session.notebook.cells.append(nbformat.v4.new_code_cell(f"grader.{call}", metadata=tags))
    assert session.run(f"grader.{call}") == f'{said}: write grader.check("q1"); the questions are q1, q2, q3, q4\n'


def test_diagrams_are_what_the_code_draws():
    for name, draw in DIAGRAMS.items():
        assert (diagrams.FOLDER / f"{name}.svg").read_text(encoding="utf-8") == draw().svg(), (
            "run `python -m lab.diagrams`"
        )


def test_every_diagram_is_described_and_in_the_notebook(built):
    cells = nbformat.read(built / "assignment" / "resnet.ipynb", as_version=4).cells
    shown = {c.source: c.outputs[0]["data"]["text/html"] for c in cells if c.source.startswith("diagrams.show")}
    assert set(shown) == {f'diagrams.show("{name}")' for name in DIAGRAMS}
    for html in shown.values():
        assert len(re.search(r'alt="([^"]*)"', html)[1]) > 200
        assert 'src="data:image/svg+xml;base64,' in html, "nothing to fetch"


def test_headings_go_down_one_level_at_a_time(built):
    cells = nbformat.read(built / "assignment" / "resnet.ipynb", as_version=4).cells
    headings = [h for c in cells if c.cell_type == "markdown" for h in re.findall(r"^(#+) ", c.source, re.MULTILINE)]
    levels = [len(h) for h in headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), levels
