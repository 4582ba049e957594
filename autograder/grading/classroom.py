"""Many submissions: in parallel, resumable, one result file each."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from autograder.contract import QUESTIONS
from autograder.grading.grade import SUITE, Grade
from autograder.grading.pool import grade_each
from autograder.sandbox.launcher import require_confinement
from autograder.submission import fingerprint
from autograder.training.baseline_check import check_baseline
from autograder.training.context import TrainingSetup

SUFFIXES = (".ipynb", ".py", ".zip")
KEY = "grading.key"


class NothingToGrade(Exception):
    """No submission among the paths given; `str()` is one line for the TA."""


def find_submissions(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return `(submissions, ignored)`: files as they are, folders searched for files that can be a submission.

    Raises:
        NothingToGrade: a path does not exist, or no submission was found.
    """
    found: list[Path] = []
    ignored: list[Path] = []
    for path in paths:
        if not path.exists():
            raise NothingToGrade(f"{path}: no such file or folder")
        if path.is_file():
            found.append(path)
            continue
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            inside = file.relative_to(path).parts
            if not any(part.startswith((".", "__")) for part in inside):
                (found if file.suffix in SUFFIXES else ignored).append(file)
    if not found:
        raise NothingToGrade(f"no {', '.join(SUFFIXES)} file in {', '.join(map(str, paths))}")
    return list(dict.fromkeys(found)), ignored


def result_names(submissions: Collection[Path]) -> dict[Path, str]:
    """A distinct `<name>.json` for each submission: its stem, or as much of its path as it takes."""
    names: dict[Path, str] = {}
    for attempt in (
        lambda p: p.stem,
        lambda p: p.name,
        lambda p: "__".join(p.parts[-2:]),
        lambda p: _long(p),
    ):
        left = [path for path in submissions if path not in names]
        wanted = [attempt(path) for path in left]
        taken = {name.lower() for name in names.values()}
        for path, name in zip(left, wanted, strict=True):
            same = sum(other.lower() == name.lower() for other in wanted)
            if same == 1 and f"{name}.json".lower() not in taken:
                names[path] = f"{name}.json"
    return {path: names[path] for path in submissions}


def _long(path: Path) -> str:
    return f"{path.stem}-{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"


def suite_version() -> str:
    """A fingerprint of the tests: a result of another version is not reused."""
    digest = hashlib.sha256()
    for folder in SUITE:
        for file in sorted(folder.glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def grade_all(
    submissions: Collection[Path],
    out: Path,
    *,
    jobs: int = 1,
    only: Collection[str] | None = None,
    training: TrainingSetup | None = None,
    gpu_jobs: int = 1,
    unsafe: bool = False,
    advance: Callable[[str], None] = lambda name: None,
    tell: Callable[[str], None] = lambda line: None,
    warn: Callable[[str], None] = lambda line: None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Grade every submission and keep one JSON file each in `out`.

    Returns `(results, failures)`: what the files hold, in the order of `submissions`, and one line for each submission
    that has none because the grader itself failed.

    Args:
        jobs: processes that grade.
        only: the questions to judge; all when None.
        training: how networks are trained; without, that is deferred.
        gpu_jobs: trainings at once.
        advance: called with the name of each submission that is done.
        tell: called with the progress of the trainings.
        warn: called with why all trainings are deferred, should that turn out here.

    Before the first network, the baseline network is trained, see `autograder.training.baseline_check`.

    Raises `SandboxUnavailable` where student code cannot be confined and `unsafe` is not given.

    A result that is there already, of the same file and the same tests, is not made again. With `only`, the results of
    the other questions stay as they are. A file is written in one step, so an interrupted run can be started again.
    """
    version = suite_version()
    names = result_names(submissions)
    trains = training is not None and not training.problem
    todo = {}
    earlier = {}
    for path in submissions:
        result = _load(out / names[path])
        fresh = _is_of(result, path, version)
        missing = _missing(result if fresh else None, only, trains)
        earlier[path] = Grade.from_json(result).outcomes if fresh else ()
        if missing:
            todo[path] = missing
        else:
            advance(path.name)
    if todo and not unsafe:
        require_confinement()
    out.mkdir(parents=True, exist_ok=True)
    key = grading_key(out)
    if trains and any("q4" in missing for missing in todo.values()):
        training = check_baseline(training, tell=tell, unsafe=unsafe)
        if training.problem:
            warn(training.problem)
    failures = {}
    for path, grade in grade_each(todo, jobs, training, gpu_jobs, unsafe, key, earlier, tell):
        if isinstance(grade, Grade):
            merged = _merge(_load(out / names[path]), {**grade.to_json(), "suite": version})
            _write(out / names[path], merged)
        else:
            failures[path] = f"{path}: {grade}"
        advance(path.name)
    done = [path for path in submissions if path not in failures]
    return [json.loads((out / names[path]).read_text(encoding="utf-8")) for path in done], list(failures.values())


def grading_key(out: Path) -> bytes:
    """The secret of a results folder, made with its first result: students cannot tell what their code will be fed.

    It stays with the results, so that a later run gives the same scores (see `autograder.grading.grade.seed_of`).
    """
    path = out / KEY
    if not path.exists():
        scratch = out / f".{KEY}.{os.getpid()}"
        scratch.touch(mode=0o600)
        scratch.write_text(secrets.token_hex(32) + "\n")
        try:
            os.link(scratch, path)
        except FileExistsError:
            pass  # another run was faster
        except OSError:  # a file system without links
            scratch.replace(path)
        scratch.unlink(missing_ok=True)
    return path.read_bytes()


def _is_of(result: dict[str, Any] | None, path: Path, version: str) -> bool:
    """Is this the result of this very file, and of these tests?"""
    return result is not None and result["sha256"] == fingerprint(path) and result.get("suite") == version


def _missing(result: dict[str, Any] | None, only: Collection[str] | None, trains: bool) -> set[str]:
    """The questions that are still to be judged; what was deferred, where it can be filled in now."""
    wanted = set(QUESTIONS if only is None else only)
    if result is None:
        return wanted
    deferred = {test["question"] for test in result["tests"] if test["outcome"] == "deferred"}
    done = set(result["questions"]) - (deferred if trains else set())
    return wanted - done


def _merge(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """Put the questions judged now into an earlier result of the same file and the same tests."""
    if before is None or any(before[key] != now[key] for key in ("sha256", "suite")):
        return now
    tests = [test for test in before["tests"] if test["question"] not in now["questions"]] + now["tests"]
    tests.sort(key=lambda test: (test["hidden"], list(QUESTIONS).index(test["question"])))
    merged = {**now, "tests": tests, "seconds": before["seconds"] + now["seconds"]}
    if "q4" not in now["questions"]:
        merged["training"] = before.get("training")
    grade = Grade.from_json(merged)
    return {**grade.to_json(), "suite": now["suite"]}


def _load(path: Path) -> dict[str, Any] | None:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        return result if isinstance(result, dict) and {"sha256", "tests", "questions"} <= result.keys() else None
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return None


def _write(path: Path, result: dict[str, Any]) -> None:
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    scratch.replace(path)
