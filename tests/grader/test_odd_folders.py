"""Folders and files that are not as they should be: each is one line, and nothing that was graded is lost."""

import importlib
import os
from pathlib import Path

import click
import pytest

from autograder.__main__ import GivenPath, main
from autograder.course.corrections import read_corrections
from autograder.grading.result import Result, read_result
from autograder.grading.results_folder import find_submission, known_results
from autograder.student.errors import GraderBroken
from autograder.submission import UnreadableSubmission, read_upload
from tests.grader.class_runs import grade_quickly, run


@pytest.fixture
def graded(tmp_path, monkeypatch) -> Path:
    """A class of two, graded; the results folder."""
    grade_quickly(monkeypatch)
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "ann.py").write_text("wrong")
    (tmp_path / "class" / "bob.py").write_text("right")
    assert run("grade", tmp_path / "class", "--out", tmp_path / "results").exit_code == 0
    return tmp_path / "results"


def last_line(*arguments: object, status: int = 1) -> str:
    """What a command that fails says last."""
    done = run(*arguments)
    assert done.exit_code == status, done.output
    return done.output.splitlines()[-1]


def refuse(*_: object, **__: object) -> None:
    """Every file is one of somebody else."""
    raise PermissionError(13, "Permission denied", "somewhere/file")


def test_a_file_that_cannot_be_read_now_is_no_fault_of_the_student(tmp_path, monkeypatch):
    (tmp_path / "ann.py").write_text("x = 1")
    with pytest.raises(UnreadableSubmission, match="there is no such file"):
        read_upload(tmp_path / "bob.py")
    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(PermissionError):
        read_upload(tmp_path / "ann.py")


def test_what_a_file_got_before_it_could_not_be_read_stays(graded, tmp_path, monkeypatch):
    before = (graded / "ann.json").read_bytes()
    broken = GraderBroken("ann.py cannot be read: Permission denied")
    monkeypatch.setattr("autograder.grading.classroom.grade_each", lambda todo, *_: ((p, broken) for p in todo))
    for module in ("classroom", "results_folder"):
        monkeypatch.setattr(f"autograder.grading.{module}.fingerprint", lambda path: "")
    done = run("grade", tmp_path / "class" / "ann.py", "--out", graded)
    assert done.exit_code == 1
    assert "ann.py cannot be read: Permission denied" in done.output
    assert (graded / "ann.json").read_bytes() == before
    assert "13/28" in done.output


def test_regrade_takes_the_file_that_was_graded_and_no_other(graded, tmp_path, monkeypatch):
    result = read_result(graded / "ann.json")
    (tmp_path / "week2").mkdir()
    for name in ("ann.py", "zoe.py"):
        (tmp_path / "week2" / name).write_text("right, of another week")
    assert run("grade", tmp_path / "week2" / "zoe.py", "--out", graded).exit_code == 0
    assert find_submission(graded, result.origin, result.sha256) == tmp_path / "class" / "ann.py"
    (tmp_path / "class" / "ann.py").unlink()
    assert "is not where it was" in last_line("regrade", graded, "ann")


def test_corrections_of_a_result_in_conflict_are_left_out(graded, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "ann.py").write_text("right")
    assert run("grade", tmp_path / "other", "--out", tmp_path / "results2").exit_code == 0
    for name in ("ann", "bob"):
        assert run("override", graded, name, "q1", "-2", "talk").exit_code == 0
    line = last_line("merge", tmp_path / "results2", graded)
    assert "results has a result of another file, ann.py, and corrections of it" in line
    assert [entry.name for entry in read_corrections(tmp_path / "results2")] == ["bob"]


def test_merge_takes_the_first_key_first_and_needs_results(graded, tmp_path):
    for name in ("grading.0123456789ab.key", "._grading.key"):
        (graded / name).write_text("of another machine")
    assert run("merge", graded, tmp_path / "class").exit_code == 1
    assert "class: there is no result file" in last_line("merge", graded, tmp_path / "class")
    (tmp_path / "new").mkdir()
    assert run("merge", tmp_path / "new", graded).exit_code == 0
    assert (tmp_path / "new" / "grading.key").read_bytes() == (graded / "grading.key").read_bytes()
    assert len(list((tmp_path / "new").glob("*.key"))) == 2


def test_an_override_whose_report_cannot_be_written_says_that_it_is_recorded(graded, monkeypatch):
    monkeypatch.setattr("autograder.report.write_reports", refuse)
    line = last_line("override", graded, "ann", "q1", "-1", "talk")
    assert "the correction is recorded: do not repeat it" in line
    assert len(read_corrections(graded)) == 1


def test_a_folder_that_cannot_be_written_is_one_line(graded, monkeypatch):
    monkeypatch.setattr("autograder.report.write_reports", refuse)
    expected = "Error: somewhere/file: cannot be read or written: Permission denied"
    assert last_line("report", graded) == expected


def test_files_that_nobody_would_grade_are_named(tmp_path, monkeypatch):
    grade_quickly(monkeypatch)
    folder = tmp_path / "class"
    (folder / "carol").mkdir(parents=True)
    (folder / "ann.py").write_text("right")
    (folder / "dan").symlink_to(folder / "carol")
    (folder / "gone.txt").symlink_to(tmp_path / "nowhere")
    (folder / "\x1b[31mred.foo").write_text("")
    done = run("grade", folder, "--out", folder / "results")
    for name in ("dan", "gone.txt", "[31mred.foo"):
        assert name in done.output
    assert "\x1b" not in done.output
    again = run("grade", folder, "--out", folder / "results")
    assert "ann.json" not in again.output


@pytest.mark.parametrize("how", [".", "..", "../jane"])
def test_the_folder_of_one_student_has_its_name_from_within_too(tmp_path, monkeypatch, how):
    grade_quickly(monkeypatch)
    (tmp_path / "jane" / "autograder").mkdir(parents=True)
    (tmp_path / "jane" / "autograder" / "contract.py").write_text("")
    for name in ("a.py", "b.py"):
        (tmp_path / "jane" / name).write_text("right")
    monkeypatch.chdir(tmp_path / "jane" / ("autograder" if how == ".." else ""))
    done = run("grade", how, "--dry-run")
    assert done.output.splitlines()[-1].split()[0] == "jane", done.output


def test_an_empty_path_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "is empty" in last_line("grade", "", status=2)
    assert "is empty" in last_line("grade", ".", "--out", "", status=2)
    assert "the questions are q1" in last_line("grade", ".", "--only", ",", status=2)
    (tmp_path / "results").mkdir()
    assert "'--out': is empty" in last_line("export", "results", "--out", "", status=2)
    assert "'--data': is empty" in last_line("grade", ".", "--data", "", status=2)


def test_no_command_takes_an_empty_path():
    """A path that need not exist may be empty; then it would be the current folder."""
    commands = [*main.commands.values(), *main.commands["gallery"].commands.values()]
    paths = [one for command in commands for one in command.params if isinstance(one.type, click.Path)]
    assert len(paths) > 10
    assert [one.name for one in paths if not (one.type.exists or isinstance(one.type, GivenPath))] == []


@pytest.mark.parametrize(
    ("module", "option"),
    [
        ("gpu", "--out"),
        ("gpu", "--into-docs"),
        ("gpu", "--data"),
        ("whole_class", "--out"),
        ("calibrate_training", "--runs"),
        ("calibrate_training", "--data"),
    ],
)
def test_no_benchmark_takes_an_empty_path(module, option, capsys):
    with pytest.raises(SystemExit, match="2"):
        importlib.import_module(f"benchmarks.{module}").main([option, ""])
    assert f"argument {option}: is empty" in capsys.readouterr().err


def test_what_is_no_number_or_no_place_for_results_is_said_in_plain_words(tmp_path):
    (tmp_path / "ann.py").write_text("class ResNet: pass")
    assert "'many' is not a valid whole number." in last_line("grade", tmp_path, "--jobs", "many", status=2)
    line = last_line("grade", tmp_path, "--out", "/proc/results")
    assert line.startswith("Error: /proc/results: this folder cannot be made (")
    assert line.endswith("): choose another one with --out")


def test_arguments_in_the_wrong_order_are_said_to_be(graded, tmp_path):
    line = last_line("reproduce", tmp_path / "class" / "ann.py", graded / "ann.json", status=2)
    assert "ann.py is no result file: RESULT, a .json file, comes first" in line


def test_a_roster_that_can_be_read_once_only_is_refused(graded, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    line = last_line("grade", tmp_path / "class", "--out", graded, "--roster", tmp_path / "pipe", status=2)
    assert "is no file that can be read twice" in line


def test_results_that_were_edited_by_hand_do_not_stop_a_run(graded):
    (graded / "deep.json").write_text("[" * 200_000)
    (graded / "null.json").write_text('{"origin": {"key": null, "path": "a.py"}, "sha256": "0"}')
    (graded / "._ann.json").write_text("of a Mac")
    assert {one.key for one in known_results(graded)} == {"ann", "bob"}


def test_a_folder_whose_name_is_no_text_is_remembered(graded, tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/s\xff\xe2\x80\xa8"))
    folder.mkdir()
    (folder / "zoe.py").write_text("right")
    assert run("grade", folder, "--out", graded).exit_code == 0
    result = read_result(graded / "zoe.json")
    assert find_submission(graded, result.origin, result.sha256) == folder / "zoe.py"


@pytest.mark.parametrize("out", ["", "results", "week/results"])
@pytest.mark.parametrize("folders", [[], ["--folders"]])
def test_results_among_the_submissions_are_not_taken_for_submissions(out, folders, tmp_path, monkeypatch):
    grade_quickly(monkeypatch)
    folder = tmp_path / "class"
    (folder / "week").mkdir(parents=True)
    (folder / "ann.py").write_text("right")
    (folder / "essay.pdf").write_text("%PDF")
    (folder / "week" / "zoe.py").write_text("right")
    if not folders:
        (folder / "notes").mkdir()
        (folder / "notes" / "essay.pdf").write_text("%PDF")
    assert run("grade", folder, "--out", folder / out).exit_code == 0
    assert run("override", folder / out, "ann", "q1", "-1", "talk").exit_code == 0
    again = run("grade", folder, "--dry-run", *folders)
    *lines, said = again.output.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["ann", "week__zoe"]
    left = said.removeprefix("not graded, no submission: ").split(", ")
    assert left == [f"{folder}/essay.pdf", f"{folder}/notes/essay.pdf"][: 1 if folders else 2]


def test_a_students_folder_with_the_name_of_a_key_is_graded(tmp_path):
    (tmp_path / "class" / "ann").mkdir(parents=True)
    for name in ("ann/grading.key", "ann/ann.json", "ann/resnet.py"):
        (tmp_path / "class" / name).write_text("x = 1")
    for options in ([], ["--folders"]):
        lines = run("grade", tmp_path / "class", "--dry-run", *options).output.splitlines()
        assert lines[1].split() == ["ann", "ann", "ann/resnet.py"]


def test_a_file_by_name_that_is_no_submission_is_an_error(graded, tmp_path):
    (tmp_path / "essay.pdf").write_text("%PDF")
    line = last_line("grade", tmp_path / "essay.pdf", "--out", graded, status=2)
    assert "essay.pdf: is no submission: give a file of .ipynb, .py, .zip" in line
    assert not (graded / "essay.pdf.json").exists()


def test_results_are_not_merged_into_themselves(graded, monkeypatch):
    monkeypatch.chdir(graded)
    assert "is RESULTS itself" in last_line("merge", graded, ".", status=2)


def test_nothing_to_compare_is_a_failure(graded, tmp_path):
    for name in ("ann", "bob"):
        (tmp_path / "class" / f"{name}.py").unlink()
    assert last_line("similar", graded).startswith("Error: no submission was compared; say where")


def test_a_second_run_says_what_it_keeps(graded, tmp_path):
    (tmp_path / "class" / "zoe.py").write_text("right")
    done = run("grade", tmp_path / "class", "--out", graded)
    assert "2 results kept, 1 to grade" in done.output
    assert "2 of 3 (66 %)" not in done.output
    assert "3 of 3 (100 %)" in done.output
    assert " of 3 (" not in run("grade", tmp_path / "class", "--out", graded).output


def test_results_that_get_other_points_by_new_prices_are_counted(graded, tmp_path, monkeypatch):
    def charge_again(result: Result, rubric: object) -> Result:
        return result.replace_tests(result.tests[:1]) if "ann" in result.submission else result

    monkeypatch.setattr(Result, "charge_again", charge_again)
    done = run("grade", tmp_path / "class", "--out", graded, "--only", "q1")
    assert "2 results kept, 1 of them with points added up anew, 0 to grade" in done.output
