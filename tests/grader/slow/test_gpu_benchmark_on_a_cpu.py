"""`python -m benchmarks.gpu` from the first part to the last, with real trainings; a CPU takes one to four minutes."""

import json
import sys

from tests.grader.conftest import run


def test_every_part_on_a_cpu(tmp_path):
    """Real trainings on a few generated images: every line but the GPU's."""
    command = ("-m", "benchmarks.gpu", "--device", "cpu", "--budget", "tiny", "--minutes", "30", "--out", tmp_path)
    process = run(sys.executable, *command)
    assert process.returncode == 0, process.stderr
    figures = json.loads((tmp_path / "gpu.json").read_text())
    assert len(figures["accuracies"]) == 3
    assert min(figures["accuracies"]) > figures["frozen"]
    assert figures["rates"].keys() == {"1", "2", "3", "4"}
    said = {row[0]: row[2] for row in figures["rows"]}
    assert "crashed the Python process (Killed)" in said["lost process"]
    assert said["no memory left"] == "needs a GPU"
    assert "| --gpu-jobs 4 | trainings a minute |" in (tmp_path / "gpu.md").read_text()
