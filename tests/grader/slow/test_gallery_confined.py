"""The gallery, graded as a class is: `validate` runs it without the sandbox, and so does not see what differs there."""

import pytest

from autograder.contract import QUESTIONS
from autograder.grading.pool import grade_each
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.maintain.validate import Findings, Graded

pytestmark = pytest.mark.slow


def test_the_sandbox_tells_right_from_wrong_as_well(tmp_path):
    solution = solved_source()
    files = {tmp_path / f"{entry.name}.py": entry for entry in entries().values()}
    for path, entry in files.items():
        path.write_text(complete(entry, solution), encoding="utf-8")
    results = dict(grade_each(dict.fromkeys(files, QUESTIONS), jobs=2))
    findings = Findings(tuple(Graded(files[path], tuple(result.tests)) for path, result in results.items()))
    assert len(findings.graded) == len(files)
    for surprises in (findings.rejected, findings.accepted, findings.spilled, findings.misnamed, findings.unnamed):
        assert [graded.entry.name for graded in surprises] == []
