"""A class is graded whatever its files are called, and goes on when a process is lost or the grader fails."""

import contextlib
import errno
import json
import os
import pickle
import signal
import subprocess
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
from click.testing import CliRunner

from autograder.__main__ import main
from autograder.course.handins import handins
from autograder.grading import classroom
from autograder.grading.classroom import grade_all
from autograder.grading.failures import Failure, in_words
from autograder.grading.find_submissions import NothingToGrade, find_submissions
from autograder.grading.pool import _as_broken, grade_each
from autograder.grading.result import Result
from autograder.grading.results_folder import OWNER, ResultsFolderProblem, claim, load_result
from autograder.grading.seeds import SUITE, suite_version
from autograder.grading.unreadable import judge_unreadable
from autograder.maintain.build import solved_source
from autograder.platforms import otter_plugin
from autograder.platforms.container import run_container
from autograder.report.class_view import overview
from autograder.student.errors import GraderBroken
from autograder.student.no_submission import NoSubmission
from autograder.submission import fingerprint
from autograder.suite.run import run_suite
from tests.grader.conftest import mounted_disk


def test_suffixes_may_be_capital(tmp_path):
    for name in ("a.IPYNB", "b.ZIP", "c.Py", "d.txt"):
        (tmp_path / name).touch()
    found, ignored = find_submissions([tmp_path])
    assert [path.name for path in found] == ["a.IPYNB", "b.ZIP", "c.Py"]
    assert [path.name for path in ignored] == ["d.txt"]


def test_a_folder_named_twice_is_graded_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.py").touch()
    relative = tmp_path.relative_to(tmp_path) / "class"
    found, _ = find_submissions([relative, tmp_path / "class", relative / "a.py"])
    assert list(found) == [relative / "a.py"]


def claim_and(folder, error: Exception | None = None):
    with claim(folder):
        if error is not None:
            raise error


def test_one_grader_at_a_time(tmp_path):
    expected = f"another grader writes there: process {os.getpid()} on"
    with claim(tmp_path), pytest.raises(ResultsFolderProblem, match=expected):
        claim_and(tmp_path)
    claim_and(tmp_path)
    assert (tmp_path / OWNER).exists()


def test_a_new_folder_goes_when_nothing_was_graded(tmp_path):
    """A run that is refused, as on a machine that cannot confine student code, leaves no empty results."""
    with pytest.raises(GraderBroken):
        claim_and(tmp_path / "new", GraderBroken())
    assert not (tmp_path / "new").exists()
    (tmp_path / "graded").mkdir()
    with pytest.raises(GraderBroken):
        claim_and(tmp_path / "graded", GraderBroken())
    assert (tmp_path / "graded").exists()


def test_what_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ResultsFolderProblem, match=r"results: this folder cannot be made \(File exists\): "):
        claim_and(tmp_path / "results")
    with pytest.raises(ResultsFolderProblem, match=r"a\.json: cannot be read or written: No space left on device"):
        claim_and(tmp_path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.json"))
    with pytest.raises(BlockingIOError):  # what has nothing to do with the folder goes through
        claim_and(tmp_path, BlockingIOError())


def kill_first_grading_process(done: threading.Event) -> None:
    """Kill -9 the first process that grades, a moment after it has begun."""
    while not done.is_set():
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):  # of an earlier test, too: it may have ended meanwhile
                for process in child.children() if "forkserver" in " ".join(child.cmdline()) else ():
                    if process.cpu_times().user > 0.05:  # all of q1 takes a quarter of a second
                        process.send_signal(signal.SIGKILL)
                        return
        time.sleep(0.02)


def test_a_class_goes_on_when_a_process_is_killed(tmp_path):
    paths = [tmp_path / f"{name}.py" for name in ("anna", "bert", "carl")]
    for path in paths:
        path.write_text(solved_source())
    done = threading.Event()
    killer = threading.Thread(target=kill_first_grading_process, args=[done], daemon=True)
    killer.start()
    results = dict(grade_each({path: ["q1"] for path in paths}, jobs=1))
    assert not killer.is_alive(), "no process was killed"
    done.set()
    assert results.keys() == set(paths)
    assert all(isinstance(result, Result) and result.score == 25 for result in results.values())


def test_what_a_process_graded_before_changes_nothing(tmp_path):
    """One process grades several submissions, and remembers which checks fail with a mistake."""
    detached = solved_source().replace("self.shortcut(x))", "self.shortcut(x).detach())")
    sources = {"one": detached, "two": solved_source(), "three": f"{detached}\n# another file\n"}
    paths = [tmp_path / f"{name}.py" for name in sources]
    for path, source in zip(paths, sources.values(), strict=True):
        path.write_text(source)
    unchecked = {"seconds", "grader"}
    together = dict(grade_each({path: ["q1"] for path in paths}, jobs=1))
    assert [together[path].score < 25 for path in paths] == [True, False, True]
    for path in paths[1:]:
        alone = dict(grade_each({path: ["q1"]}, jobs=1))[path]
        assert alone.model_dump(exclude=unchecked) == together[path].model_dump(exclude=unchecked)


# The grader fails


@pytest.fixture
def broken(monkeypatch):
    """A pool in whose processes the grader fails on these files; nothing is really graded."""
    names = {"broken"}

    def grade_each(todo, *args):
        for path, asked in todo.items():
            if path.stem in names:
                failure = GraderBroken("KeyError: 'conv1'")
                failure.log = "raise KeyError('conv1')\n"
                yield path, failure
            else:
                fields = {"submission": path.name, "sha256": fingerprint(path), "suite": suite_version()}
                tests = judge_unreadable("a test", SUITE, asked)
                yield (
                    path,
                    Result.of(tests, **fields, status="graded", seconds=1.0, isolation=(), problems=(), training=None),
                )

    monkeypatch.setattr("autograder.grading.classroom.grade_each", grade_each)
    return names


def test_a_submission_on_which_the_grader_fails_has_a_result_without_points(broken, tmp_path):
    for name in ("broken", "anna"):
        (tmp_path / f"{name}.py").write_text("x = 1")
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["grade", str(tmp_path), "--out", str(out), "--device", "cpu"])
    assert done.exit_code == 1
    assert "the grader itself failed on these submissions" in done.stderr
    assert f"{tmp_path / 'broken.py'}: KeyError: 'conv1'" in done.stderr
    assert f"({out}/logs/broken.log)" in done.stderr
    log = (out / "logs" / "broken.log").read_text()
    assert "code " in log
    assert f"{tmp_path / 'broken.py'}: KeyError: 'conv1'" in log
    assert log.endswith("raise KeyError('conv1')\n")
    result = json.loads((out / "broken.json").read_text())
    assert (result["status"], result["score"], result["possible"], result["tests"]) == ("grader_failed", 0, 0, [])
    assert result["problems"][0].startswith("The grader failed, not the submission: KeyError: 'conv1'.")
    assert json.loads((out / "anna.json").read_text())["possible"] > 80
    rows = (out / "grades.csv").read_text().splitlines()
    assert [row.split(",")[:6] for row in rows if row.startswith("broken")] == [
        ["broken.py", "grader_failed", "", "", "", ""]
    ]
    assert "1 submission without a score" in (out / "report.html").read_text()
    assert "no score" in (out / "report.html").read_text()

    broken.clear()  # the grader is mended: the next run grades it, and only it
    before = (out / "anna.json").stat().st_mtime_ns
    again = CliRunner().invoke(main, ["grade", str(tmp_path), "--out", str(out), "--device", "cpu"])
    assert again.exit_code == 0, again.output
    assert json.loads((out / "broken.json").read_text())["status"] == "graded"
    assert not list((out / "logs").iterdir())
    assert (out / "anna.json").stat().st_mtime_ns == before


def test_a_failure_keeps_the_questions_that_are_judged_already(broken, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("x = 1")
    fields = {"submission": path.name, "sha256": fingerprint(path), "suite": suite_version(), "status": "graded"}
    tests = judge_unreadable("a test", SUITE, ["q1", "q4"])
    before = Result.of(tests, **fields, seconds=1.0, isolation=(), problems=(), training=None)
    (tmp_path / "broken.json").write_text(before.to_json())
    [result], failures = grade_all(handins({path: tmp_path})[0], tmp_path, only=["q4", "q1", "q2"])
    assert len(failures) == 1
    assert result.status == "grader_failed"
    assert load_result(tmp_path / "broken.json", path).questions == before.questions


def test_a_failure_brings_its_traceback_from_another_process():
    def fail():
        return {}["conv1"]

    with pytest.raises(KeyError) as caught:
        fail()
    broken = pickle.loads(pickle.dumps(_as_broken(caught.value)))
    assert str(broken) == "KeyError: 'conv1'"
    assert "in fail\n" in broken.log


def test_no_mean_counts_a_submission_on_which_the_grader_failed():
    failed = Result.of_failure("KeyError", None, (), submission="a.py", sha256="", suite="")
    facts = overview([failed])
    assert (facts.mean, facts.full, sum(facts.bins), facts.undecided) == (None, 0, 0, 1)


@pytest.fixture
def gradescope(tmp_path):
    """The folders of Gradescope's container."""
    for name in ("source", "submission", "results"):
        (tmp_path / name).mkdir()
    (tmp_path / "source" / "otter_config.json").write_text("{}")
    (tmp_path / "submission" / "anna.py").write_text("")
    return tmp_path


@pytest.mark.parametrize("failures", [1, 2])
def test_gradescope_is_told_that_the_grader_failed(gradescope, monkeypatch, failures):
    """The grader is started once more; after that there is no score."""
    grade, tried = otter_plugin._grade, []

    def fail_at_first(folder):
        tried.append(folder)
        if len(tried) <= failures:
            raise KeyError("conv1")
        return grade(folder)

    monkeypatch.setattr(otter_plugin, "_grade", fail_at_first)
    run_container(gradescope)
    result = json.loads((gradescope / "results" / "results.json").read_text())
    assert len(tried) == 2
    if failures == 1:
        assert "the file is empty" in result["output"]
        assert len(result["tests"]) > 20
    else:
        assert result["output"].startswith("The grader failed, not your submission. No points were decided.")
        assert [test.get("max_score", 0) for test in result["tests"]] == [0, 0]
        assert [test["visibility"] for test in result["tests"] if "conv1" in test["output"]] == ["hidden"]


# Disks


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB."""
    with mounted_disk(tmp_path / "disk", "1m") as folder:
        yield folder


def submissions_in(folder, *names):
    folder.mkdir()
    for name in names:
        (folder / f"{name}.py").write_text("x = 1")
    return folder


def grade(folder, out):
    """Run `grade`; returns its exit status and the last line on stderr."""
    done = CliRunner().invoke(main, ["grade", str(folder), "--out", str(out), "--device", "cpu"])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stderr.strip().splitlines()[-1:]


def fill(disk):
    """Leave no room."""
    with contextlib.suppress(OSError), (disk / "full").open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)


@pytest.mark.parametrize("name", ["a.json", "grades.csv", "report.html", "grading.key"])
def test_a_folder_in_the_place_of_a_file_is_found_before_grading(broken, name, tmp_path):
    (tmp_path / "out" / name).mkdir(parents=True)
    status, [line] = grade(submissions_in(tmp_path / "in", "a", "b"), tmp_path / "out")
    assert status == 1
    assert f"{tmp_path / 'out' / name}: is a folder" in line
    assert list((tmp_path / "out").glob("b.json")) == []


def test_a_disk_without_room_is_found_before_grading(broken, small_disk, tmp_path):
    folder = submissions_in(tmp_path / "in", *(f"a{number}" for number in range(30)))
    status, [line] = grade(folder, small_disk / "out")
    assert status == 1
    assert f"{small_disk / 'out'}: cannot be read or written: No space left on device" in line
    assert list((small_disk / "out").glob("*.json")) == []


def test_a_disk_that_cannot_be_written_is_found_before_grading(broken, small_disk, tmp_path):
    folder = submissions_in(tmp_path / "in", "a")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    status, [line] = grade(folder, small_disk)
    assert status == 1
    assert "cannot be read or written: Read-only file system" in line


def test_a_disk_that_is_full_in_the_middle_loses_nothing(broken, small_disk, tmp_path, monkeypatch):
    """One line, nothing half-written; the same command completes when there is room again."""
    folder, out = submissions_in(tmp_path / "in", "a", "b", "c"), small_disk / "out"
    graded = classroom.grade_each

    def fill_after_the_first(*args):
        for number, pair in enumerate(graded(*args)):
            if number == 1:
                fill(small_disk)
            yield pair

    monkeypatch.setattr(classroom, "grade_each", fill_after_the_first)
    status, [line] = grade(folder, out)
    assert status == 1
    assert f"{out}: cannot be read or written: No space left on device. What was written is kept" in line
    assert [path.name for path in out.iterdir() if path.suffix in (".json", ".tmp")] == ["a.json"]
    (small_disk / "full").unlink()
    first = (out / "a.json").read_bytes()
    monkeypatch.setattr(classroom, "grade_each", graded)
    (out / ".b.json.1.tmp").write_text("half of a resu")  # of a grader that was killed
    assert grade(folder, out)[0] == 0
    assert {path.name for path in out.iterdir() if path.suffix in (".json", ".tmp")} == {"a.json", "b.json", "c.json"}
    assert (out / "a.json").read_bytes() == first


def test_a_folder_that_cannot_be_opened_is_said_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()

    def refuse(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(NothingToGrade, match="in: cannot be opened: Permission denied"):
        find_submissions([tmp_path / "in"])


# A file without code

REASON = "anna.py: there is no code in it."


def test_a_file_without_code_has_the_outcomes_of_its_tests_without_running_them():
    expected = run_suite(NoSubmission(REASON), SUITE)
    assert judge_unreadable(REASON, SUITE, None) == expected
    for only in (["q1"], ["q4", "q2"]):
        assert judge_unreadable(REASON, SUITE, only) == [test for test in expected if test.question in only]
    started = time.process_time()
    for _ in range(100):
        judge_unreadable(REASON, SUITE, None)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(("unavailable", "outcome"), [(None, "failed"), ("there is no data", "deferred")])
def test_a_file_without_code_is_not_trained(unavailable, outcome):
    context = SimpleNamespace(unavailable_reason=unavailable)
    [accuracy] = [test for test in judge_unreadable(REASON, SUITE, ["q4"], context) if "accuracy" in test.id]
    assert accuracy.outcome == outcome
    assert accuracy.message.got == (f"Deferred: {unavailable}" if unavailable else REASON)


def test_a_check_that_is_broken_is_said_once_for_the_whole_class():
    reason = "tests/hidden/test_q1_hidden.py, line 12: NameError: name 'x' is not defined"
    class_ = [Failure(f"class/{name}.py", reason, f"results/logs/{name}.log") for name in "abcde"]
    other = Failure("class/f.py", "the process that graded it was killed", "results/logs/f.log")
    assert in_words([*class_, other]).splitlines() == [
        f"5 submissions, the first is class/a.py: {reason}; see results/logs/a.log",
        "class/f.py: the process that graded it was killed (results/logs/f.log)",
    ]
    assert in_words(class_[:2]).splitlines() == [f"class/{n}.py: {reason} (results/logs/{n}.log)" for n in "ab"]
