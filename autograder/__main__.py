"""The command line: `python -m autograder build | grade | otter-check | validate | gallery | report`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.contract import QUESTIONS

if TYPE_CHECKING:
    from autograder.training.context import TrainingSetup

GALLERY = Path("tests/grader/gallery")
NO_GPU = (
    "no CUDA GPU is available here. "
    "--device cpu with --data trains on the CPU, minutes for each network; without, the check is deferred"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Build the ResNet assignment, grade submissions, explain the scores."""


@main.command()
@click.option(
    "--gpu-results",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A results folder of `grade --only q4 --device cuda`: autograder.zip adds these points to its own.",
)
def build(gpu_results: Path | None) -> None:
    """Write assignment/resnet.ipynb, dist/resnet-student.zip and dist/autograder.zip from solutions/resnet.py."""
    from autograder.maintain.build import BuildError
    from autograder.maintain.build import build as build_assignment

    try:
        written = build_assignment(gpu_results=gpu_results)
    except BuildError as error:
        raise click.ClickException(str(error)) from error
    for path in written:
        click.echo(f"wrote {os.path.relpath(path)}")


def _questions(_: click.Context, __: click.Parameter, value: str | None) -> list[str] | None:
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")]
    if unknown := [name for name in names if name not in QUESTIONS]:
        raise click.BadParameter(f"{', '.join(unknown)}: the questions are {', '.join(QUESTIONS)}")
    return names


def _device(_: click.Context, __: click.Parameter, value: str) -> str:
    """ "cpu", asked for; "cuda", asked for and there; "auto" where a GPU is there; "none"."""
    if value == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return value
    if value == "cuda":
        raise click.BadParameter(NO_GPU)
    return "none"


def _training(device: str, data: Path | None) -> "TrainingSetup | None":
    """How networks are trained; None where they are not. Prints why nothing can be trained."""
    if device == "none" and data is not None:
        _say_deferred(NO_GPU)
    if device == "none" or (device == "cpu" and data is None):
        return None
    from autograder.training.context import TrainingSetup, set_up
    from autograder.training.heldout import DataProblem

    try:
        setup = set_up("cpu" if device == "cpu" else "cuda", data)
    except DataProblem as problem:
        if device != "auto":
            raise click.UsageError(f"{problem} (or use --data)") from None
        setup = TrainingSetup("cuda", problem=str(problem))
    if setup.problem:
        _say_deferred(setup.problem)
    return setup


def _say_deferred(reason: str) -> None:
    click.echo(f"the training check is deferred: {reason}", err=True)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", default="results", show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--jobs", default=os.cpu_count(), show_default="one a core", type=click.IntRange(1, 256))
@click.option(
    "--device",
    default="auto",
    callback=_device,
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="Where networks are trained. auto: on a CUDA GPU if there is one. cpu: on the CPU if there is --data.",
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="The folder that holds CIFAR-10.  [default: $CIFAR10_ROOT]"
)
@click.option("--gpu-jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Trainings at once.")
@click.option("--only", callback=_questions, metavar="q1,q3", help="Judge these questions; others keep their results.")
@click.option("--folders", is_flag=True, help="Each folder directly in a given folder is one student's submission.")
@click.option("--unsafe", is_flag=True, help="Grade although this machine cannot confine student code.")
def grade(
    paths: tuple[Path, ...],
    out: Path,
    jobs: int,
    device: str,
    data: Path | None,
    gpu_jobs: int,
    only: list[str] | None,
    folders: bool,
    unsafe: bool,
) -> None:
    """Grade submissions (.ipynb, .py, .zip) and folders of them; results go to one JSON file each and a report."""
    from rich.console import Console

    from autograder.grading.classroom import grade_all
    from autograder.grading.find_submissions import NothingToGrade, find_submissions
    from autograder.grading.results_folder import ResultsFolderProblem, claim
    from autograder.report import ResultsError, write_reports
    from autograder.report.terminal import print_table, progress
    from autograder.sandbox.launcher import SandboxUnavailable

    try:
        submissions, ignored = find_submissions(paths, folders)
    except NothingToGrade as error:
        raise click.UsageError(str(error)) from error
    if ignored:
        click.echo(f"not graded, no submission: {', '.join(str(path) for path in ignored)}", err=True)
    training = _training(device, data)
    warnings: list[str] = []
    try:
        with claim(out):
            with progress(len(submissions)) as advance:
                grades, failures = grade_all(
                    submissions,
                    out,
                    jobs=jobs,
                    only=only,
                    training=training,
                    gpu_jobs=gpu_jobs,
                    unsafe=unsafe,
                    advance=advance,
                    tell=advance.tell,
                    warn=warnings.append,
                )
            for warning in warnings:
                _say_deferred(warning)
            if grades:
                print_table(grades, Console())
                click.echo(f"report: {write_reports(out)}")
    except (SandboxUnavailable, ResultsFolderProblem, ResultsError) as error:
        raise click.ClickException(str(error)) from error
    if failures:
        raise click.ClickException(
            "the grader itself failed on these submissions; run the command again to grade them:\n"
            + "\n".join(failures)
        )


@main.command()
@click.option(
    "--gallery",
    default=GALLERY,
    show_default=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with right/ and wrong/; see autograder/maintain/gallery.py.",
)
@click.option("--jobs", default=os.cpu_count(), show_default="one a core", type=click.IntRange(1, 256))
def validate(gallery: Path, jobs: int) -> None:
    """Grade a gallery of right and wrong submissions: does the suite still tell them apart?

    Exit status 1 when a right one loses a point, a wrong one loses none in its question or one in another, or a
    mistake is given another mistake's name.
    """
    from autograder.maintain.forkserver import forkserver_context

    forkserver_context()  # it takes seconds to start: it does so while this process imports what it needs

    from rich.console import Console

    from autograder.maintain.gallery import BadEntry, load_gallery
    from autograder.maintain.validate import examine, print_findings
    from autograder.report.terminal import progress
    from autograder.student.errors import GraderBroken

    try:
        entries = load_gallery(gallery)
        with progress(len(entries)) as advance:
            findings = examine(entries, jobs, advance)
    except (BadEntry, GraderBroken) as error:
        raise click.ClickException(str(error)) from error
    print_findings(findings, Console())
    if not findings.sound:
        sys.exit(1)


@main.group()
def gallery() -> None:
    """The example submissions that the suite is tested against."""


@gallery.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the entry NAME as a whole submission, to read or to grade."""
    from autograder.maintain.build import solved_source
    from autograder.maintain.gallery import BadEntry, complete, load_gallery

    try:
        entries = {entry.name: entry for entry in load_gallery(GALLERY)}
    except BadEntry as error:
        raise click.ClickException(str(error)) from error
    if name not in entries:
        raise click.ClickException(f"there is no entry {name}; the right and wrong ones lie in {GALLERY}")
    click.echo(complete(entries[name], solved_source()))


@main.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, file_okay=False))
def report(results: Path) -> None:
    """Write grades.csv and report.html anew from the result files in RESULTS."""
    from autograder.report import ResultsError, write_reports

    try:
        click.echo(f"report: {write_reports(results)}")
    except ResultsError as error:
        raise click.ClickException(str(error)) from error


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
    from autograder.platforms.otter_check import NoGrades, check

    try:
        graded, problems = check(folders, submissions)
    except NoGrades as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{len(graded)} of {len(graded) + len(problems)} submissions have a result")
    if problems:
        raise click.ClickException("no result for\n" + "\n".join(problems))


if __name__ == "__main__":
    sys.exit(main(prog_name="python -m autograder"))
