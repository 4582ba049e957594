"""Networks are judged on small images where they take them, and on large ones where that decides anything."""

import pytest

from autograder.maintain.build import solved_source
from autograder.oracle import judge_network
from autograder.oracle.small_images import CIFAR10, SMALL, image_size, takes_small_images
from autograder.oracle.trial import Task
from autograder.student.local import LocalStudent
from autograder.suite.probe_network import probe_network

POOL = "F.adaptive_avg_pool2d(out, 1)"


def student_with(tmp_path, pool: str) -> LocalStudent:
    source = solved_source()
    assert POOL in source
    path = tmp_path / "resnet.py"
    path.write_text(source.replace(POOL, pool))
    return LocalStudent.from_file(path)


@pytest.mark.parametrize(
    ("pool", "size"),
    [
        (POOL, SMALL),
        ("F.avg_pool2d(out, 4)", CIFAR10),
        ("F.avg_pool2d(out, 2)", CIFAR10),
        ("F.adaptive_avg_pool2d(nothing, 1)", CIFAR10),
    ],
    ids=["global", "fixed", "for images of 16x16", "raises"],
)
def test_small_images_where_all_sizes_will_do(tmp_path, pool, size):
    assert image_size(student_with(tmp_path, pool)) == size


@pytest.mark.parametrize("aspect", ["eval", "train", "gradient"])
@pytest.mark.parametrize("pool", [POOL, "F.avg_pool2d(out, 4)"], ids=["global", "fixed"])
def test_a_right_network_agrees_on_either_size(tmp_path, pool, aspect):
    judge_network(student_with(tmp_path, pool), 2, [1, 1, 1, 1], 10, aspect=aspect).require()


def test_what_differs_is_judged_on_large_images(tmp_path, monkeypatch):
    student, shapes, shape = student_with(tmp_path, f"({POOL} + 0.1)"), [], Task.shape
    monkeypatch.setattr(Task, "shape", lambda task, size: shapes.append(shape(task, size)) or shapes[-1])
    assert takes_small_images(student)
    assert not judge_network(student, 1, [1, 1, 1, 1], 10, aspect="eval").agrees
    assert shapes[:2] == [(2, 3, *SMALL), (2, 3, *CIFAR10)]
    assert not takes_small_images(student)


def test_checks_share_a_network(tmp_path):
    student = student_with(tmp_path, POOL)
    network = probe_network(student, 1, [1, 1, 1, 1])
    assert probe_network(student, 1, [1, 1, 1, 1]) is network
    assert probe_network(student, 2, [1, 1, 1, 1]) is not network
    assert network.built == network.kept


def test_a_tuple_of_blocks_becomes_a_list(tmp_path):
    path = tmp_path / "resnet.py"
    path.write_text(
        solved_source().replace(
            "        super().__init__()\n",
            "        super().__init__()\n        self.given = locals().get('num_blocks')\n",
        )
    )
    student = LocalStudent.from_file(path)
    blocks = [1, 1, 1, 1]
    assert student.ResNet(student.probe(1), blocks).given is blocks
    assert student.ResNet(student.probe(1), (1, 1, 1, 1)).given == blocks
