"""Results of machines that share nothing, brought into one folder."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.contract import QUESTIONS
from autograder.course.corrections import Correction, append_corrections, read_corrections
from autograder.grading.provenance import code_version
from autograder.grading.result import Result, ResultError, read_result
from autograder.grading.results_folder import KEY, ROSTER, key_files, result_files
from autograder.submission.atomic_write import atomic_write


@dataclass
class Merged:
    """What became of the results of the other folders, by name: new, completed, the same, or in conflict."""

    new: list[str] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def merge(into: Path, others: Iterable[Path]) -> Merged:
    """Bring the results of other folders into `into`; call it within `claim(into)`.

    A result of the same file is completed with the questions that only the other one judged. Of two results of one
    student for different files, none is chosen: that is a conflict, and the one that is there stays. So it is where two
    graders judged different questions, whose outcomes do not belong into one result.

    Keys, corrections and the roster come along; corrections of a result in conflict do not.

    Raises:
        ResultError, CorrectionProblem, OSError: something cannot be read; nothing of that folder is written then.
    """
    done = Merged()
    for folder in others:
        theirs = [(path.name, read_result(path)) for path in result_files(folder)]
        if not theirs:
            raise ResultError(f"{folder}: there is no result file")
        ours = {name: read_result(into / name) for name, _ in theirs if (into / name).exists()}
        entries = [entry for entry in read_corrections(folder) if entry not in read_corrections(into)]
        keys = [_read(path) for path in key_files(folder)]
        roster = _read(folder / ROSTER) if (folder / ROSTER).exists() else None
        in_conflict = set()
        for name, result in theirs:
            if name not in ours:
                atomic_write(into / name, result.to_json())
                done.new.append(result.name)
                continue
            combined = combine(ours[name], result)
            if combined is None:
                corrected = ", and corrections of it" if any(entry.name == result.name for entry in entries) else ""
                difference = _difference(ours[name], result)
                done.conflicts.append(f"{result.name}: {folder} has a result {difference}{corrected}")
                in_conflict.add(result.name)
            elif combined != ours[name]:
                atomic_write(into / name, combined.to_json())
                done.completed.append(result.name)
            else:
                done.same.append(result.name)
        entries = [entry for entry in entries if entry.name not in in_conflict]
        _bring_along(into, keys, roster, entries)
    return done


def combine(ours: Result, theirs: Result) -> Result | None:
    """One result from two of the same file; None if the files differ, or if a question would be lost.

    Of two versions of the grader, results of today's replace others; otherwise ours stays.
    """
    if ours.sha256 != theirs.sha256:
        return None
    if ours.grader.code != theirs.grader.code:
        chosen, other = (theirs, ours) if theirs.grader.code == code_version() else (ours, theirs)
        return None if _judged(other) - _judged(chosen) else chosen
    if ours.status == "grader_failed" != theirs.status:
        ours, theirs = theirs, ours
    tests, taken = [], set()
    for question in QUESTIONS:
        mine, other = ours.of_question(question), theirs.of_question(question)
        if other and (not mine or (_is_deferred(mine) and not _is_deferred(other))):
            tests += other
            taken.add(question)
        else:
            tests += mine
    if not taken:
        return ours
    tests.sort(key=lambda test: (test.hidden, list(QUESTIONS).index(test.question)))
    training = theirs.training if "q4" in taken else ours.training
    return ours.replace_tests(tests, training=training, seconds=ours.seconds + theirs.seconds)


def _is_deferred(tests: Iterable) -> bool:
    return any(test.outcome == "deferred" for test in tests)


def _judged(result: Result) -> set[str]:
    """The questions of which nothing is deferred."""
    return {question for question in result.questions if not _is_deferred(result.of_question(question))}


def _difference(ours: Result, theirs: Result) -> str:
    """Why two results do not make one."""
    if ours.sha256 != theirs.sha256:
        return f"of another file, {_described(theirs)}"
    judged = [", ".join(sorted(result.questions)) or "nothing" for result in (theirs, ours)]
    return (
        f"of another grader, {theirs.grader.in_words()}; it judged {judged[0]}, and {ours.grader.in_words()} judged "
        f"{judged[1]} here: grade both with one version"
    )


def _described(result: Result) -> str:
    handed_in = f", handed in {result.origin.submitted}" if result.origin.submitted else ""
    return f"{result.origin.path or result.submission}{handed_in}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:  # a key of another user, say
        raise ResultError(f"{path}: cannot be read: {error.strerror}") from None


def _bring_along(into: Path, keys: Iterable[bytes], roster: bytes | None, corrections: list[Correction]) -> None:
    """The key under a name of its own, so that `reproduce` finds it; corrections; the roster where there is none."""
    for content in keys:
        name = KEY if not (into / KEY).exists() else f"grading.{hashlib.sha256(content).hexdigest()[:12]}.key"
        if content not in [known.read_bytes() for known in key_files(into)]:
            atomic_write(into / name, content, mode=0o600)
    if corrections:
        append_corrections(into, corrections)
    if roster is not None and not (into / ROSTER).exists():
        atomic_write(into / ROSTER, roster)
