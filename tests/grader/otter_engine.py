"""`otter grade` without Docker: Otter's own code, with folders in the place of images and containers.

What an image holds is read from the Dockerfile of the installed Otter: a file of autograder.zip that no ADD names is
not there. A file is copied into and out of a container exactly when Otter asks for it, and a missing one is an error,
as it is for `docker cp`.
"""

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

WITHOUT_THE_REPOSITORY = """
import importlib.util, os, runpy, sys

sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path[:] = [entry for entry in sys.path if not os.path.exists(os.path.join(entry or ".", "autograder"))]
assert importlib.util.find_spec("autograder") is None
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""A Python that has the packages of this one, but not the grader: in a container it comes from autograder.zip or not
at all."""


def dockerfile() -> str:
    """The Dockerfile of the installed Otter."""
    return (Path(importlib.util.find_spec("otter").origin).parent / "grade" / "Dockerfile").read_text()


def lay_out(context: Path, image: Path) -> None:
    """Make the folders of the Dockerfile and copy what it ADDs out of `context` into `image`; nothing else."""
    for name in ("source", "submission", "results"):
        assert f"mkdir -p /autograder/{name}" in dockerfile()
        (image / name).mkdir(parents=True)
    assert "touch /autograder/submission_metadata.json" in dockerfile()
    (image / "submission_metadata.json").touch()
    for line in dockerfile().splitlines():
        if not line.startswith("ADD "):
            continue
        *patterns, target = line.split()[1:]
        to = image / Path(target).relative_to("/autograder")
        for found in (path for pattern in patterns for path in context.glob(pattern)):
            if found.is_dir():  # ADD copies what is in a folder, not the folder
                shutil.copytree(found, to, dirs_exist_ok=True)
            elif target.endswith("/"):
                to.mkdir(exist_ok=True)
                shutil.copy(found, to)
            else:
                shutil.copy(found, to)


@dataclass
class Container:
    """A copy of an image; `path_of` says where a path of the container lies here."""

    id: str
    root: Path
    status: int = -1
    said: str = ""

    def path_of(self, path: str) -> Path:
        return self.root / Path(path).relative_to("/autograder")

    def remove(self) -> None:
        shutil.rmtree(self.root)


class Engine:
    """What `otter grade` uses of `python_on_whales.docker`.

    Args:
        folder: an empty one.
        killed: names of submissions whose containers are killed, as for want of memory.
    """

    def __init__(self, folder: Path, killed: tuple[str, ...] = ()):
        self.container = self
        self.containers: list[Container] = []
        self._folder, self._killed, self._count = folder, killed, itertools.count()
        self._bin = folder / "bin"
        self._bin.mkdir(parents=True)
        for name, script in (("mamba", ""), ("python", f'exec {sys.executable} -c "$WITHOUT_THE_REPOSITORY" "$@"\n')):
            (self._bin / name).write_text(f"#!/bin/sh\n{script}")
            (self._bin / name).chmod(0o755)

    def build(self, context: str, *, build_args: dict, tags: list[str], file: str, load: bool) -> None:
        assert Path(file).read_text() == dockerfile()
        lay_out(Path(context), self._folder / tags[0])

    def create(self, image: str, *, command: list[str], networks: list[str]) -> Container:
        id = f"{next(self._count):012d}"
        container = Container(id, self._folder / f"container-{id}")
        shutil.copytree(self._folder / image, container.root)
        self.containers.append(container)
        self.command = command
        return container

    def copy(self, source: str | tuple, target: str | tuple) -> None:
        here, there = (x if isinstance(x, str) else x[0].path_of(x[1]) for x in (source, target))
        shutil.copy(here, there)

    def start(self, container: Container) -> None:
        (script,) = map(container.path_of, self.command)
        text = script.read_text().replace("/autograder/", f"{container.root}/").replace("/root/miniforge3/bin:", "")
        if any((container.root / "submission" / name).exists() for name in self._killed):
            text = "exit 137"
        process = subprocess.run(
            ["bash", "-c", text],
            cwd=self._folder,
            env={
                **os.environ,
                "PATH": f"{self._bin}:{os.environ['PATH']}",
                "WITHOUT_THE_REPOSITORY": WITHOUT_THE_REPOSITORY,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        container.status, container.said = process.returncode, process.stdout

    def wait(self, container: Container) -> int:
        return container.status

    def logs(self, container: Container) -> str:
        return container.said
