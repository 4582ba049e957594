"""What runs in a container: of `otter grade`, or of Gradescope.

Both lay the submission into `submission/`, start `run_autograder`, which starts the `run_otter.py` of autograder.zip,
and read `results/` afterwards: Gradescope `results.json`, `otter grade` `results.pkl`. Otter's own way through a
notebook is not taken, because it unpacks and runs what the student submitted. Nothing is moved or unpacked here, and
`otter grade` finds the submission, which it copies out again, where it put it.
"""

import json
import pickle
import traceback
from pathlib import Path

from otter.run import AutograderConfig
from otter.test_files import GradingResults

from autograder.grading.grade import Grader
from autograder.platforms.deferred import add_deferred
from autograder.platforms.gradescope import results_json
from autograder.platforms.otter_plugin import as_test_files, report

SUFFIXES = (".ipynb", ".py", ".zip")


def run_container(autograder_dir: Path) -> None:
    """Grade the submission in `autograder_dir` and write `results.json` and `results.pkl`, whatever it is.

    A grader that fails gives no score: Gradescope and `otter grade` are told so, and why.
    """
    source = autograder_dir / "source"
    config = AutograderConfig(json.loads((source / "otter_config.json").read_text(encoding="utf-8")))
    try:
        with Grader() as grader:
            grade = add_deferred(grader.grade(choose_file(autograder_dir / "submission")), source)
        print(report(grade))
        results = GradingResults(as_test_files(grade))
        shown = results_json(grade.to_json(), config.show_hidden)
    except Exception as error:
        traceback.print_exc()
        # The exception itself need not exist on the machine that unpickles it.
        results = GradingResults.without_results(RuntimeError(f"the grader failed: {type(error).__name__}: {error}"))
        shown = results.to_gradescope_dict(config)
    folder = autograder_dir / "results"
    (folder / "results.json").write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    (folder / "results.pkl").write_bytes(pickle.dumps(results))


def choose_file(folder: Path) -> Path:
    """The file to grade: notebook before script before zip, `resnet.*` before others, then by name.

    Where there is no such file the answer is any other, and where there is none at all, a path that does not exist:
    the grade then says so.
    """
    files = sorted(folder.iterdir(), key=lambda path: (path.stem != "resnet", path.name == "__init__.py", path.name))
    of_suffix = [path for suffix in SUFFIXES for path in files if path.suffix.lower() == suffix]
    return (of_suffix or files or [folder / "(nothing was submitted)"])[0]
