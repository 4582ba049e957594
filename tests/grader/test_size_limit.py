"""What a submission carries into a training: every right one is light, and nothing hides in what does not run."""

import ast
import base64
import linecache
import random

import pytest

from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.submission import Cell, Submission, execute, slice_submission
from autograder.submission.size_limit import MOST_BYTES, bare, too_heavy, weight_of

SOLUTION = solved_source()


def slice_of(*sources):
    cells = tuple(Cell(f"cell {number}", source) for number, source in enumerate(sources, start=1))
    return slice_submission(Submission("entry.ipynb", cells))


def weight(source):
    return weight_of(bare(slice_of(SOLUTION, source)))


def noise(count):
    return base64.b85encode(random.Random(0).randbytes(count)).decode()


def test_right_submissions_are_light():
    """With room for twice as much; and what is bared is the same code on the same lines."""
    for entry in [entry for entry in entries().values() if entry.right]:
        slice_ = slice_of(complete(entry, SOLUTION))
        assert weight_of(bare(slice_)) < MOST_BYTES / 2, entry.name
        assert too_heavy(bare(slice_)) == ""
        assert statements(bare(slice_)) == statements(slice_), entry.name


def statements(slice_):
    kept = [(cell, ast.parse(cell.source).body) for cell in slice_.cells]
    return [(body[i].lineno, ast.dump(body[i])) for cell, body in kept for i in cell.keep]


@pytest.mark.parametrize(
    "source",
    [
        f"TABLE = {noise(20_000)!r}\nBasicBlock.table = TABLE",
        f"class BasicBlock(nn.Module):\n    '''{noise(20_000)}'''\n",
        f"BasicBlock.table = {random.Random(0).getrandbits(160_000):#x}",
        f"BasicBlock.table = ({20_000 * ' '}7)",
    ],
    ids=["string", "docstring", "number", "white space"],
)
def test_data_weighs(source):
    slice_ = bare(slice_of(SOLUTION, source))
    assert weight_of(slice_) > MOST_BYTES
    assert f"{weight_of(slice_):,} bytes long" in too_heavy(slice_)
    assert f"at most {MOST_BYTES:,}" in too_heavy(slice_)
    assert "\n" not in too_heavy(slice_)


def test_modules_that_the_notebook_writes_weigh():
    source = f"%%writefile net.py\nTABLE = {noise(20_000)!r}\n"
    slice_ = slice_of(source, "from net import TABLE\n" + SOLUTION + "\nBasicBlock.t = TABLE")
    assert weight_of(bare(slice_)) > MOST_BYTES


def test_what_does_not_run_weighs_nothing_and_is_gone():
    data = noise(9000)
    plain = "class Extra:\n    kept = 1\nBasicBlock.extra = Extra"
    padded = (
        f"print({data!r})\nclass Extra:  # {data}\n    kept = 1\nBasicBlock.extra = Extra\n# {data}\nprint({data!r})"
    )
    assert abs(weight(padded) - weight(plain)) < 5
    assert data not in repr(bare(slice_of(SOLUTION, padded)))


def test_bare_code_does_the_same_on_the_same_lines():
    source = (
        "# a comment\nprint('dropped'); A = '''# not\n# comments'''; B = 2  # é\n\n"
        "def wrapped(f):\n    return f\n\n@wrapped  # why\ndef ResNet18():\n    # é\n    return A, B, 1 / 0\n"
    )
    slice_ = bare(slice_of(source))
    namespace = {}
    assert execute(slice_, namespace) == []
    assert (namespace["A"], namespace["B"]) == ("# not\n# comments", 2)
    with pytest.raises(ZeroDivisionError) as caught:
        namespace["ResNet18"]()
    line = caught.traceback[-1].lineno + 1
    assert source.split("\n")[line - 1].strip() == "return A, B, 1 / 0"
    assert "why" not in "".join(linecache.getlines("<cell 1>"))
