"""`otter grade`: the points of `grade`, whatever kind of file is handed in; a missing result is named."""

import csv
import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.platforms.otter_check import NoGrades, check
from tests.grader.class_runs import run
from tests.grader.conftest import run as run_command
from tests.grader.otter_engine import Engine

NOTEBOOKS = ("solution.ipynb", "stubs.ipynb", "q1_relu_before_add.ipynb")
QUESTIONS = ("q1", "q2", "q3", "q4")


@pytest.fixture(scope="module")
def submissions(samples, tmp_path_factory) -> Path:
    """Three notebooks; the same three as zips, with the name that a student's notebook has; a Python file."""
    folder = tmp_path_factory.mktemp("class")
    for name in NOTEBOOKS:
        shutil.copy(samples / name, folder)
        with zipfile.ZipFile(folder / Path(name).with_suffix(".zip"), "w") as archive:
            archive.write(samples / name, "resnet.ipynb")
            archive.writestr(".OTTER_LOG", b"a pickle that nobody may read")
    shutil.copy(samples / "functional_style.py", folder)
    return folder


@pytest.fixture(scope="module")
def expected(submissions, graded) -> dict[str, dict]:
    """The questions of each submission's result, by file name; a zip has the points of the notebook in it."""
    return {path.name: graded[name_in_samples(path)]["questions"] for path in submissions.iterdir()}


def name_in_samples(path: Path) -> str:
    return path.with_suffix(".ipynb").name if path.suffix == ".zip" else path.name


def assert_points(maximum: dict, rows: list[dict], expected: dict[str, dict]) -> None:
    """Each row of final_grades.csv has the points that `grade` gives."""
    for row in rows:
        questions = expected[row["file"]]
        assert {q: float(row[q]) for q in QUESTIONS} == {q: s["score"] for q, s in questions.items()}
        assert float(row["total_points_earned"]) == sum(s["score"] for s in questions.values())
        assert {q: float(maximum[q]) for q in QUESTIONS} == {q: s["possible"] for q, s in questions.items()}


def otter_grade(monkeypatch, engine: Engine, autograder: Path, submissions: Path, out: Path, ext: str) -> list[dict]:
    """`otter grade -n resnet -a AUTOGRADER --ext EXT -o OUT SUBMISSIONS`; returns the rows of final_grades.csv."""
    from otter.grade import containers, main

    monkeypatch.setattr(containers, "docker", engine)
    out.mkdir()
    main(name="resnet", paths=[str(submissions)], autograder=str(autograder), output_dir=str(out), ext=ext)
    with (out / "final_grades.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize("ext", ["zip", "ipynb", "py"])
def test_points_are_those_of_grade(ext, submissions, built, expected, tmp_path, monkeypatch):
    engine = Engine(tmp_path / "engine")
    zip_ = built / "dist" / "autograder.zip"
    maximum, *rows = otter_grade(monkeypatch, engine, zip_, submissions, tmp_path / "out", ext)
    assert {row["file"]: row["grading_status"] for row in rows} == {
        path.name: "Completed" for path in submissions.glob(f"*.{ext}")
    }, [container.said for container in engine.containers]
    assert_points(maximum, rows, expected)


def test_a_class_of_which_one_container_is_killed(submissions, built, expected, tmp_path, monkeypatch):
    """The other has the points of `grade`. `otter grade` says nothing of this one, and exits 0; `otter-check` names
    it, the reason, and what was passed over."""
    folder = tmp_path / "class"
    folder.mkdir()
    for name in ("stubs.zip", "q1_relu_before_add.zip", "solution.ipynb"):
        shutil.copy(submissions / name, folder)
    engine = Engine(tmp_path / "engine", killed=("stubs.zip",))
    autograder = built / "dist" / "autograder.zip"
    maximum, *rows = otter_grade(monkeypatch, engine, autograder, folder, tmp_path / "out", "zip")
    [killed] = [row for row in rows if row["file"] == "stubs.zip"]
    assert killed["total_points_earned"] == "0.0"
    rows.remove(killed)
    assert len(rows) == 1
    assert {row["grading_status"] for row in rows} == {"Completed"}, [one.said for one in engine.containers]
    assert_points(maximum, rows, expected)
    process = run("otter-check", tmp_path / "out", "--submissions", folder)
    assert process.exit_code == 1
    assert "1 of 3 submissions have a result" in process.stdout
    assert "stubs.zip: " in process.stderr
    assert "Exit code: 137 (it was killed, most often for want of memory" in process.stderr
    assert "solution.ipynb: not graded; `otter grade --ext ipynb`" in process.stderr


@pytest.mark.slow
def test_grader_that_fails_says_why(submissions, built, tmp_path, monkeypatch):
    """A grader that cannot work gives no score but the reason, in the table and to `otter-check`."""
    broken = tmp_path / "autograder.zip"
    with zipfile.ZipFile(built / "dist" / "autograder.zip") as good, zipfile.ZipFile(broken, "w") as archive:
        for name in good.namelist():
            archive.writestr(name, b"1/0" if name.endswith("hidden/test_q1_hidden.py") else good.read(name))
    (tmp_path / "class").mkdir()
    shutil.copy(submissions / "solution.ipynb", tmp_path / "class")
    rows = otter_grade(monkeypatch, Engine(tmp_path / "engine"), broken, tmp_path / "class", tmp_path / "out", "ipynb")
    assert [row["grading_status"][:18] for row in rows] == ["the grader failed:"]
    process = run("otter-check", tmp_path / "out")
    assert process.exit_code == 1
    assert "0 of 1 submissions have a result" in process.stdout
    assert "solution.ipynb: the grader failed: SuiteError: the tests in" in process.stderr


def test_check_exits_0_when_all_have_a_result(tmp_path):
    (tmp_path / "final_grades.csv").write_text(
        "file,q1,total_points_earned,percent_correct,grading_status\n"
        "points-per-question,25,25,1,--\nalice.ipynb,0,0,0,Completed\n"
    )
    process = run("otter-check", tmp_path)
    assert (process.exit_code, process.stdout, process.stderr) == (0, "1 of 1 submissions have a result\n", "")


def test_check_where_otter_left_nothing(tmp_path):
    process = run("otter-check", tmp_path)
    assert process.exit_code == 1
    assert "final_grades.csv: no such file" in process.stderr


HEADER = b"file,q1,total_points_earned,percent_correct,grading_status\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER + b"alice.ipynb,25\n", "a row is too short"),
        ((HEADER + b"alice.ipynb,25,25,1,Completed\n").decode().encode("utf-16"), "not written by `otter grade`"),
        (HEADER + b"alice.ipynb,0,0,0," + b"x" * 131_073, "field larger than field limit"),
        (b"", "or empty"),
        (None, "cannot be read: Is a directory"),
    ],
)
def test_a_table_that_is_not_otters_is_one_line(content, words, tmp_path):
    table = tmp_path / "final_grades.csv"
    if content is None:
        table.mkdir()
    else:
        table.write_bytes(content)
    with pytest.raises(NoGrades) as error:
        check([tmp_path])
    assert str(error.value).startswith(f"{table}: ")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(NoGrades, match=r"final_grades\.csv: cannot be read: Permission denied"):
        check([tmp_path])


def test_advice_is_for_files_that_hold_a_submission(tmp_path):
    (tmp_path / "final_grades.csv").write_bytes(HEADER + b"points-per-question,25,25,1,--\n\x1bx.py,0,0,0,no\n")
    (tmp_path / "class").mkdir()
    for name in ("a.ipynb", "b.PY", "c.zip", "notes.foo", "README"):
        (tmp_path / "class" / name).touch()
    _, problems = check([tmp_path], [tmp_path / "class"])
    assert problems == [
        "␛x.py: no",
        "README: not graded: no notebook, Python file or zip",
        "a.ipynb: not graded; `otter grade --ext ipynb` takes .ipynb files, one kind a run",
        "b.PY: not graded; `otter grade --ext PY` takes .PY files, one kind a run",
        "c.zip: not graded; `otter grade --ext zip` takes .zip files, one kind a run",
        "notes.foo: not graded: no notebook, Python file or zip",
    ]


def test_what_lies_in_subfolders_is_not_graded_and_named(tmp_path):
    """Also under a name that a graded file has; folders that an editor or a system keeps are passed over."""
    (tmp_path / "final_grades.csv").write_bytes(HEADER + b"a.ipynb,0,0,0,Completed\n")
    for name in ("a.ipynb", "sub/a.ipynb", "Jane Doe_1_x/deep/f.py", "sub/notes.pdf", ".ipynb_checkpoints/a.ipynb"):
        (tmp_path / "class" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "class" / name).touch()
    graded, problems = check([tmp_path], [tmp_path / "class"])
    deep = "not graded; `otter grade` takes only files directly in the folder: move it there, under a name of its own"
    assert graded == ["a.ipynb"]
    assert problems == [
        f"Jane Doe_1_x/deep/f.py: {deep}",
        f"sub/a.ipynb: {deep}",
        "sub/notes.pdf: not graded: no notebook, Python file or zip",
    ]
    assert check([tmp_path], [tmp_path / "class" / "sub"])[1] == [
        "notes.pdf: not graded: no notebook, Python file or zip"
    ]


@pytest.mark.parametrize(
    "module", ["autograder.platforms.otter_plugin", "autograder.grading.pool", "autograder.grading.look"]
)
def test_the_sandbox_can_start_before_pytorch_is_imported(module):
    """Processes that import it for seconds do so at the same time; who starts them keeps no memory for it."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert run_command(sys.executable, "-c", code).returncode == 0


def test_only_otter_and_the_grader_lie_in_the_zip(built):
    """Whatever else lies in autograder.zip would be there on Gradescope and missing under `otter grade`."""
    from tests.grader.otter_engine import dockerfile

    added = [word for line in dockerfile().splitlines() if line.startswith("ADD") for word in line.split()[1:-1]]
    with zipfile.ZipFile(built / "dist" / "autograder.zip") as archive:
        for name in archive.namelist():
            assert any(Path(name.split("/")[0]).match(pattern) for pattern in added), name
        config = json.loads(archive.read("otter_config.json"))
    assert config["plugins"] == ["autograder.platforms.otter_plugin.ResNetPlugin"]
