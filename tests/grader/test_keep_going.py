"""Cells of an unfinished notebook: what is not there yet is said in two lines, and Run All goes on."""

import re

import pytest
from IPython.core.interactiveshell import InteractiveShell

import utils
from lab import messages
from lab.keep_going import keep_going


def test_a_stub_is_two_lines(capsys):
    with keep_going():
        raise NotImplementedError("BasicBlock.__init__ builds no layers")
    assert capsys.readouterr().out == (
        "Not implemented yet: BasicBlock.__init__ builds no layers\n"
        "Fill in that cell, run it, then run this one again.\n"
    )


def test_missing_images_are_two_lines_that_offer_the_stand_in(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path))
    with keep_going():
        utils.download_cifar10()
    first, second = capsys.readouterr().out.splitlines()
    assert "there is no folder" in first
    assert "utils.make_standin()" in second


def test_a_name_that_no_cell_has_defined_is_two_lines(capsys):
    with keep_going():
        train_loader  # noqa: B018, F821
    assert capsys.readouterr().out.startswith("`train_loader` is not defined yet.\nRun the cell above")


def typo():
    return torhc.zeros(1)  # noqa: F821


@pytest.mark.parametrize(("code", "kind"), [(typo, NameError), (lambda: 1 / 0, ZeroDivisionError)])
def test_outside_a_notebook_other_errors_are_raised(code, kind):
    """A name that is unknown inside a function is the student's mistake, not a cell that has not run."""
    with pytest.raises(kind), keep_going():
        code()


def test_in_a_notebook_other_errors_are_shown_and_the_cell_ends_well(monkeypatch, capsys):
    shell = InteractiveShell.instance()
    try:
        monkeypatch.setattr("lab.keep_going.in_notebook", lambda: True)
        result = shell.run_cell(
            "from lab.keep_going import keep_going\nwith keep_going():\n    int('three')\nafter = 1", silent=True
        )
        assert result.success
        assert shell.user_ns["after"] == 1
        said = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
        assert "invalid literal for int() with base 10: 'three'" in said
        assert "int('three')" in said
        assert "contextlib" not in said
        assert "keep_going.py" not in said
    finally:
        InteractiveShell.clear_instance()


def test_an_interruption_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt), keep_going():
        raise KeyboardInterrupt


def test_messages_in_a_notebook_are_paragraphs(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(messages, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    messages.say("a < b")
    (data,) = shown
    assert data["text/plain"] == "a < b"
    assert "a &lt; b</p>" in data["text/html"]
