"""Constructors with other parameters than the question's: what depends on them is charged once, the rest is judged."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from autograder.grading.seeds import SUITE
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.sandbox.remote_student import RemoteStudent
from autograder.student.local import LocalStudent
from autograder.student.probe import WrongWiring, make_probe
from autograder.student.signature import NetworkClass, Parameter
from autograder.submission import read_submission, slice_submission
from autograder.suite.explain import LAZY
from autograder.suite.run import run_suite
from tests.grader.conftest import student_of


def contract(block, num_blocks, num_classes=10):
    return num_classes


def german(baustein, anzahl, klassen=10):
    return klassen


def other_names(block_class, layers, classes):
    return classes


def starred(*args, **kwargs):
    return args[2] if len(args) > 2 else 10


def missing(block, num_blocks):
    return "none"


def in_channels(block, num_blocks, in_channels=3, num_classes=10):
    return num_classes if in_channels == 3 else "wrong"


def only_in_channels(block, num_blocks, in_channels=3):
    return "none" if in_channels == 3 else "wrong"


def keyword(block, num_blocks, *, num_classes=10):
    return num_classes


def first(num_classes, block, num_blocks):
    return num_classes if block == "block" else "wrong"


def no_default(block, num_blocks, outputs):
    return outputs


def hundred(block, num_blocks, num_classes=100):
    return num_classes


FOUND = [contract, german, other_names, starred, in_channels, keyword, first, no_default, hundred]


@pytest.mark.parametrize("make", FOUND, ids=lambda make: make.__name__)
def test_the_number_of_classes_is_passed_where_it_belongs(make):
    assert NetworkClass(make)("block", [1, 1, 1, 1], 7) == 7
    assert NetworkClass(make)("block", [1, 1, 1, 1]) == 10


@pytest.mark.parametrize("make", [missing, only_in_channels], ids=lambda make: make.__name__)
def test_what_cannot_be_passed_is_not(make):
    assert NetworkClass(make)("block", [1, 1, 1, 1], 7) == "none"


CALLS = {
    "contract": (((8, 16, 2), {}), (8, 16, 2), ""),
    "no stride": (((8, 16), {}), (8, 16, 1), ""),
    "keywords": (((), {"stride": 2, "planes": 16, "in_planes": 8}), (8, 16, 2), ""),
    "fourth": (((8, 16, 2, nn.Sequential()), {}), (8, 16, 2), "block(8, 16, 2, Sequential) with 4 arguments"),
    "option": (((8, 16, 2), {"drop": 0.0}), (8, 16, 2), "block(8, 16, 2, drop=0.0) with 4 arguments"),
    "other names": (
        ((), {"inplanes": 8, "outplanes": 16, "stride": 2}),
        (8, 16, 2),
        "block(inplanes=8, outplanes=16, stride=2) with 3 arguments",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_probe_reads_its_call(name):
    (args, kwargs), expected, foreign = CALLS[name]
    probe = make_probe()
    block = probe(*args, **kwargs)
    assert (block._number, probe.calls, probe.foreign_call) == (1, [expected], foreign)


@pytest.mark.parametrize("args", [(8,), (8, 16, nn.Sequential()), (8, 16.5)])
def test_a_probe_refuses_a_call_in_words(args):
    with pytest.raises(WrongWiring, match=r"your ResNet calls block.*; the question says block"):
        make_probe()(*args)


@pytest.mark.parametrize("args", [(0, 16), (8, 0), (8, 16, 0), (-8, -16), (8, 16, -1)])
def test_a_probe_refuses_numbers_that_no_layer_can_have(args):
    probe = make_probe()
    with pytest.raises(WrongWiring, match=rf"a block with in_planes={args[0]}, planes={args[1]}, stride=.*1 or more"):
        probe(*args)
    assert not probe.calls


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    """What an entry of the gallery loses: `{check: (points, mistakes, got)}`."""

    def run(name: str) -> dict[str, tuple]:
        student = student_of(complete(entries()[name], solved_source()), tmp_path_factory.mktemp(name))
        outcomes = [o for o in run_suite(student, SUITE) if o.points < o.possible]
        return {o.id.partition("::")[2]: (o.possible, o.mistakes, o.message.got) for o in outcomes}

    return run


@pytest.mark.parametrize("name", ["q3_no_num_classes", "q3_in_channels_third"])
def test_parameters_of_resnet_cost_one_check(name, lost):
    ((check, (points, mistakes, got)),) = lost(name).items()
    assert (check, points, mistakes) == ("test_logits_shape", 3, ("parameters_of_resnet",))
    assert got.startswith("ResNet(block, num_blocks")


def test_a_batchnorm_whose_result_is_lost_is_no_eval_mode(lost):
    _, _, got = lost("q3_batchnorm_of_stem_lost")["test_resnet18"]
    assert got == "no gradient reaches bn1.weight, bn1.bias"


STUBS = {
    "parameters": "def __init__(self, block, num_blocks, classes=11): raise NotImplementedError",
    "foreign call": "def __init__(self, block, num_blocks, num_classes=10):\n"
    "        super().__init__()\n        self.block = block(64, 64, 1, None)\n"
    "    def forward(self, x): return x",
}


@pytest.mark.parametrize("stub", STUBS.values(), ids=STUBS)
def test_a_name_costs_less_only_where_the_rest_is_right(stub, tmp_path):
    """A network that is not written earns nothing for its parameters or its call of a block."""
    source = f"{solved_source()}\n\n\nclass ResNet(nn.Module):\n    {stub}\n"
    outcomes = [o for o in run_suite(student_of(source, tmp_path), SUITE, only=["q3"]) if o.question == "q3"]
    assert not any(outcome.points or outcome.mistakes for outcome in outcomes)


def test_a_foreign_call_of_a_block_costs_one_check(lost):
    ((check, (points, mistakes, got)),) = lost("q3_option_passed_to_block").items()
    assert (check, points, mistakes) == ("test_stages", 4, ("foreign_call_of_block",))
    assert "your ResNet calls block(64, 64, 1, dropout=0.0) with 4 arguments" in got


def test_a_shortcut_from_outside_has_one_message(lost):
    found = lost("q1_shortcut_from_outside")
    assert len(found) > 5
    assert {mistakes for _, mistakes, _ in found.values()} == {("shortcut_from_outside",)}
    assert len({got for _, _, got in found.values()}) == 1


def test_the_worker_tells_the_same(zygote, tmp_path):
    """Parameters, adapted calls and foreign calls behind the sandbox."""
    path = tmp_path / "submission.py"
    path.write_text(complete(entries()["q3_in_channels_third"], solved_source()))
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as student:
        assert student.parameters("ResNet")[2:] == (
            Parameter("in_channels", True, "3"),
            Parameter("num_classes", True, "10"),
        )
        x = torch.randn(1, 3, 32, 32)
        assert student.ResNet(student.probe(1), [1, 1, 1, 1], 7).eval()(x).shape == (1, 7)
        with pytest.raises(Exception, match="to have 7 channels"):
            student.ResNet.exactly(student.probe(1), [1, 1, 1, 1], 7).eval()(x)
    path.write_text(complete(entries()["q3_option_passed_to_block"], solved_source()))
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as student:
        probe = student.probe(1)
        student.ResNet(probe, [1, 1, 1, 1])
        assert probe.calls[-1] == (256, 512, 2)
        assert probe.foreign_call == "block(64, 64, 1, dropout=0.0) with 4 arguments"


@pytest.mark.parametrize("confined", [True, False])
def test_lazy_layers_are_told_what_they_lack(confined, zygote, tmp_path):
    """They have no weights that could be counted, loaded or given to an optimizer; PyTorch's own words are long."""
    path = tmp_path / "submission.py"
    path.write_text(solved_source().replace("nn.Conv2d(in_planes, ", "nn.LazyConv2d("))
    read = slice_submission(read_submission(path))
    with RemoteStudent(read, zygote=zygote) if confined else nullcontext(LocalStudent.from_slice(read)) as student:
        outcomes = {o.id.partition("::")[2]: o for o in run_suite(student, SUITE, only=["q1"])}
    assert outcomes["test_parameter_count"].message == LAZY
    assert outcomes["test_parameter_count"].outcome == "error"
