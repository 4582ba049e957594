"""The command line: `python -m autograder build | grade | show | override | regrade | ...`."""

import dataclasses
import errno
import functools
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.contract import QUESTIONS, Problem
from autograder.student.errors import GraderBroken
from autograder.submission.sanitize import sanitize

if TYPE_CHECKING:
    from autograder.course.settings import Course
    from autograder.grading.result import Result
    from autograder.training.context import TrainingSetup

GALLERY = Path("tests/grader/gallery")
RESULTS = click.argument("results", type=click.Path(path_type=Path, exists=True, file_okay=False))
NAME = click.argument("name")
SUBMISSIONS = click.option(
    "--submissions", multiple=True, type=click.Path(path_type=Path, exists=True), help="Where the submissions lie now."
)
EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NO_GPU = (
    "no CUDA GPU is available here. "
    "--device cpu with --data trains on the CPU, minutes for each network; without, the check is deferred"
)


class GivenPath(click.Path):
    """A path; not "", which a variable of the shell that is not set gives, and which would mean the current folder."""

    def convert(self, value: object, *context: object) -> object:
        """As `click.Path`."""
        if value == "":
            self.fail("is empty", *context)
        return super().convert(value, *context)


class Number(click.IntRange):
    """A whole number from a range; click calls the type of what is none "integer range"."""

    name = "whole number"


class Change(click.ParamType):
    """Points that are added or taken off, with their sign: 3 could as well mean what the question has then."""

    name = "+points"

    def convert(self, value: object, *context: object) -> float:
        """The points; what is no number, or no change of points, is refused."""
        try:
            points = float(value)
        except ValueError:
            self.fail(f"{value}: is no number of points", *context)
        if math.isfinite(points) and isinstance(value, str) and not value.strip().startswith(("+", "-")):
            self.fail(f"{value}: write +{value} to add points, -{value} to take them off", *context)
        return points


class Commands(click.Group):
    """Commands that say in one line what whoever runs them can mend."""

    def invoke(self, context: click.Context) -> object:
        """Run the command; exit status 1 where it cannot do its work, or a file cannot be read or written."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")  # names and reasons, where a terminal knows ASCII only
        try:
            return super().invoke(context)
        except (Problem, GraderBroken) as problem:
            raise _failure(str(problem)) from problem
        except OSError as error:
            if error.errno == errno.EPIPE or error.strerror is None:
                raise
            what = f"{error.filename}: cannot be read or written" if error.filename else "the output cannot be written"
            raise _failure(f"{what}: {error.strerror}") from error


def _failure(text: str) -> click.ClickException:
    return click.ClickException(sanitize(text))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Build the ResNet assignment, grade submissions, explain the scores."""


@main.command()
@click.option(
    "--gpu-results",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A results folder of `grade --only q4 --device cuda`: autograder.zip adds these points to its own.",
)
def build(gpu_results: Path | None) -> None:
    """Write the notebook, the students' zip, autograder.zip and the instructor's notebook from solutions/resnet.py."""
    from autograder.maintain.build import build as build_assignment

    for path in build_assignment(gpu_results=gpu_results):
        click.echo(f"wrote {os.path.relpath(path)}")


def _questions(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    if value is None:
        return None
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names:
        raise click.BadParameter(f"the questions are {', '.join(QUESTIONS)}")
    if unknown := [name for name in names if name not in QUESTIONS]:
        raise click.BadParameter(f"{', '.join(unknown)}: the questions are {', '.join(QUESTIONS)}")
    return names


def _device(context: click.Context, _: click.Parameter, value: str) -> str:
    """As `_find_device`; with --slurm, the nodes look for themselves."""
    return value if context.params.get("slurm") else _find_device(value)


def _find_device(value: str) -> str:
    """ "cpu", asked for; "cuda", asked for and there; "auto" where a GPU is there; "none"."""
    if value == "cpu":
        return "cpu"
    if _may_have_gpu():
        import torch

        if torch.cuda.is_available():
            return value
    if value == "cuda":
        raise click.BadParameter(NO_GPU)
    return "none"


def _may_have_gpu() -> bool:
    """Whether to ask PyTorch, whose import takes seconds: without the driver's device file there is no GPU."""
    return sys.platform != "linux" or any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg"))


def _training(device: str, data: Path | None, course: "Course") -> "TrainingSetup | None":
    """How networks are trained; None where they are not. Prints why nothing can be trained."""
    if device == "none" and data is not None:
        _say_deferred(NO_GPU)
    if device == "none" or (device == "cpu" and data is None):
        return None
    from autograder.training.cifar10 import DataProblem
    from autograder.training.context import TrainingSetup, set_up

    try:
        setup = set_up("cpu" if device == "cpu" else "cuda", data, course.minimum_accuracy)
    except DataProblem as problem:
        if device != "auto":
            raise click.UsageError(f"{problem} (or use --data)") from None
        setup = TrainingSetup("cuda", problem=str(problem))
    if setup.problem:
        _say_deferred(setup.problem)
    elif not setup.published:
        click.echo("training data: another copy of CIFAR-10 than the published files; all networks get it", err=True)
    return setup


def _course() -> "Course":
    """The settings of the course, after a look at whether the files agree that they and the points stand in."""
    from autograder.course.consistency import find_problems
    from autograder.course.settings import load_course

    if problems := find_problems():
        raise click.ClickException("\n".join(problems))
    return load_course()


def _training_of_node(device: str, data: Path | None, course: "Course") -> "TrainingSetup | None":
    """How networks are trained on a node of a cluster; called there."""
    return _training(_find_device(device), data, course)


def _say_deferred(reason: str) -> None:
    click.echo(f"the training check is deferred: {reason}", err=True)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=GivenPath(path_type=Path))
@click.option(
    "--out",
    default="results",
    show_default=True,
    type=GivenPath(path_type=Path, file_okay=False),
    help="The results folder.",
)
@click.option(
    "--jobs",
    show_default="one a core, as far as memory allows",
    type=Number(1, 256),
    help="Submissions graded at once; with --slurm, its cpus= counts instead.",
)
@click.option(
    "--device",
    default="auto",
    callback=_device,
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="Where networks are trained. auto: on a CUDA GPU if there is one. cpu: on the CPU if there is --data.",
)
@click.option(
    "--data",
    type=GivenPath(path_type=Path),
    help="The folder that holds CIFAR-10; needed with --device cpu.  [default on a GPU: $CIFAR10_ROOT]",
)
@click.option("--gpu-jobs", default=1, show_default=True, type=Number(1, 64), help="Networks trained at once.")
@click.option(
    "--slurm",
    is_eager=True,
    metavar="partition=cpu,array=40",
    help="Grade on the nodes of a Slurm cluster; also minutes=, cpus=, gpus=, mem_gb=, account=, qos=.",
)
@click.option("--only", callback=_questions, metavar="q1,q3", help="Judge these questions; others keep their results.")
@click.option("--roster", type=EXISTING_FILE, help="The students (CSV): an export of a platform, or a table.")
@click.option("--force", is_flag=True, help="Grade again submissions that have a result.")
@click.option("--dry-run", is_flag=True, help="Only list what would be graded, and whose it is.")
@click.option("--folders", is_flag=True, help="Each folder directly in a given folder is one student's submission.")
@click.option("--unsafe", is_flag=True, help="Grade although this machine cannot confine student code.")
def grade(
    paths: tuple[Path, ...],
    out: Path,
    jobs: int | None,
    device: str,
    data: Path | None,
    gpu_jobs: int,
    slurm: str | None,
    only: list[str] | None,
    roster: Path | None,
    force: bool,
    dry_run: bool,
    folders: bool,
    unsafe: bool,
) -> None:
    """Grade submissions (.ipynb, .py, .zip) and folders of them; results go to one JSON file each and a report."""
    from rich.console import Console

    from autograder.course.handins import handins, missing, strangers
    from autograder.course.roster import RosterProblem, read_roster
    from autograder.grading.capacity import complain_about_memory, suggested_jobs
    from autograder.grading.classroom import grade_all
    from autograder.grading.failures import in_words
    from autograder.grading.find_submissions import NothingToGrade, find_submissions
    from autograder.grading.look import look_at
    from autograder.grading.namesakes import require_no_namesakes
    from autograder.grading.results_folder import (
        claim,
        is_of_results,
        keep_roster,
        keep_sources,
        kept_roster,
        known_results,
    )
    from autograder.grading.slurm import grade_on_slurm
    from autograder.report import read_class, write_reports
    from autograder.report.terminal import print_table, progress, summary
    from autograder.report.whose import Found, print_handins, print_passed_over

    if roster is not None and not roster.is_file():
        raise click.UsageError(f"--roster: {roster} is no file that can be read twice; write it to a file first")
    course = _course()
    try:
        known = known_results(out)
        files, ignored = find_submissions(paths, folders, {one.submission for one in known})
        students = kept_roster(out) if roster is None else read_roster(roster)
    except (NothingToGrade, RosterProblem) as error:
        raise click.UsageError(sanitize(str(error))) from error
    submissions, others = handins(files, known, students, functools.partial(look_at, unsafe=unsafe, jobs=jobs))
    ignored = [path for path in ignored if not is_of_results(path)]
    unknown = strangers(students, {one.name: one.origin for one in submissions}) if students else ()
    found = Found(files, submissions, others, ignored, *unknown)
    if dry_run:
        absent = missing(students, [one.origin for one in submissions]) if students else []
        print_handins(found, Console())
        print_passed_over(dataclasses.replace(found, missing=absent), Console())
        return
    print_passed_over(found, Console(stderr=True))
    if slurm:
        where = {"settings": slurm, "setup": functools.partial(_training_of_node, device, data, course)}
    else:
        where = {"training": _training(device, data, course)}
        if complaint := complain_about_memory():
            click.echo(complaint, err=True)
    run = grade_on_slurm if slurm else grade_all
    warnings: list[str] = []
    try:
        with claim(out):
            if not force:
                require_no_namesakes(submissions, known, out)
            keep_sources(out, paths)
            if roster is not None:
                keep_roster(out, roster)
            with progress(len(submissions)) as advance:

                def say_kept(kept: int, priced: int) -> None:
                    advance.skip(kept)
                    anew = f", {priced} of them with points added up anew" if priced else ""
                    if kept:
                        click.echo(f"{kept} results kept{anew}, {len(submissions) - kept} to grade", err=True)

                grades, failures = run(
                    submissions,
                    out,
                    **where,
                    jobs=jobs or suggested_jobs(),
                    only=only,
                    gpu_jobs=gpu_jobs,
                    unsafe=unsafe,
                    force=force,
                    advance=advance,
                    **({} if slurm else {"tell": advance.tell, "warn": warnings.append, "say_kept": say_kept}),
                )
            if grades:
                page, every = write_reports(out), read_class(out).grades
    except KeyboardInterrupt:
        raise click.ClickException(f"stopped. The results in {out} are kept; the same command goes on") from None
    for warning in warnings:
        click.echo(warning, err=True)
    if grades:
        print_table(grades, Console())
        click.echo(f"report: {page}")
        if len(every) > len(grades):
            click.echo(f"in {out}: {summary(every)}")
    if failures:
        raise _failure(
            "the grader itself failed on these submissions; run the command again to grade them:\n" + in_words(failures)
        )


@main.command()
@click.argument("names", nargs=-1, metavar="[ENTRY]...")
@click.option(
    "--gallery",
    default=GALLERY,
    show_default=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with right/ and wrong/; see autograder/maintain/gallery.py.",
)
@click.option("--jobs", default=os.cpu_count(), show_default="one a core", type=Number(1, 256))
def validate(names: tuple[str, ...], gallery: Path, jobs: int) -> None:
    """Grade a gallery of right and wrong submissions: does the suite still tell them apart?

    With the names of entries, only these are graded, and what they lose is printed.

    Exit status 1 when a right one loses a point, a wrong one loses none in its question or one in another, or a
    mistake is given another mistake's name.
    """
    from rich.console import Console

    from autograder.maintain.forkserver import forkserver_context
    from autograder.maintain.gallery import choose, load_gallery

    entries = choose(load_gallery(gallery), names)
    forkserver_context()  # it takes seconds to start: it does so while this process imports what it needs

    from autograder.maintain.validate import examine, print_findings
    from autograder.report.terminal import progress

    with progress(len(entries)) as advance:
        findings = examine(entries, jobs, advance)
    print_findings(findings, Console(), bool(names))
    if not findings.sound:
        sys.exit(1)


@main.group()
def gallery() -> None:
    """The example submissions that the suite is tested against."""


@gallery.command(name="show")
@NAME
def show_entry(name: str) -> None:
    """Print the entry NAME as a whole submission, to read or to grade."""
    from autograder.maintain.build import solved_source
    from autograder.maintain.gallery import choose, complete, load_gallery

    (entry,) = choose(load_gallery(GALLERY), [name])
    click.echo(complete(entry, solved_source()))


@main.command()
@RESULTS
@click.option("--anonymous", is_flag=True, help="Only write report-anonymous.html: the report without names.")
def report(results: Path, anonymous: bool) -> None:
    """Write grades.csv, report.html and feedback/ anew from the result files in RESULTS."""
    from autograder.report import write_anonymous, write_reports

    click.echo(f"report: {write_anonymous(results) if anonymous else write_reports(results)}")


@main.command()
@RESULTS
@click.option(
    "--format", "platform", type=click.Choice(["canvas", "moodle", "gradescope"]), help="[default: the roster's]"
)
@click.option("--roster", type=EXISTING_FILE, help="The platform's export.  [default: the roster of `grade --roster`]")
@click.option("--column", default="", help="The assignment's column in Canvas, such as 'ResNet (4711)'.")
@click.option("--out", required=True, type=GivenPath(path_type=Path, dir_okay=False), help="The file to write.")
def export(results: Path, platform: str | None, roster: Path | None, column: str, out: Path) -> None:
    """Write the grades in RESULTS as a CSV file for Canvas or Moodle to import, or as a table for Gradescope."""
    from autograder.course.roster import read_roster
    from autograder.grading.results_folder import kept_roster
    from autograder.report import read_class
    from autograder.report.gradebook import export as fill
    from autograder.submission.atomic_write import atomic_write

    students = kept_roster(results) if roster is None else read_roster(roster)
    if students is None:
        raise click.UsageError("--roster is missing: the export of the platform that is to be filled in")
    made = fill(read_class(results).grades, students, platform or students.platform, column)
    try:
        atomic_write(out, made.text)
    except OSError as error:
        raise click.ClickException(f"{out}: cannot be written: {error.strerror}") from error
    for line in made.notes:
        click.echo(line, err=True)
    click.echo(f"wrote {out}: {made.filled} of {len(students.students)} students have a grade")


@main.command(context_settings={"ignore_unknown_options": True})
@RESULTS
@NAME
@click.argument("question")
@click.argument("points", metavar="+POINTS", type=Change())
@click.argument("reason")
@click.option("--who", default="", help="Who corrects.  [default: your user name]")
def override(results: Path, name: str, question: str, points: float, reason: str, who: str) -> None:
    """Add points to QUESTION of NAME's result, or take them off, as in `override results jane q2 +3 "reason"`.

    NAME is the name of a result file, or a student's id, e-mail address or name. `late` in place of QUESTION gives back
    late points. The log, corrections.jsonl, lies beside the results; regrading leaves it alone.
    """
    from autograder.course.corrections import add_correction
    from autograder.report import write_reports
    from autograder.report.derived import check_correction

    grade = _find(results, name)
    check_correction(grade, question, points)
    add_correction(results, grade.name, question, points, reason, who)
    try:
        write_reports(results)
    except OSError as error:
        raise _failure(
            f"the correction is recorded: do not repeat it. {error.filename or results}: cannot be written: "
            f"{error.strerror}. When that is fixed, run `report {results}`"
        ) from error
    _show(_find(results, grade.name))


@main.command(context_settings={"ignore_unknown_options": True})
@RESULTS
@NAME
def show(results: Path, name: str) -> None:
    """Print why NAME's submission has its points."""
    _show(_find(results, name))


@main.command(context_settings={"ignore_unknown_options": True})
@RESULTS
@NAME
@SUBMISSIONS
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def regrade(results: Path, name: str, submissions: tuple[Path, ...], options: tuple[str, ...]) -> None:
    """Grade NAME's submission again; OPTIONS are those of `grade`. Corrections stay."""
    from autograder.grading.results_folder import find_submission

    result = _find(results, name)
    if result.origin.problem:
        raise _failure(f"{result.name}: {result.origin.problem} Say which with `grade FILE --out {results}`")
    file = find_submission(results, result.origin, result.sha256, submissions)
    if file is None:
        path = result.origin.path or result.submission
        raise _failure(
            f"{path}: the file that was graded (SHA-256 {result.sha256[:12]}...) is not where it was; say where it "
            "lies with --submissions FOLDER, or grade another one with `grade`"
        )
    grade.main(["--force", "--out", str(results), *options, str(file)], standalone_mode=False)
    _show(_find(results, result.name))


@main.command()
@click.argument("result", type=EXISTING_FILE)
@click.argument("submission", type=click.Path(path_type=Path, exists=True))
@click.option("--unsafe", is_flag=True, help="As of `grade`.")
def reproduce(result: Path, submission: Path, unsafe: bool) -> None:
    """Grade SUBMISSION again and compare it, check by check, with the file RESULT.

    Exit status 1 when anything differs. The key that lies beside RESULT is used, so the same numbers are drawn.
    """
    from autograder.grading.reproduce import reproduce as grade_again
    from autograder.report.text import count

    if result.suffix != ".json":
        raise click.UsageError(f"{sanitize(str(result))} is no result file: RESULT, a .json file, comes first")
    found = grade_again(result, submission, unsafe)
    different = [f"different: {line}" for line in found.differences]
    for line in (*found.remarks, *(f"not judged here: {test}" for test in found.not_compared), *different):
        click.echo(sanitize(line, one_line=True), err=True)
    click.echo(f"{count(found.same, 'check')} the same, {count(len(different), 'difference')}")
    if different:
        sys.exit(1)


@main.command()
@RESULTS
@click.argument("others", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
def merge(results: Path, others: tuple[Path, ...]) -> None:
    """Bring the results of OTHERS, from machines that share nothing, into RESULTS.

    Results of the same file complete each other. Exit status 1 when two folders have results of different files of one
    student; the one in RESULTS stays then.
    """
    from autograder.grading.merge import merge as bring_together
    from autograder.grading.results_folder import claim
    from autograder.report import write_reports

    if same := [other for other in others if other.samefile(results)]:
        raise click.UsageError(f"{same[0]}: is RESULTS itself; OTHERS are the folders whose results come into it")
    with claim(results):
        done = bring_together(results, others)
    click.echo(f"{len(done.new)} new, {len(done.completed)} completed, {len(done.same)} the same")
    click.echo(f"report: {write_reports(results)}")
    if done.conflicts:
        raise _failure("\n".join(done.conflicts))


@main.command()
@RESULTS
@SUBMISSIONS
def similar(results: Path, submissions: tuple[Path, ...]) -> None:
    """List pairs of submissions whose code is nearly the same after renaming: a hint, and no proof of anything."""
    from rich.console import Console

    from autograder.grading.results_folder import find_submission
    from autograder.grading.similar import read_sketches, similar_pairs
    from autograder.report import read_class
    from autograder.report.terminal import print_pairs

    grades = read_class(results).grades
    files = {grade.name: find_submission(results, grade.origin, grade.sha256, submissions) for grade in grades}
    sketches = read_sketches({name: file for name, file in files.items() if file is not None})
    if gone := [name for name, file in files.items() if file is None]:
        named = sanitize(", ".join(gone), one_line=True)
        click.echo(f"not compared, not where they were graded (--submissions FOLDER): {named}", err=True)
    if sketches:
        print_pairs(similar_pairs(sketches), len(sketches), Console())
    if unread := [name for name, file in files.items() if file is not None and name not in sketches]:
        click.echo(f"not compared, no code that can be read: {sanitize(', '.join(unread), one_line=True)}", err=True)
    if not sketches:
        raise _failure("no submission was compared; say where the submissions lie with --submissions FOLDER")


def _find(results: Path, name: str) -> "Result":
    """The result of this name or student, with its corrections and late points."""
    from autograder.report import find_result, read_class

    found = read_class(results)
    return find_result(found.grades, name, found.roster)


def _show(result: "Result") -> None:
    from rich.console import Console

    from autograder.report.terminal import print_result

    print_result(result, Console())


@main.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--submissions",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="What should have been graded, a file or a folder: what was passed over is named, too.",
)
def otter_check(folders: tuple[Path, ...], submissions: tuple[Path, ...]) -> None:
    """Say which submission has no result after `otter grade -o FOLDER`, and why.

    Exit status 1 when one has none: Otter itself writes 0 points for it and exits 0.
    """
    from autograder.platforms.otter_check import check

    graded, problems = check(folders, submissions)
    click.echo(f"{len(graded)} of {len(graded) + len(problems)} submissions have a result")
    if problems:
        raise click.ClickException("no result for\n" + "\n".join(problems))


if __name__ == "__main__":
    sys.exit(main(prog_name="python -m autograder"))
