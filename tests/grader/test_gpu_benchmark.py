"""`python -m benchmarks.gpu`: what it measures and prints, and what docs/gpu.md takes from it."""

import time

import pytest
import torch

from autograder.training.budgets import load_budget
from autograder.training.train_confined import TrainingStopped
from benchmarks import gpu, training_data


@pytest.fixture
def bench(tmp_path):
    data, name = training_data.standin()
    return gpu.Bench(data, name, "cpu", load_budget("tiny").recipe, tmp_path, end=time.monotonic() + 60)


def test_what_there_is_no_time_for_is_left_out_and_said(bench):
    bench.seconds = 50.0
    assert bench.has_time_for("one", 1)
    assert not bench.has_time_for("two", 2)
    (row,) = bench.rows
    assert row[:2] == ("two", "left out")
    assert row[2].startswith("it needs about 100 s, and ")


def test_what_is_known_is_written_at_once(bench, monkeypatch):
    accuracies = iter([0.5, 0.6])

    def train(source, seed, slot=None):
        if seed == 2:
            raise TrainingStopped("the GPU is gone", failure=None, deferred=True)
        return type("Trained", (), {"seconds": 4.0}), next(accuracies)

    monkeypatch.setattr(bench, "train", train)
    with pytest.raises(TrainingStopped):
        gpu.measure_accuracy(bench)
    assert "| baseline network | seed 1 | 60.00% in 4.0 s" in (bench.out / "gpu.md").read_text()
    assert '"accuracies": [\n  0.5,\n  0.6\n ]' in (bench.out / "gpu.json").read_text()


def test_docs_take_the_table_in(tmp_path):
    docs = tmp_path / "gpu.md"
    docs.write_text(f"before\n{gpu.START}old\n{gpu.END}after\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "gpu.md").write_text(gpu.as_table([("machine", "GPU", "some | card")]))
    gpu.copy_into_docs(tmp_path / "run", docs)
    text = docs.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| machine | GPU | some / card |" in text
    assert "old" not in text
    assert gpu.START in gpu.DOCS.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "cuda", "--budget", "tiny"], "PyTorch finds no CUDA GPU here"),
        (["--device", "cpu"], "--data is missing"),
        (["--device", "cpu", "--data", "nowhere"], "nowhere"),
        (["--into-docs", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_measured_is_one_line(arguments, words, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
