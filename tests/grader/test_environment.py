"""The lock, the ranges and the conda environment say the same, so that every reader gets the same packages."""

import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.grader.conftest import ROOT


def requirements(lines: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RANGES = requirements(PROJECT["dependencies"])
DEV = requirements(PROJECT["optional-dependencies"]["dev"])
LOCK = requirements(
    [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
)


def test_lock_is_exact_and_names_no_place():
    assert "://" not in (ROOT / "requirements.txt").read_text()
    for name, requirement in LOCK.items():
        assert requirement.url is None, name
        assert [s.operator for s in requirement.specifier] == ["=="], name


@pytest.mark.parametrize("name", [*RANGES, *DEV])
def test_lock_lies_within_the_ranges(name):
    (pinned,) = LOCK[name].specifier
    assert (RANGES | DEV)[name].specifier.contains(pinned.version)


def test_conda_environment_has_the_same_ranges():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert {name: str(r) for name, r in requirements(pip).items()} == {name: str(r) for name, r in RANGES.items()}
