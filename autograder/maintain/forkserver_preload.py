"""Imported once by the fork server: everything that takes long to import or to run for the first time.

Nothing here may start a thread: a forked process has only one.
"""

import gc
import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # autograd starts threads where there is a GPU, even for work on the CPU

import torch

from autograder.grading.grade import ROOT, SUITE
from autograder.student.local import LocalStudent
from autograder.suite.run import run_suite

torch.set_num_threads(1)
run_suite(LocalStudent.from_file(ROOT / "solutions" / "resnet.py"), SUITE)  # and PyTorch makes its kernels
gc.collect()
gc.freeze()  # else the collector of each forked process writes to every object, and so copies them
gc.disable()  # they live for a second
