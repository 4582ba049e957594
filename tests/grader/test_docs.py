"""The documentation agrees with the code: the picture and the table of packages, and the links between the pages."""

import importlib.util
import re
import tomllib

import pytest

from tests.grader.conftest import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
_spec = importlib.util.spec_from_file_location("draw_architecture", ROOT / "docs" / "draw_architecture.py")
draw_architecture = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(draw_architecture)


def test_packages_are_those_of_the_contract():
    packages = draw_architecture.read_packages()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    text = draw_architecture.PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == contracts[0]["layers"]
    assert text == draw_architecture.page(packages, text), "run python docs/draw_architecture.py"
    assert draw_architecture.PICTURE.read_text(encoding="utf-8") == draw_architecture.picture(packages)


def test_every_step_is_in_the_picture():
    names = {package.name for package in draw_architecture.read_packages()}
    assert {name for name, _ in draw_architecture.STEPS} <= names


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 90


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", page.read_text(encoding="utf-8")):
        linked = page.parent / target if target else page
        assert linked.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles], anchor
