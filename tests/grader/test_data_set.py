"""Constants that students take from CIFAR-10 are there while their code is graded, although no file is."""

import pytest
import torch

from autograder.sandbox.limits import Limits
from autograder.sandbox.remote_student import RemoteStudent
from autograder.submission import read_submission, slice_submission

TORCHVISION = """
import torch, torchvision
from torchvision import transforms

transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
train_set = torchvision.datasets.CIFAR10("./data", train=True, download=True, transform=transform)
test_set = torchvision.datasets.CIFAR10(".", False)
more_classes = torchvision.datasets.CIFAR100(root="x", download=True).classes
train, held_out = torch.utils.data.random_split(train_set, [45_000, 5_000])
image, label = train_set[3]
for images, labels in torch.utils.data.DataLoader(train, 128, num_workers=2, persistent_workers=True, timeout=9):
    batch = images.shape
    break
"""
NOTEBOOK = """
import torch
from lab.keep_going import keep_going

with keep_going():
    import utils

    folder = utils.download_cifar10()
    train_loader, test_loader = utils.get_loaders(folder, train_batch=128, test_batch=100, workers=2)
    images, labels = next(iter(train_loader))
"""
BLOCK = """
constants = [{constants}]


class BasicBlock(torch.nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.constants = torch.tensor(constants)

    def forward(self, x):
        return x + self.constants
"""
CONSTANTS = {
    "torchvision": (
        TORCHVISION,
        {
            "len(train_set.classes)": 10,
            "train_set.class_to_idx['frog']": 6,
            "len(train_set)": 50_000,
            "len(test_set)": 10_000,
            "len(set(train_set.targets))": 10,
            "train_set.data.shape[1]": 32,
            "image.shape[0]": 3,
            "label": 3,
            "len(more_classes)": 100,
            "len(held_out)": 5_000,
            "batch[0]": 128,
        },
    ),
    "the notebook's loaders": (
        NOTEBOOK,
        {"len(images)": 128, "images.shape[1]": 3, "len(utils.CLASSES)": 10, "len(test_loader.dataset)": 10_000},
    ),
}


@pytest.mark.parametrize(("setup", "constants"), CONSTANTS.values(), ids=CONSTANTS)
def test_constants_of_the_data_set(setup, constants, tmp_path, zygote):
    """They have the values that they have where the data is."""
    path = tmp_path / "resnet.py"
    path.write_text(setup + BLOCK.format(constants=", ".join(constants)))
    with RemoteStudent(slice_submission(read_submission(path)), Limits(), zygote) as student:
        found = student.BasicBlock(4, 4)(torch.zeros(1))
        assert student.problems == []
        assert dict(zip(constants, found.tolist(), strict=True)) == constants
