"""Code that is stopped costs the points of its own question."""

import pytest

from autograder.grading.grade import Grader
from autograder.maintain.build import solved_source
from autograder.sandbox.limits import Limits

ENDLESS = "        while True: pass\n"
ENDS = "        import os; os._exit(3)\n"
TABLE = "return ResNet(BasicBlock, [2, 2, 2, 2])", "return ResNet(MADE_OF, [2, 2, 2, 2])\n\n\nMADE_OF = BasicBlock"


def grade(zygote, tmp_path, name: str, line: str, replaced: tuple[str, str] = ("", ""), **limits: float):
    """The solution with a line at the start of `forward` of a class."""
    source = solved_source().replace(*replaced)
    start = source.index('"""', source.index("def forward", source.index(f"class {name}")) + 40)
    at = source.index("\n", start) + 1
    path = tmp_path / "submission.py"
    path.write_text(source[:at] + line + source[at:])
    with Grader(zygote=zygote, limits=Limits(**limits)) as grader:
        return grader.grade(path)


@pytest.mark.parametrize(
    ("name", "question", "line", "replaced"),
    [
        ("BasicBlock", "q1", ENDS, ("", "")),
        ("BasicBlock", "q1", ENDLESS, TABLE),  # ResNet18 cannot be given other blocks
        ("Bottleneck", "q2", ENDLESS, ("", "")),
    ],
)
def test_a_class_that_is_stopped_costs_its_own_question(zygote, tmp_path, name, question, line, replaced):
    result = grade(zygote, tmp_path, name, line, replaced, request_seconds=2.5)
    assert result.status == "graded"
    lost = {q: score.possible - score.score for q, score in result.questions.items()}
    assert lost.pop(question) > 20
    assert set(lost.values()) == {0.0}
    stopped = [test for test in result.tests if test.question == question and "do not start it again" in str(test)]
    assert stopped, "the worker was started for each check"


def test_code_that_uses_up_its_time_is_graded_as_far_as_it_goes(zygote, tmp_path):
    result = grade(zygote, tmp_path, "Bottleneck", ENDLESS, submission_seconds=4.0)
    assert result.status == "graded"
    assert result.questions["q1"].score > 10
    assert result.questions["q2"].score == 0
    assert "used up the 4 s that a submission has" in str(result.tests)
