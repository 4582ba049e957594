"""The edits of programs: each is well named, and makes a difference that can be observed."""

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.oracle.diagnose import diagnose, tasks_of
from autograder.oracle.edits import Edit, Hints, apply, catalogue, task_of
from autograder.oracle.explain import Explainer
from autograder.oracle.interpreter import Unregistered, run
from autograder.oracle.matching import classify_tensors, draw
from autograder.oracle.program import Program
from autograder.oracle.trial import collect
from autograder.student.local import LocalStudent
from autograder.suite.own_lines import lines_of

CLASSES = {"q1": "BasicBlock", "q2": "Bottleneck", "q3": "ResNet"}
FIRST, SECOND = (task.program for task in tasks_of("ResNet")[:2])
HINTS = Hints(
    frozenset({4, 128}),
    (
        (task_of(FIRST), ((64, 64, 1), (64, 128, 1), (128, 256, 2), (256, 512, 2))),
        (task_of(SECOND), ((512, 64, 1), *SECOND.calls[1:])),
    ),
    unused=tuple((task_of(tasks_of(kind)[0].program), (("extra.weight", "gamma", (6,)),)) for kind in CLASSES.values()),
)
"""As a module with a gate, a hidden layer, other stages, the in_planes of the network before, or an unused layer shows
them."""
NAMED_BY_CHECKS = {
    "blocks_frozen",
    "foreign_call_of_block",
    "modes_return_nothing",
    "shortcut_from_outside",
    "start_without_learning",
}


def edits(kind: str) -> list[Edit]:
    return list(catalogue(kind, HINTS))


def drawn(program: Program) -> dict[str, torch.Tensor]:
    """Random weights that leave nothing without effect, the same for every tensor of the same name and shape."""
    weights = {}
    for role in program.roles:
        value = torch.randn(role.shape, generator=torch.Generator().manual_seed(sum(map(ord, role.name)))).double()
        if role.kind == "var":
            value = value.abs() + 0.5
        elif role.kind == "weight":
            value = value * (2 / value[0].numel()) ** 0.5
        else:
            value = value * 4  # ReLU6 shows in large values only
        weights[role.name] = value.requires_grad_(role.kind not in ("mean", "var"))
    return weights


def behaviour(program: Program, shape: tuple[int, ...]) -> Iterator[Any]:
    """All that can be observed: tensors, facts, outputs, running statistics, gradients, and what raises."""
    yield from (program.tensors, program.facts, program.calls)
    weights = drawn(program)
    for training, images in ((False, shape[0]), (True, shape[0]), (False, 1)):
        x = (
            torch.randn(images, *shape[1:], generator=torch.Generator().manual_seed(1))
            .double()
            .requires_grad_(training)
        )
        try:
            result = run(program, weights, x, training)
        except (RuntimeError, ValueError, Unregistered) as error:
            yield str(error)
            continue
        yield from (result.form, result.output, result.x, *result.statistics.values())
        if training and result.output is not None and result.output.requires_grad:
            result.output.backward(torch.linspace(-1, 2, result.output.numel()).double().view_as(result.output))
            yield from (x.grad, *(weight.grad for weight in weights.values()))


def same(one: Iterable[Any], other: Iterable[Any]) -> bool:
    """To rounding; a gradient that is missing is one of zeros. Nothing is computed after the first difference."""
    for a, b in itertools.zip_longest(one, other, fillvalue="no more"):
        if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
            if a != b:
                return False
            continue
        if isinstance(a, str) or isinstance(b, str):
            return False
        a, b = (torch.zeros(()) if v is None else v.detach() for v in (a, b))
        if a.shape != b.shape and (a.any() or b.any()):
            return False
        if a.shape == b.shape and float((a - b).abs().max()) > 1e-9:
            return False
    return True


@pytest.mark.parametrize("kind", CLASSES.values())
def test_each_is_said_well(kind):
    """A name for tables, a sentence for the student, a place to read again."""
    for edit in filter(lambda edit: edit.name, edits(kind)):
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", edit.name), edit
        assert re.fullmatch(r"(?s)[A-Z].{15,}[.?]", edit.sentence), edit
        assert not re.search(r"  |[{}]", edit.sentence), edit
        assert re.search(r"section \d|Part \d of the notebook", edit.reading), edit
        parts = set(re.findall(r"Part (\d)", edit.reading)) - ({"2"} if "shortcut" in edit.reading else set())
        assert parts <= {{"BasicBlock": "2", "Bottleneck": "3", "ResNet": "4"}[kind]}, edit


@pytest.mark.parametrize("kind", CLASSES.values())
def test_each_name_makes_a_difference(kind):
    """For each name, one of its edits does something else than the right program."""
    tasks = tasks_of(kind)
    right: dict = {}
    left = {edit.name: edit for edit in edits(kind)}
    for edit in edits(kind):
        for task in tasks if edit.name in left else ():
            changed = apply((edit,), task.program)
            if changed is None or changed == task.program:
                continue
            shape = (2, 3, 16, 16) if kind == "ResNet" else task.shape((8, 6))
            if task not in right:
                right[task] = [*behaviour(task.program, shape)]
            if not same(right[task], behaviour(changed, shape)):
                del left[edit.name]
                break
    assert not left


def test_there_are_many_kinds():
    """Every kind of operation can be left out, replaced, moved or shared: hundreds of edits for each class."""
    for kind in CLASSES.values():
        assert len(edits(kind)) >= 300
        assert len({edit.name for edit in edits(kind)}) >= 100


def test_labels_of_the_gallery_are_known():
    """What a wrong submission is labelled with is the name of an edit of the class that it changes, or of a check."""
    for entry in entries().values():
        if entry.misconception and entry.misconception not in NAMED_BY_CHECKS:
            assert entry.misconception in {edit.name for edit in edits(CLASSES[entry.question])}, entry.name


@pytest.mark.parametrize("kind", ["BasicBlock", "Bottleneck"])
def test_a_condition_hides_no_other_mistake_of_the_shortcut(kind):
    """Whether there is a projection is decided first: what is wrong with it is changed where there is one then."""
    programs = [task.program for task in tasks_of(kind)]
    conditions = [e for e in edits(kind) if e.kind == "wrong_condition" and e.name.startswith("projection_")]
    others = [e for e in edits(kind) if e.kind != "wrong_condition" and all(apply((e,), p) for p in programs)]
    lost = [(a.name, b.name) for a in conditions for b in others if not all(apply((b, a), p) for p in programs)]
    assert not lost


def test_one_relu_switched_by_rounding():
    """A gradient that differs once, as where an activation is within rounding of zero, is no mistake; twice it is."""
    student = LocalStudent.from_file(Path(__file__).parents[2] / "solutions/resnet.py")
    evidence = collect(student, tasks_of("BasicBlock")[:1], (8, 6), seed=0)
    (subject,) = evidence.subjects
    first = next(trial for trial in subject.trials if trial.aspect == "gradient")
    first.input_gradient *= 1.1
    assert Explainer(evidence).all_right
    subject.other_gradient.input_gradient *= 1.1
    assert not Explainer(evidence).all_right


def test_a_network_of_blocks_of_its_own_is_looked_at_once(tmp_path):
    """Whatever they compute, it is the same mistake; and they are large: 15 million weights in the second network."""
    source, entry = tmp_path / "resnet.py", entries()["q3_block_hard_coded"]
    source.write_text(complete(entry, solved_source()))
    student, tasks = LocalStudent.from_file(source), tasks_of("ResNet")[:1]
    first = collect(student, tasks, (8, 6), seed=0)
    (subject,) = first.subjects
    assert [trial.aspect for trial in subject.trials] == ["eval"]
    assert "exact" not in vars(subject)
    again = collect(student, tasks, (8, 6), seed=1, earlier=first)
    assert again.subjects == first.subjects
    assert diagnose(student, "q3").names == ("block_ignored",)


def test_what_is_drawn_keeps_nothing_of_what_was_received():
    """A counter that shares the memory of a message would keep all of its tensors."""
    message = torch.zeros(100)
    state = {"weight": message[:99], "count": message[99:].view(torch.int32)}
    drawn = draw(state, classify_tensors(state, frozenset({"weight"})), torch.Generator())
    assert drawn.keys() == state.keys()
    kept = {value.untyped_storage().data_ptr() for value in drawn.values()}
    assert message.untyped_storage().data_ptr() not in kept


def test_a_check_of_the_students_own_is_not_about_the_head(tmp_path):
    """It refuses odd batches, wherever it stands: that is not what reshaping to rows of two images does."""
    source = solved_source()
    right = "        out = self.layer4("
    assert right in source
    path = tmp_path / "resnet.py"
    path.write_text(source.replace(right, f"        assert x.shape[0] % 2 == 0\n{right}"))
    assert diagnose(LocalStudent.from_file(path), "q3") is None


@pytest.mark.parametrize(
    ("question", "right", "wrong", "said", "not_said"),
    [
        ("q3", "F.adaptive_avg_pool2d(out, 1)", "F.avg_pool2d(out, 8)", "a window larger than 4x4;", "7x7"),
        ("q2", "self.bn3(self.conv3(out))", "self.bn2(self.conv3(out))", "your last BatchNorm is another", "self.bn"),
        ("q2", "self.bn3(self.conv3(out))", "self.conv3(self.bn3(out))", "your last BatchNorm before", "your first"),
        (
            "q2",
            "planes, kernel_size=1, stride=stride,",
            "planes, 1, stride, 1,",
            "the convolution of your shortcut",
            "all",
        ),
        (
            "q2",
            "stride=stride, padding=1, bias",
            "stride=stride, padding=2, dilation=2, bias",
            "your second conv",
            "all",
        ),
        ("q3", "self.in_planes = 64", "self.in_planes = 16", "built for 16 channels", "Your second network"),
        ("q3", "self.layer1(out)", "out", "does not use what stage 1 returns", "leaves out"),
    ],
)
def test_what_is_not_proved_is_not_said(tmp_path, question, right, wrong, said, not_said):
    """Where another value, layer or mistake raises the same, the sentence is as vague as that, or tells of both."""
    source = solved_source()
    head, middle, tail = source.partition("class Bottleneck")
    assert right in tail
    path = tmp_path / "resnet.py"
    path.write_text(head + middle + tail.replace(right, wrong, 1))
    (sentence,) = diagnose(LocalStudent.from_file(path), question).sentences
    assert said in sentence
    assert not_said not in sentence


def test_every_layer_that_the_sentence_names_is_shown(tmp_path):
    """Not the first one alone: a student mends what is shown."""
    head, middle, tail = solved_source().partition("class Bottleneck")
    ones = r"(self\.conv[13] = nn\.Conv2d\([^)]*), bias=False\)"
    path = tmp_path / "resnet.py"
    path.write_text(head + middle + re.sub(ones, r"\1)", tail, count=2))
    diagnosis = diagnose(LocalStudent.from_file(path), "q2")
    assert "missing in your first convolution and your last convolution." in diagnosis.sentences[0]
    assert "In your code: self.conv1 and self.conv3. Read again: Part 3" in diagnosis.sentences[0]
    assert re.findall(r"self\.conv\d", lines_of(LocalStudent.from_file(path), "q2", diagnosis.layers)) == [
        "self.conv1",
        "self.conv3",
    ]
