"""The commands of maintainers: `--help` starts nothing, and nobody's files are removed."""

import ast
import importlib

import pytest

from autograder.maintain import samples
from autograder.maintain.samples import OWN, main
from tests.grader.conftest import ROOT
from tests.grader.test_docs import draw_architecture


def is_command(path) -> bool:
    """Whether a file does something when it is run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.If) and "__name__ == '__main__'" in ast.unparse(node.test) for node in tree.body)


FILES = [*ROOT.glob("benchmarks/*.py"), *ROOT.glob("autograder/**/*.py"), *ROOT.glob("docs/*.py")]
COMMANDS = [path.relative_to(ROOT) for path in sorted(FILES) if is_command(path) and path.name != "__main__.py"]


@pytest.mark.parametrize("path", COMMANDS, ids=str)
def test_help_starts_nothing(path, capsys, monkeypatch):
    """Whatever a command does begins with its command line."""
    name = ".".join(path.with_suffix("").parts)
    module = draw_architecture if path.parts[0] == "docs" else importlib.import_module(name)
    monkeypatch.setattr("sys.argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: ")


def test_samples_replace_those_of_an_earlier_run(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "demo" / "submissions"
    assert main([str(folder)]) == 0
    first = sorted(path.name for path in folder.iterdir())
    monkeypatch.setattr(samples, "MISTAKES", samples.MISTAKES[1:])
    assert main([str(folder)]) == 0
    assert [name for name in first if not (folder / name).exists()] == ["q1_relu_before_add.ipynb"]
    assert f"wrote {len(first) - 2} sample submissions to {folder}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["mine.py", "solution.ipynb", ".hidden", "sub/jane.py"])
@pytest.mark.parametrize("before", [False, True])
def test_a_folder_that_holds_anything_else_is_left_alone(name, before, tmp_path, capsys):
    """Also a file that is called as a sample is, where no run wrote one."""
    if before:
        assert main([str(tmp_path)]) == 0
        if name == "solution.ipynb":
            (tmp_path / OWN).unlink()
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("work of a month")
    kept = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    capsys.readouterr()
    assert main([str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{tmp_path}: holds what is no sample of an earlier run (" in line
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == kept


def test_the_current_folder_and_a_file_are_no_place_for_samples(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("x = 1")
    for given in ("", ".", "mine.py"):
        assert main([given]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
