"""The command line on downloads of platforms, with real submissions and nothing replaced."""

import csv
import json
import shutil
import sys

import pytest

from tests.grader.conftest import run
from tests.grader.downloads import write_canvas, write_layout

LAYOUTS = ("canvas", "moodle", "nbgrader", "gradescope")


def autograder(*arguments: object, status: int = 0) -> str:
    process = run(sys.executable, "-m", "autograder", *arguments)
    assert process.returncode == status, process.stdout + process.stderr
    return process.stdout + process.stderr


def rows(results) -> dict[str, dict[str, str]]:
    with (results / "grades.csv").open(newline="", encoding="utf-8") as file:
        table = [row for row in csv.DictReader(file) if row["status"] != "missing"]
    assert len({row["result"] for row in table}) == len(table)
    return {row["result"]: row for row in table}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_row_a_student_in_every_call(layout, tmp_path):
    """The class, then one student anew, then the class from another path: the same rows."""
    files, results = write_layout(layout, tmp_path / "class", 3), tmp_path / "results"
    grade = ("grade", "--out", results, "--only", "q1", "--jobs", 2)
    autograder(*grade, tmp_path / "class")
    before = rows(results)
    assert len(before) == len(files) == len(list(results.glob("*.json")))
    one, other, _ = files.values()
    shutil.copy(other, one)
    autograder(*grade, one)
    after = rows(results)
    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) == 1
    (tmp_path / "class").rename(tmp_path / "moved")
    autograder(*grade, tmp_path / "moved")
    assert rows(results) == after


@pytest.fixture(scope="module")
def a_class(tmp_path_factory):
    """(folder, results) of a Canvas class that was graded with its roster."""
    folder = tmp_path_factory.mktemp("canvas")
    roster = write_canvas(folder / "download", 24)
    autograder("grade", folder / "download", "--roster", roster, "--out", folder / "results", "--jobs", 2)
    return folder / "download", folder / "results"


def test_from_download_to_gradebook(a_class, tmp_path):
    _, results = a_class
    table = rows(results)
    assert (results / "grades.csv").read_text().count(",missing,") == 3
    assert len(table) == 23
    assert len(list((results / "feedback").glob("*.html"))) == 23
    autograder("export", results, "--out", tmp_path / "canvas.csv")
    with (tmp_path / "canvas.csv").open(newline="", encoding="utf-8") as file:
        book = list(csv.reader(file))
    assert len(book) == 2 + 23
    by_id = {row["id"]: row for row in table.values()}
    assert all(float(row[-1]) == float(by_id[row[2]]["total"]) for row in book[2:])


def test_twenty_results_are_reproduced(a_class, tmp_path):
    """From the file and the result alone; a file that was edited is told by the checks that differ."""
    folder, results = a_class
    graded = [json.loads(path.read_text()) for path in sorted(results.glob("*.json"))]
    names = {one["origin"]["key"]: folder / one["submission"] for one in graded}
    for key, file in [*names.items()][:20]:
        assert " 0 differences" in autograder("reproduce", results / f"{key}.json", file)
    key = next(one["origin"]["key"] for one in graded if one["score"] >= 80 and one["submission"].endswith(".ipynb"))
    edited = tmp_path / "edited.ipynb"
    edited.write_text(names[key].read_text().replace("expansion = 4", "expansion = 2"))
    said = autograder("reproduce", results / f"{key}.json", edited, status=1)
    assert "is not the file that was graded: its SHA-256 is another one" in said
    assert "public/test_q2_bottleneck.py::" in said
    assert "public/test_q1_basic_block.py::" not in said
