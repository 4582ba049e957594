"""The comparison of two versions: they take turns, the least counts, and other scores are named."""

from pathlib import Path

import pytest

from benchmarks import two_versions


class Scripted:
    """A version whose processor seconds and scores are known; `log` records who grades what."""

    def __init__(self, name: str, seconds: list[float], score: str, log: list[tuple[str, str]]):
        self.name, self.seconds, self.score, self.log = name, seconds, score, log

    def grade(self, submission: Path) -> tuple[float, str]:
        self.log.append((self.name, submission.stem))
        return self.seconds.pop(0), self.score


def test_versions_take_turns_and_the_least_counts(capsys):
    log = []
    before, now = (
        Scripted("before", [3.0, 2.0, 5.0, 4.0], "88.0", log),
        Scripted("now", [1.0, 1.5, 2.0, 3.0], "80.0", log),
    )
    means = two_versions.compare(before, now, [Path("a.py"), Path("b.py")], runs=2)
    assert means == (3.0, 1.5)
    assert log == [(who, of) for of in "ab" for who in ("now", "before", "before", "now")]
    assert capsys.readouterr().err.splitlines() == [f"{of}: 88.0 points before, 80.0 now" for of in "ab"]


def test_a_commit_that_is_not_there_is_one_line(capsys):
    assert two_versions.main(["no-such-commit"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("nothing was compared: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("options", [["--right", "-1"], ["--right", "0", "--wrong", "0"], ["--runs", "0"]])
def test_what_cannot_be_compared_is_refused(options):
    with pytest.raises(SystemExit) as stop:
        two_versions.main(["HEAD", *options])
    assert stop.value.code == 2
