"""Imported by the process that `rehearsal` forks from: everything that is imported late, and takes long, is here then.

Nothing here may start a thread: a forked process has only one.
"""

import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # autograd starts threads where there is a GPU, even for work on the CPU

import torch

from autograder.grade import SUITE
from autograder.student.special import Nobody
from autograder.suite.run import run_suite

torch.set_num_threads(1)
_network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
_network(torch.randn(2, 3, 8, 8)).sum().backward()
torch.optim.SGD(_network.parameters(), lr=0.1).step()
run_suite(Nobody("warming up"), SUITE)
