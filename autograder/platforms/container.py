"""What runs in a container: of `otter grade`, or of Gradescope.

Both lay the submission into `submission/`, start `run_autograder`, which starts the `run_otter.py` of autograder.zip,
and read `results/` afterwards: Gradescope `results.json`, `otter grade` `results.pkl`. Otter's own way through a
notebook is not taken, because it unpacks and runs what the student submitted. Nothing is moved or unpacked here, and
`otter grade` finds the submission, which it copies out again, where it put it. Of several files, the one to grade is
chosen as everywhere, see `autograder.submission.choose`.
"""

import json
import pickle
import traceback
from pathlib import Path

from otter.run import AutograderConfig
from otter.test_files import GradingResults

from autograder.grading.result import Result
from autograder.grading.seeds import suite_version
from autograder.platforms.deferred import add_deferred
from autograder.platforms.gradescope import results_json
from autograder.platforms.otter_plugin import as_test_files, grade_twice, report


def run_container(autograder_dir: Path) -> None:
    """Grade the submission in `autograder_dir` and write `results.json` and `results.pkl`, whatever it is.

    A grader that fails is started once more. If that fails as well, there is no score: Gradescope and `otter grade` are
    told so, and why.
    """
    source = autograder_dir / "source"
    config = AutograderConfig(json.loads((source / "otter_config.json").read_text(encoding="utf-8")))
    try:
        grade = add_deferred(grade_twice(autograder_dir / "submission"), source)
        results = GradingResults(as_test_files(grade))
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        grade = Result.of_failure(reason, None, (), submission="submission", sha256="", suite=suite_version())
        # The exception itself need not exist on the machine that unpickles it.
        results = GradingResults.without_results(RuntimeError(f"the grader failed: {reason}"))
    print(report(grade))
    shown = results_json(grade, config.show_hidden)
    folder = autograder_dir / "results"
    (folder / "results.json").write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    (folder / "results.pkl").write_bytes(pickle.dumps(results))
