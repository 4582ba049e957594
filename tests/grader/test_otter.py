"""`otter run`, Gradescope and `grade` must agree: same suite, same scores, whatever the submission holds."""

import json
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from autograder.maintain.build import solved_notebook
from autograder.maintain.samples import MISTAKES, ODD
from tests.grader.conftest import ROOT, run

UNOPENABLE = {"not_json.ipynb", "empty.ipynb"}
"""Otter reads a notebook before it asks any plugin: `otter run` itself stops on these; a container does not."""


OTTER_RUN = """
import sys
from pathlib import Path
from otter.run import main

autograder, out, *submissions = sys.argv[1:]
for submission in map(Path, submissions):
    (Path(out) / submission.name).mkdir()
    main(str(submission), autograder=autograder, output_dir=str(Path(out) / submission.name))
"""
"""What the command `otter run` does, for several submissions: Otter takes seconds to import."""


@pytest.fixture(scope="module")
def otter_results(samples, built, tmp_path_factory) -> dict[str, dict]:
    """The results.json of `otter run` for every sample that Otter can open."""
    out = tmp_path_factory.mktemp("otter")
    autograder = built / "dist" / "autograder.zip"
    paths = [path for path in sorted(samples.iterdir()) if path.name not in UNOPENABLE]
    halves = [paths[::2], paths[1::2]]
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run, sys.executable, "-c", OTTER_RUN, autograder, out, *half, cwd=out) for half in halves]
    said = "".join(process.result().stderr for process in runs)
    found = {path.name: out / path.name / "results.json" for path in paths}
    missing = [name for name, path in found.items() if not path.exists()]
    assert not missing, f"no results.json for {missing}: {said[-3000:]}"
    return {name: json.loads(path.read_text()) for name, path in found.items()}


def by_question(result: dict) -> dict[str, tuple[float, float]]:
    """Points and possible points of each question, added up from a results.json."""
    points = {}
    for test in result["tests"]:
        score, possible = points.setdefault(test["name"].split()[0], (0, 0))
        points[test["name"].split()[0]] = (score + test.get("score", 0), possible + test.get("max_score", 0))
    return points


@pytest.mark.slow
def test_otter_run_gives_the_scores_of_grade(otter_results, graded):
    """Of every sample; for some, `test_the_command_itself` and test_otter_grade.py ask the same."""
    assert len(otter_results) >= len(MISTAKES) + 6
    for name, result in otter_results.items():
        expected = {q: (s["score"], s["possible"]) for q, s in graded[name]["questions"].items()}
        assert by_question(result) == expected, name


def test_the_command_itself(samples, built, tmp_path, graded):
    """`otter run SUBMISSION -a dist/autograder.zip`, as the README says it."""
    name = "missing_classes.ipynb"
    otter = Path(sys.executable).parent / "otter"
    process = run(otter, "run", samples / name, "-a", built / "dist" / "autograder.zip", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    result = json.loads((tmp_path / "results.json").read_text())
    expected = graded[name]
    assert by_question(result) == {q: (s["score"], s["possible"]) for q, s in expected["questions"].items()}
    assert 0 < expected["score"] < expected["possible"] > 80
    assert f"{expected['score']:g} of {expected['possible']:g} points" in process.stdout


@pytest.mark.parametrize("name", ["not_json.ipynb", pytest.param("empty.ipynb", marks=pytest.mark.slow)])
def test_what_otter_cannot_open_fails_loudly(name, samples, built, tmp_path):
    """No plugin is asked: the command stops with an exit status that is not zero, and no score is made up."""
    otter = Path(sys.executable).parent / "otter"
    process = run(otter, "run", samples / name, "-a", built / "dist" / "autograder.zip", cwd=tmp_path)
    assert process.returncode != 0
    assert not (tmp_path / "results.json").exists()


OTHERS = sorted({"solution.ipynb", *(path.name for path in ODD.iterdir())} - {"not_json.ipynb"})


@pytest.mark.parametrize("name", ["not_json.ipynb", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_container_always_writes_results(name, samples, built, tmp_path, graded):
    """Gradescope starts run_otter.py: a results.json exists whatever was submitted."""
    container = tmp_path / "autograder"
    for folder in ("source", "submission", "results"):
        (container / folder).mkdir(parents=True)
    with zipfile.ZipFile(built / "dist" / "autograder.zip") as archive:
        archive.extractall(container / "source")
    (container / "submission" / name).write_bytes((samples / name).read_bytes())
    process = run(sys.executable, container / "source" / "run_otter.py", cwd=tmp_path)
    result = container / "results" / "results.json"
    assert result.exists(), process.stderr
    scores = by_question(json.loads(result.read_text()))
    assert scores == {q: (s["score"], s["possible"]) for q, s in graded[name]["questions"].items()}, process.stdout


@pytest.mark.slow
def test_plain_otter_assign_validates_the_master(tmp_path):
    """`otter assign` on the converted master, with its own validation run on the solution."""
    master = tmp_path / "resnet.ipynb"
    nbformat.write(solved_notebook(), master)
    (tmp_path / "environment.yml").write_bytes((ROOT / "environment.yml").read_bytes())
    process = run(Path(sys.executable).parent / "otter", "assign", "-v", master, tmp_path / "out", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert "All autograder tests passed" in process.stdout + process.stderr
