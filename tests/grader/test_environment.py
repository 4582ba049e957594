"""The lock, the version ranges, the conda environments and the students' requirements agree."""

import ast
import sys
import tomllib
import zipfile
from importlib.metadata import distributions, packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.grader.conftest import ROOT


def requirements(lines: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RANGES = requirements(PROJECT["dependencies"])
DEV = requirements(PROJECT["optional-dependencies"]["dev"])


def read_requirements(path: str) -> dict[str, Requirement]:
    lines = (ROOT / path).read_text().splitlines()
    return requirements([line for line in lines if line and not line.startswith("#")])


LOCK = read_requirements("requirements.txt")
STUDENT = read_requirements("assignment/handout/requirements.txt")


def test_lock_is_exact_and_names_no_place():
    assert "://" not in (ROOT / "requirements.txt").read_text()
    for name, requirement in LOCK.items():
        assert requirement.url is None, name
        assert [s.operator for s in requirement.specifier] == ["=="], name


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0", "3.14.0"])
def test_the_lock_can_be_installed_on_every_python(python):
    """Debian 12 has Python 3.11.2; a package that asks for 3.11.5 stops the whole installation there."""
    refuses = [
        f"{one.name} {one.version}: Python {needed}"
        for one in distributions()
        if canonicalize_name(one.name) in LOCK
        and (needed := one.metadata.get("Requires-Python"))
        and python not in SpecifierSet(needed)
    ]
    assert refuses == []


def test_otter_is_imported_without_a_grammar():
    """jsonschema imports rfc3987-syntax where it finds it, which then takes longer than all of Otter."""
    assert "otter-grader" in LOCK
    assert "rfc3987-syntax" not in LOCK


@pytest.mark.parametrize("name", [*RANGES, *DEV])
def test_lock_lies_within_the_ranges(name):
    (pinned,) = LOCK[name].specifier
    assert (RANGES | DEV)[name].specifier.contains(pinned.version)


def conda(path: str) -> tuple[list[str], list[str]]:
    """(what conda installs, what pip installs)"""
    *packages, pip = yaml.safe_load((ROOT / path).read_text())["dependencies"]
    return packages, pip["pip"]


def test_conda_environment_has_the_same_ranges():
    packages, pip = conda("environment.yml")
    assert packages[0].startswith(f"python{PROJECT['requires-python']},")
    assert {name: str(r) for name, r in requirements(pip).items()} == {name: str(r) for name, r in RANGES.items()}


def test_students_install_a_part_of_the_same_ranges():
    assert {name: str(r.specifier) for name, r in STUDENT.items()} == {
        name: str(RANGES[name].specifier) for name in STUDENT
    }
    assert not STUDENT["otter-grader"].extras, "the extra `grading` is for graders"
    assert conda("assignment/handout/environment.yml") == (conda("environment.yml")[0], ["-r requirements.txt"])


def test_students_install_what_their_files_import(built):
    """Every package that the Python files of the student zip import is in its requirements.txt."""
    imported = set()
    with zipfile.ZipFile(built / "dist" / "resnet-student.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                imported |= top_level_imports(archive.read(name).decode())
    packages = imported - sys.stdlib_module_names - {"autograder", "lab", "utils", "IPython"}  # ipykernel needs IPython
    distributions = packages_distributions()
    assert {"matplotlib", "otter", "torch"} <= packages
    assert {canonicalize_name(distributions[name][0]) for name in packages} <= set(STUDENT)


def top_level_imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found
