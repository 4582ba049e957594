"""A class is graded whatever its files are called, and goes on when a process is lost."""

import contextlib
import errno
import os
import signal
import threading
import time

import psutil
import pytest

from autograder.grading.find_submissions import find_submissions
from autograder.grading.pool import grade_each
from autograder.grading.result import Result
from autograder.grading.results_folder import OWNER, ResultsFolderProblem, claim
from autograder.maintain.samples import solution_source


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


def test_what_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ResultsFolderProblem, match="results: cannot be written: "):
        claim_and(tmp_path / "results")
    with pytest.raises(ResultsFolderProblem, match=r"a\.json: cannot be written: No space left on device"):
        claim_and(tmp_path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.json"))
    with pytest.raises(BlockingIOError):  # what has nothing to do with the folder goes through
        claim_and(tmp_path, BlockingIOError())


def kill_first_grading_process(done: threading.Event) -> None:
    """Kill -9 the first process that grades, a moment after it has begun."""
    while not done.is_set():
        servers = [child for child in psutil.Process().children() if "forkserver" in " ".join(child.cmdline())]
        for process in (process for server in servers for process in server.children()):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.cpu_times().user > 0.3:
                    process.send_signal(signal.SIGKILL)
                    return
        time.sleep(0.02)


def test_a_class_goes_on_when_a_process_is_killed(tmp_path):
    paths = [tmp_path / f"{name}.py" for name in ("anna", "bert", "carl")]
    for path in paths:
        path.write_text(solution_source())
    done = threading.Event()
    killer = threading.Thread(target=kill_first_grading_process, args=[done], daemon=True)
    killer.start()
    results = dict(grade_each({path: ["q1"] for path in paths}, jobs=1))
    assert not killer.is_alive(), "no process was killed"
    done.set()
    assert results.keys() == set(paths)
    assert all(isinstance(result, Result) and result.score == 25 for result in results.values())
