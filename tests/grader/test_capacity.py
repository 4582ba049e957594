"""How many submissions are graded at once, and what is said where not even one has room."""

import socket
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from autograder import __main__ as commands
from autograder.grading import capacity
from autograder.grading.capacity import complain_about_memory, free_memory, suggested_jobs, usable_cores
from autograder.maintain.build import solved_source
from autograder.platforms import otter_plugin
from autograder.sandbox import launcher

GB = 10**9


@pytest.mark.parametrize(
    ("cores", "memory", "jobs"),
    [(2, 8 * GB, 2), (16, 8 * GB, 16), (64, 8 * GB, 16), (8, 2 * GB, 3), (2, GB, 1), (2, GB // 2, 1), (1, 8 * GB, 1)],
)
def test_jobs_follow_from_cores_and_memory(cores, memory, jobs):
    assert suggested_jobs(cores, memory) == jobs


def test_too_little_memory_is_one_line():
    assert complain_about_memory(GB) == ""
    assert complain_about_memory(768 * 10**6).startswith(
        "only 768 MB of memory are free, and grading takes about 950 MB"
    )
    assert "\n" not in complain_about_memory(0)


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Control groups with these files; `own` is what the kernel says of this process."""

    def make(own: str, files: dict[str, str]) -> None:
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.setattr(capacity, "OWN_GROUPS", tmp_path / "own")
        monkeypatch.setattr(capacity, "CGROUP", tmp_path / "tree")

    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 8 * GB}))
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(8), raising=False)
    return make


def test_a_container_of_version_2_is_the_limit(groups):
    held = {"memory.max": f"{2 * GB}", "memory.current": f"{GB}", "memory.stat": f"anon 5\ninactive_file {GB // 4}"}
    groups("0::/\n", held | {"cpu.max": "50000 100000"})
    assert (usable_cores(), free_memory()) == (1, 5 * GB // 4)


def test_the_groups_around_count_too(groups):
    inner = {"a/b/memory.max": "max", "a/b/memory.current": "7", "a/b/memory.stat": "", "a/b/cpu.max": "max 100000"}
    outer = {"a/memory.max": f"{GB}", "a/memory.current": "0", "a/memory.stat": "", "a/cpu.max": "250000 100000"}
    groups("0::/a/b\n", inner | outer)
    assert (usable_cores(), free_memory()) == (3, GB)


def test_a_container_of_version_1_is_the_limit(groups):
    memory = {"limit_in_bytes": f"{GB}", "usage_in_bytes": f"{GB // 2}", "stat": f"total_inactive_file {GB // 10}"}
    files = {f"memory/c/memory.{name}": text for name, text in memory.items()}
    files |= {"cpu/c/cpu.cfs_quota_us": "400000", "cpu/c/cpu.cfs_period_us": "100000", "cpu/cpu.cfs_quota_us": "-1"}
    groups("4:memory:/c\n1:cpu,cpuacct:/c\n0::/\n".replace("cpu,cpuacct", "cpu"), files)
    assert (usable_cores(), free_memory()) == (4, 6 * GB // 10)


def test_without_control_groups_the_machine_is_the_limit(groups):
    groups("0::/\n", {})
    assert (usable_cores(), free_memory()) == (8, 8 * GB)


def test_the_command_takes_as_many_as_there_is_room_for(tmp_path, monkeypatch):
    asked = {}

    def grade_all(submissions, out, **options):
        asked.update(options)
        return [], []

    monkeypatch.setattr("autograder.grading.classroom.grade_all", grade_all)
    monkeypatch.setattr(capacity, "free_memory", lambda: 700 * 10**6)
    source = tmp_path / "resnet.py"
    source.write_text(solved_source())
    words = ["grade", str(source), "--out", str(tmp_path / "out"), "--device", "cpu"]
    said = CliRunner().invoke(commands.main, words)
    assert asked["jobs"] == 1
    assert "only 700 MB of memory are free" in said.output
    CliRunner().invoke(commands.main, [*words, "--jobs", "3"])
    assert asked["jobs"] == 3


def test_a_container_says_it_before_it_is_killed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(capacity, "free_memory", lambda: 600 * 10**6)
    monkeypatch.setattr(otter_plugin, "_grade", lambda folder: "graded")
    assert otter_plugin.grade_twice(Path(tmp_path)) == "graded"
    assert capsys.readouterr().out.startswith("only 600 MB of memory are free")


def test_a_zygote_that_is_killed_with_a_request_unread_is_no_fault_of_a_check():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with launcher._held(ours, ("seccomp",)) as zygote:
        ours.send(b"a request")
        theirs.close()
        with pytest.raises(launcher.SandboxUnavailable, match="the process that starts workers ended unexpectedly"):
            zygote._receive(1)
