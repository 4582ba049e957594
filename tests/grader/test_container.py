"""docs/Containerfile: it holds what `grade` imports, in versions of the lock, and nothing of Otter or Jupyter."""

import re
import sys
from importlib.metadata import packages_distributions

from packaging.utils import canonicalize_name

from autograder.grading.provenance import DECIDES
from tests.grader.conftest import ROOT
from tests.grader.test_environment import LOCK, top_level_imports

KEPT = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
INSTALL = re.search(r"RUN pip install (.*?)\n[A-Z]", (ROOT / "docs" / "Containerfile").read_text(), re.DOTALL)[1]
PACKAGES = {word for word in INSTALL.replace("\\\n", " ").split() if re.fullmatch(r"[a-z][a-z0-9-]+", word)}
NOT_USED = ("platforms", "notebook", "maintain")
"""Packages that `grade` does not import."""


def test_packages_are_those_of_the_lock():
    assert {"torch", "torchvision", "pydantic"} <= PACKAGES <= LOCK.keys()
    assert not PACKAGES & {"otter-grader", "jupyterlab"}
    assert "--constraint requirements.txt" in INSTALL
    assert "requirements.txt" in KEPT


def test_all_that_grading_imports_is_installed():
    imported = set()
    for path in [path for name in KEPT for path in [ROOT / name, *(ROOT / name).rglob("*")] if path.suffix == ".py"]:
        if path.relative_to(ROOT).parts[1:2] not in [(package,) for package in NOT_USED]:
            imported |= top_level_imports(path.read_text(encoding="utf-8"))
    ours = {"autograder", "utils", "tests", "lab", "submitit"}  # where it runs on a cluster, submitit is installed
    distributions = packages_distributions()
    needed = {canonicalize_name(distributions[name][0]) for name in imported - sys.stdlib_module_names - ours}
    assert needed <= PACKAGES


def test_all_that_can_change_a_grade_is_copied():
    """Results of the container and of this folder have one code version."""
    assert all(any(name == kept or name.startswith(f"{kept}/") for kept in KEPT) for name in DECIDES)
