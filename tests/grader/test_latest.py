"""Which file of a student counts: the last of those that define most, whatever the platform and the names."""

import json
from pathlib import Path

import pytest

from autograder.course.handins import handins
from autograder.grading.find_submissions import find_submissions
from autograder.grading.grade import SAY_WHICH, Grader
from autograder.grading.look import _look, look_at
from autograder.grading.results_folder import OWNER
from autograder.grading.seeds import suite_version
from autograder.report.whose import OF_SEVERAL_FOLDERS
from autograder.submission import fingerprint
from tests.grader.class_runs import grade_quickly, run
from tests.grader.layouts import STUBS, script_of, solved, zip_of
from tests.grader.test_report import a_class, make_grade, make_test

RIGHT = solved()
OTHER = RIGHT.replace(b"F.relu(out + self.shortcut(x))", b"F.relu(self.shortcut(x) + out)")
"""As right, in other words."""
PART = b"import torch.nn as nn\nclass BasicBlock(nn.Module):\n    expansion = 1\n"
SECTIONS = {"section1/al.py": RIGHT, "section1/bo.py": RIGHT, "section2/al.py": OTHER, "section2/cy.py": RIGHT}
EARLY, LATE = "resnet_2026_11_30T10_00_45.zip", "resnet_2026_11_30T11_30_05.zip"


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files; a notebook's bytes under the name of a zip or a script become one."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if data and path.suffix == ".zip":
            data = zip_of({"resnet.ipynb": data})
        if data and path.suffix == ".py" and data != PART:
            data = script_of(data)
        path.write_bytes(data)


def look(paths):
    """As `look_at`, in this process."""
    return {path: _look(path, None) for path in paths}


def choose(folder: Path):
    """The one student's hand-in, and the files that do not count."""
    (one,), others = handins(find_submissions([folder])[0], look=look)
    return one, others


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        # An empty, unreadable or untouched file does not count in place of work.
        ({"jane.ipynb": b"", "jane.zip": RIGHT}, "jane.zip"),
        ({"kim.ipynb": STUBS, "kim.zip": RIGHT}, "kim.zip"),
        ({"kim.ipynb": b"{", "kim.py": RIGHT}, "kim.py"),
        ({"li_3_111_resnet.ipynb": STUBS, f"li_3_222_{LATE[:-4]}-1.zip": RIGHT}, f"li_3_222_{LATE[:-4]}-1.zip"),
        ({"li_3_111_resnet.ipynb": RIGHT, "li_3_222_resnet-1.ipynb": STUBS}, "li_3_111_resnet.ipynb"),
        ({"jane/resnet.ipynb": STUBS, "jane/hw3-2.ipynb": STUBS, "jane/main.py": RIGHT}, "jane/main.py"),
        # A helper does not, however late; nor less work than there was before.
        ({"li_3_111_resnet.ipynb": RIGHT, "li_3_222_blocks.py": PART}, "li_3_111_resnet.ipynb"),
        # Of complete work, the last.
        ({f"li_3_111_{EARLY}": RIGHT, f"li_3_222_{LATE}": OTHER}, f"li_3_222_{LATE}"),
        ({f"li_3_111_{LATE}": RIGHT, f"li_3_222_{EARLY}": OTHER}, f"li_3_222_{EARLY}"),
        ({"li_3_111_resnet.ipynb": RIGHT, "li_3_222_final.py": OTHER}, "li_3_222_final.py"),
        ({"li_3_111_resnet-2.ipynb": RIGHT, f"li_3_222_{LATE}": OTHER}, f"li_3_222_{LATE}"),
        ({"jane/resnet.ipynb": RIGHT, "jane/resnet-2.ipynb": OTHER}, "jane/resnet-2.ipynb"),
        ({f"jane/{EARLY}": RIGHT, f"jane/{LATE}": OTHER}, f"jane/{LATE}"),
        ({f"jane/{EARLY}": RIGHT, f"jane/{LATE}": STUBS}, f"jane/{EARLY}"),
        (
            {"L_1_assignsubmission_file_a.ipynb": RIGHT, "L_1_assignsubmission_file_resnet.ipynb": OTHER},
            "L_1_assignsubmission_file_resnet.ipynb",
        ),
        # A file counts before a zip of which nothing says when it was made, as within one folder.
        ({"jane.ipynb": RIGHT, "jane.zip": OTHER}, "jane.ipynb"),
        # The same in two forms.
        ({"jane.ipynb": RIGHT, "jane.py": RIGHT}, "jane.ipynb"),
    ],
)
def test_the_last_complete_work_counts(files, counts, tmp_path):
    write(tmp_path, files)
    one, others = choose(tmp_path)
    assert one.file == tmp_path / counts
    assert one.origin.undecided == ()
    assert (
        set(one.origin.not_counted) == {str(path.relative_to(tmp_path)) for path in others} == files.keys() - {counts}
    )


@pytest.mark.parametrize(
    "files",
    [
        {"jane.ipynb": RIGHT, "jane.py": OTHER, "jane.zip": STUBS},
        {"jane/resnet-2.py": RIGHT, "jane/notebook.ipynb": OTHER},
        {"L_1_assignsubmission_file_a.ipynb": RIGHT, "L_1_assignsubmission_file_b.ipynb": OTHER},
        {"submitted/jane/ps1/one.ipynb": RIGHT, "submitted/jane/ps1/two.ipynb": OTHER},
    ],
)
def test_of_complete_work_that_nothing_puts_in_order_none_counts(files, tmp_path):
    write(tmp_path, files)
    one, _ = choose(tmp_path)
    assert {name.rpartition("/")[2] for name in one.origin.undecided} == {
        name.rpartition("/")[2] for name, data in files.items() if data != STUBS
    }
    assert "nothing says which is later" in one.origin.problem


def test_times_of_a_platform_are_compared_and_not_their_texts(tmp_path):
    """Noon in Los Angeles is later than six in the evening in London."""
    write(tmp_path, {"submission_1/a.ipynb": RIGHT, "submission_2/b.ipynb": OTHER})
    entry = "submission_{}:\n  :submitters:\n  - :sid: '9'\n  :created_at: 2026-11-20 {}\n"
    (tmp_path / "submission_metadata.yml").write_text(
        entry.format(1, "12:00:00 -0800") + entry.format(2, "18:00:00 +0000")
    )
    assert choose(tmp_path)[0].file == tmp_path / "submission_1/a.ipynb"


def test_a_file_that_cannot_be_read_now_is_chosen_by_its_name(tmp_path):
    write(tmp_path, {"kim.ipynb": STUBS, "kim.zip": RIGHT})
    (one,), _ = handins(find_submissions([tmp_path])[0], look=dict.fromkeys)
    assert one.file == tmp_path / "kim.ipynb"


def test_files_of_one_path_in_two_folders_are_both_named(tmp_path):
    write(tmp_path, {"one/jane.ipynb": RIGHT, "two/jane.ipynb": STUBS})
    (one,), others = handins(find_submissions([tmp_path / "one", tmp_path / "two"])[0], look=look)
    assert (one.file, [*others]) == (tmp_path / "one/jane.ipynb", [tmp_path / "two/jane.ipynb"])
    assert one.origin.not_counted == ("two/jane.ipynb",)


def test_students_of_one_name_in_two_folders_are_named_with_the_folders(tmp_path, monkeypatch):
    """One of them would get no result; below the folder above, both do."""
    grade_quickly(monkeypatch)
    write(
        tmp_path, {"section1/al.py": RIGHT, "section2/al.py": OTHER, "section1/bo.py": RIGHT, "section2/cy.py": RIGHT}
    )
    done = run("grade", tmp_path / "section1", tmp_path / "section2", "--dry-run")
    assert "not graded: al: `section1/al.py` and `section2/al.py` define the same names" in done.output
    (line,) = [line for line in done.output.splitlines() if line.startswith(OF_SEVERAL_FOLDERS)]
    assert line == f"{OF_SEVERAL_FOLDERS}: al"
    above = run("grade", tmp_path, "--dry-run").output
    assert OF_SEVERAL_FOLDERS not in above
    assert "section1__al" in above
    assert "section2__al" in above


@pytest.fixture
def of_section_1(tmp_path, monkeypatch):
    """Results of a section with al and bo; returns what is graded from then on."""
    graded = grade_quickly(monkeypatch)
    monkeypatch.setattr("tests.grader.class_runs.quick_result", _quick_result)
    write(
        tmp_path, {"section1/al.py": RIGHT, "section1/bo.py": RIGHT, "section2/al.py": OTHER, "section2/cy.py": RIGHT}
    )
    assert run("grade", tmp_path / "section1", "--out", tmp_path / "results").exit_code == 0
    graded.clear()
    return graded


@pytest.mark.parametrize("given", ["section2", "section2/al.py"])
@pytest.mark.parametrize("options", [[], ["--only", "q1"], ["--slurm", "array=2"]])
def test_another_file_of_the_name_of_a_result_is_not_graded(given, options, of_section_1, tmp_path):
    before = {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir() if path.is_file()}
    done = run("grade", tmp_path / given, "--out", tmp_path / "results", *options)
    assert done.exit_code == 1
    line = done.stderr.splitlines()[-1]
    files = f"al: {tmp_path}/section1/al.py, and now {tmp_path}/section2/al.py"
    assert f"results has results of other files with the same names ({files})" in line
    assert f"move the earlier file out of {tmp_path}/section1, or add --force" in line
    assert of_section_1 == []
    after = {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir() if path.is_file()}
    assert {name for name in after if after[name] != before.get(name)} <= {OWNER}


def test_a_file_that_was_handed_in_again_replaces_the_result(of_section_1, tmp_path):
    """In the same folder, in another one when the earlier file is gone, and wherever it lies with --force."""
    (tmp_path / "section1/al.py").write_bytes(script_of(OTHER))
    assert run("grade", tmp_path / "section1", "--out", tmp_path / "results").exit_code == 0
    assert of_section_1.pop() == tmp_path / "section1/al.py"
    write(tmp_path, {"later/al.py": RIGHT})
    assert run("grade", tmp_path / "later", "--out", tmp_path / "results").exit_code == 1
    assert run("grade", tmp_path / "later", "--out", tmp_path / "results", "--force").exit_code == 0
    assert of_section_1.pop() == tmp_path / "later/al.py"
    (tmp_path / "later/al.py").unlink()
    (tmp_path / "section1/al.py").unlink()
    assert run("grade", tmp_path / "section2/al.py", "--out", tmp_path / "results").exit_code == 0
    assert of_section_1.pop() == tmp_path / "section2/al.py"


def test_whose_student_is_known_may_hand_in_again_elsewhere(of_section_1, tmp_path):
    """By the names of a platform, or by the roster."""
    results = tmp_path / "results"
    (tmp_path / "roster.csv").write_text("id,name\nal,Al Green\n")
    done = run("grade", tmp_path / "section2", "--out", results, "--roster", tmp_path / "roster.csv")
    assert (done.exit_code, done.output.count("of other students")) == (0, 0)
    write(tmp_path, {"one/doejane_1_11_resnet.py": RIGHT, "two/doejane_1_12_resnet.py": OTHER})
    for folder in ("one", "two"):
        assert run("grade", tmp_path / folder, "--out", results).exit_code == 0
    assert of_section_1[-1] == tmp_path / "two/doejane_1_12_resnet.py"


def test_files_are_looked_at_in_a_confined_process(tmp_path):
    write(tmp_path, {"kim.ipynb": STUBS, "kim.zip": RIGHT, "bomb.py": b""})
    (tmp_path / "bomb.py").write_bytes(b"x = " + b"[" * 90_000)
    paths = [tmp_path / name for name in ("kim.ipynb", "kim.zip", "bomb.py")]
    found = look_at(paths)
    assert found == look(paths)
    found = [found[path] for path in paths]
    assert [one.defined for one in found] == [0, 4, 0]


def test_a_file_that_does_not_count_gets_no_points(tmp_path):
    write(tmp_path, {"lou.ipynb": RIGHT})
    with Grader() as grader:
        result = grader.grade(tmp_path / "lou.ipynb", only=["q1"], refused="`lou.ipynb` and `lou.py` differ.")
    assert (result.status, result.score, result.problems) == ("unreadable", 0, ("`lou.ipynb` and `lou.py` differ.",))


def test_files_of_two_sections_that_were_given_are_told_apart(tmp_path):
    write(tmp_path, {"section1/al.ipynb": RIGHT, "section2/al.ipynb": OTHER})
    (one,), _ = handins(find_submissions([tmp_path / "section1", tmp_path / "section2"])[0], look=look)
    assert one.origin.undecided == ("section1/al.ipynb", "section2/al.ipynb")
    above, _ = handins(find_submissions([tmp_path])[0], look=look)
    assert [other.name for other in above] == ["section1__al", "section2__al"]


def test_what_is_not_counted_is_named(tmp_path, monkeypatch):
    """On the terminal and in the result; a second run with the decision of the teaching assistant is a new result."""
    grade_quickly(monkeypatch)
    monkeypatch.setattr("tests.grader.class_runs.quick_result", _quick_result)
    write(tmp_path / "class", {"kim.ipynb": STUBS, "kim.zip": RIGHT, "lou.ipynb": RIGHT, "lou.py": OTHER})
    dry = run("grade", tmp_path / "class", "--dry-run")
    done = run("grade", tmp_path / "class", "--out", tmp_path / "results")
    for output in (dry.output, done.output):
        assert f"not counted: {tmp_path}/class/kim.ipynb: kim also handed in {tmp_path}/class/kim.zip" in output
        assert "not graded: lou: `lou.ipynb` and `lou.py` define the same names" in output
    kim, lou = (json.loads((tmp_path / f"results/{name}.json").read_text())["origin"] for name in ("kim", "lou"))
    assert kim["not_counted"] == ["kim.ipynb"]
    assert lou["undecided"] == ["lou.ipynb", "lou.py"]
    assert "lou: `lou.ipynb` and `lou.py` define" in run("regrade", tmp_path / "results", "lou").output
    (tmp_path / "class/lou.py").unlink()
    run("grade", tmp_path / "class", "--out", tmp_path / "results")
    assert json.loads((tmp_path / "results/lou.json").read_text())["origin"]["undecided"] == []


def test_a_decision_between_files_stays(tmp_path, monkeypatch):
    """The file that was graded alone counts, until it or the files beside it are others."""
    grade_quickly(monkeypatch)
    monkeypatch.setattr("tests.grader.class_runs.quick_result", _quick_result)
    folder, results = tmp_path / "class", tmp_path / "results"

    def origin() -> dict:
        return json.loads((results / "lou.json").read_text())["origin"]

    write(folder, {"lou.ipynb": RIGHT, "lou.py": OTHER})
    run("grade", folder, "--out", results)
    assert origin()["undecided"] == ["lou.ipynb", "lou.py"]
    run("grade", folder / "lou.py", "--out", results)
    for again in ([folder], [folder / "lou.py"], [folder]):
        run("grade", *again, "--out", results)
        assert (origin()["path"], origin()["not_counted"], origin()["undecided"]) == ("lou.py", ["lou.ipynb"], [])
    (folder / "lou.py").write_bytes(script_of(OTHER) + b"\n# later\n")
    run("grade", folder, "--out", results)
    assert origin()["undecided"] == ["lou.ipynb", "lou.py"]


def test_a_file_that_came_later_is_no_decision(tmp_path, monkeypatch):
    grade_quickly(monkeypatch)
    monkeypatch.setattr("tests.grader.class_runs.quick_result", _quick_result)
    write(tmp_path / "class", {"lou.ipynb": RIGHT})
    run("grade", tmp_path / "class", "--out", tmp_path / "results")
    write(tmp_path / "class", {"lou.py": OTHER})
    done = run("grade", tmp_path / "class", "--out", tmp_path / "results")
    assert "not graded: lou: `lou.ipynb` and `lou.py` define the same names" in done.output


MOODLE = "Jane Doe_1234_assignsubmission_file_"


@pytest.fixture(params=[(f"{MOODLE}", []), ("cy", ["--folders"]), ("submitted/kim", ["--folders"])])
def of_one_student(request, tmp_path, monkeypatch):
    """A folder with two files of which none is graded; returns it, and what grades its class and reads its origin."""
    graded = grade_quickly(monkeypatch)
    monkeypatch.setattr("tests.grader.class_runs.quick_result", _quick_result)
    name, options = request.param
    folder, results = tmp_path / "class" / name, tmp_path / "results"
    write(folder, {"model.py": RIGHT, "part/other.py": OTHER})

    def grade(*paths, once=False):
        more = options if once else []
        done = run("grade", *(paths or [folder.parent]), "--out", results, *more)
        assert done.exit_code == 0, done.output
        (result,) = results.glob("*.json")
        return json.loads(result.read_text())["origin"]

    path = grade(once=True)["path"]
    assert path == folder.name
    assert graded.pop() == folder
    return folder, grade, graded


def test_a_decision_between_files_of_one_folder_stays(of_one_student, tmp_path):
    folder, grade, graded = of_one_student
    name = folder.name
    for given in ("part/other.py", "model.py"):
        other = "model.py" if given != "model.py" else "part/other.py"
        chosen = {"path": f"{name}/{given}", "folder": name, "not_counted": [f"{name}/{other}"], "undecided": []}
        assert grade(folder / given).items() >= chosen.items()
        assert graded.pop() == folder / given
        for again in ([], [folder], [folder / given], []):
            assert grade(*again).items() >= chosen.items()
        assert graded == [], "the result is kept"
        listed = run("grade", folder.parent, "--out", tmp_path / "results", "--dry-run")
        assert given in listed.output, listed.output


@pytest.mark.parametrize("changed", ["model.py", "third.py"])
def test_a_decision_ends_when_the_file_is_another_or_one_more_has_come(of_one_student, changed):
    folder, grade, graded = of_one_student
    grade(folder / "model.py")
    graded.clear()
    write(folder, {changed: OTHER})
    assert (origin := grade())["path"] == folder.name
    assert (origin["folder"], graded) == ("", [folder])


def test_a_decision_stays_when_a_file_that_does_not_count_goes(of_one_student):
    folder, grade, graded = of_one_student
    grade(folder / "model.py")
    write(folder, {"third.py": STUBS})
    grade(folder / "model.py")
    grade()
    grade(folder / "model.py")
    graded.clear()
    (folder / "third.py").unlink()
    assert grade()["not_counted"] == [f"{folder.name}/part/other.py"]
    assert graded == []


def test_the_file_that_the_folder_stands_for_is_no_decision(of_one_student, monkeypatch):
    """Given alone, it is graded as it is in the folder, with what it imports."""
    folder, grade, graded = of_one_student
    monkeypatch.setattr("tests.grader.class_runs.quick_result", lambda path: _quick_result(path, file="model.py"))
    (folder / "model.py").write_bytes(script_of(OTHER))
    before = grade()
    assert before["path"] == folder.name
    for paths in ([folder / "model.py"], []):
        assert grade(*paths) == before
    assert graded == [folder]


def test_where_nothing_is_graded_the_ta_is_told_what_to_do(tmp_path, zygote):
    write(tmp_path / MOODLE, {"hw3.py": RIGHT, "hw3-Copy1.py": OTHER})
    write(tmp_path, {"lou.py": RIGHT})
    with Grader(zygote=zygote) as grader:
        tied = grader.grade(tmp_path / MOODLE, only=["q1"])
        refused = grader.grade(tmp_path / "lou.py", only=["q1"], refused="`lou.ipynb` and `lou.py` differ.")
        empty = grader.grade(tmp_path / "gone.py", only=["q1"])
    assert tied.status == refused.status == empty.status == "unreadable"
    assert tied.notes == refused.notes == (SAY_WHICH,)
    assert empty.notes == ()


def _quick_result(path: Path, file: str = ""):
    """A right one, whatever the file holds; `file` is the one in a folder that was graded."""
    tests = (*a_class()[1].tests, make_test("q2"), make_test("q3"))
    result = make_grade(path.name, *tests, file=file if path.is_dir() else "")
    return result.model_copy(update={"sha256": fingerprint(path), "suite": suite_version(), "name": ""})
