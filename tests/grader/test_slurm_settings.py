"""The settings of `grade --slurm`; tests/grader/slow/test_slurm.py grades on a real Slurm."""

import pytest

from autograder.grading.slurm import SlurmProblem, parse_settings
from tests.grader.class_runs import grade_quickly, run
from tests.grader.test_identity import write


def test_settings_are_those_of_submitit():
    tasks, parameters = parse_settings("partition=cpu,array=40, minutes=120,gpus=1,mem_gb=1.5")
    assert tasks == 40
    assert parameters == {"slurm_partition": "cpu", "timeout_min": 120, "gpus_per_node": 1, "mem_gb": 1.5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("array=x", "array takes a number"),
        ("array=0", "array needs a value"),
        ("cpus=-1", "cpus needs a value"),
        ("partition=", "partition needs a value"),
        ("colour=red", "the settings are array, partition, account"),
    ],
)
def test_a_wrong_setting_is_one_line(text, words, tmp_path, monkeypatch):
    with pytest.raises(SlurmProblem, match=words):
        parse_settings(text)
    graded = grade_quickly(monkeypatch)
    process = run("grade", write(tmp_path / "in", ["a.py"]), "--out", tmp_path / "out", "--slurm", text)
    assert process.exit_code == 1
    assert words in process.output.splitlines()[-1]
    assert not graded
