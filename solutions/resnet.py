# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# init_cell: false
# environment: environment.yml
# tests:
#   ok_format: false
# export_cell:
#   pdf: false
#   run_tests: false
#   instructions: "The zip holds your notebook. Graders run the code of your classes only: training is not repeated."
# plugins:
#   - autograder.platforms.otter_plugin.ResNetPlugin

# %% [markdown]
# # Residual networks for CIFAR-10
#
# Deeper should be better: a deep network can copy a shallow one and set its extra layers to the identity. Yet plain
# networks of more than about twenty layers often end with a *higher training error* than shallower ones. That is not
# overfitting, it is an optimisation problem: the identity is hard to learn for a stack of nonlinear layers.
#
# He et al. (2015, [arXiv:1512.03385](https://arxiv.org/abs/1512.03385)) change the question. Let a block learn only
# what it *adds* to its input,
#
# $$H(x) = F(x) + x,$$
#
# and the identity is easy: $F(x) = 0$. The `+ x`, the **skip connection**, also passes the gradient straight through,
# however deep the network is.
#
# You will build
#
# 1. the basic residual block of ResNet-18 and ResNet-34 (25 points),
# 2. the bottleneck block of ResNet-50 and deeper (25 points),
# 3. the network that stacks them (30 points),
# 4. and train it (20 points).
#
# Fill in every cell that says `NotImplementedError`. Below each question a check tells you what is right and what is
# not: change your code, run its cell, run the check again. Between the questions, three small experiments test the
# theory with *your* blocks.

# %% [markdown]
# ## Part 1: set-up and data
#
# The helpers of this notebook are one folder up: `utils.py` for the data, and the package `lab`.

# %%
import os
import sys

folders = (".", "..", "resnet")
sys.path[:0] = [os.path.abspath(f) for f in folders if os.path.exists(os.path.join(f, "utils.py"))]

import torch
import torch.nn as nn
import torch.nn.functional as F

import utils
from autograder.notebook import Notebook
from lab import diagrams, experiments, resumable

grader = Notebook("resnet.ipynb")

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(f"Training will run on: {device}")

# %% [markdown]
# CIFAR-10 has 60,000 colour images of 32×32 pixels in ten classes. `download_cifar10` downloads it once, also when
# several of you call it at the same time on a shared machine, and verifies the checksums. The loaders turn images into
# tensors and normalise each colour channel: subtract its mean (0.4914, 0.4822, 0.4465), divide by its standard
# deviation (0.2023, 0.1994, 0.2010).

# %%
data_folder = utils.download_cifar10()
train_loader, test_loader = utils.get_loaders(data_folder, train_batch=128, test_batch=100, workers=2)

images, labels = next(iter(train_loader))
print(f"{len(train_loader.dataset)} training and {len(test_loader.dataset)} test images; batch {tuple(images.shape)}")
utils.show_images(images, labels)

# %% [markdown]
# ## Part 2: the basic block
#
# A basic block takes six steps:
#
# 1. 3×3 convolution, which carries the stride,
# 2. BatchNorm, then ReLU,
# 3. 3×3 convolution with stride 1,
# 4. BatchNorm,
# 5. add the input,
# 6. ReLU.

# %%
diagrams.show("basic_block")

# %% [markdown]
# ### The shortcut
#
# Step 5 needs two tensors of the same shape. When the stride is not 1, or the number of channels changes, the shortcut
# is a 1×1 convolution with the same stride, then BatchNorm. Otherwise the shortcut is `x`.
#
# No convolution here has a bias: the BatchNorm after it would subtract it again.

# %%
diagrams.show("shortcuts")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 25

# %% [markdown]
# ### Question 1: `BasicBlock`
#
# Complete the class. `forward` takes `(N, in_planes, H, W)` and returns `(N, planes, H / stride, W / stride)`.

# %% [raw]
# # BEGIN SOLUTION

# %%
class BasicBlock(nn.Module):
    """The residual block of ResNet-18 and -34: relu(F(x) + shortcut(x)).

    Args:
        in_planes: channels of the input.
        planes: channels of the output.
        stride: of the first 3x3 convolution (and of the shortcut, where it is a convolution).
    """

    expansion = 1  # output channels / planes

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        """ # BEGIN PROMPT
        # 1. two 3x3 convolutions (padding 1, no bias), each with its BatchNorm
        # 2. the shortcut: nothing, or a 1x1 convolution (no bias) with BatchNorm
        raise NotImplementedError("BasicBlock.__init__ builds no layers")
        """ # END PROMPT
        # BEGIN SOLUTION NO PROMPT
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)

        # An empty Sequential returns its input, so forward is the same in both cases.
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, self.expansion * planes, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(self.expansion * planes),
            )
        # END SOLUTION

    def forward(self, x):
        """(N, in_planes, H, W) -> (N, planes, H / stride, W / stride)"""
        """ # BEGIN PROMPT
        # the six steps of the text
        raise NotImplementedError("BasicBlock.forward computes nothing")
        """ # END PROMPT
        # BEGIN SOLUTION NO PROMPT
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        # First add, then ReLU: with the ReLU before the addition, a block could never subtract.
        return F.relu(out + self.shortcut(x))
        # END SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
def test_q1(env):
    from autograder.notebook import check_question

    check_question("q1", env)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# ### Experiment: does depth hurt?
#
# Without the shortcut you have a *plain* block. Three small networks train on the same images for a short time: plain
# and shallow, plain and deep, and deep with your `BasicBlock`. Compare the *training* loss; lower is better.

# %%
experiments.degradation(BasicBlock, train_loader, device=device).plot()

# %% [markdown]
# *Think about it:* the deep plain network ends with a higher *training* loss than the shallow one. Why can that not be
# overfitting? Its extra layers would only have to learn the identity: what does that say about what SGD can find?

# %% [markdown]
# ### Experiment: how does the gradient change with depth?
#
# One backward pass through a deep, untrained network, without and with the shortcut, and the norm of the gradient at
# each block. In the backward pass the gradient is multiplied by the derivative of every block: $F'(x)$ in a plain
# network, $F'(x) + 1$ with the shortcut.

# %%
experiments.gradient_flow(BasicBlock, train_loader, device=device).plot()

# %% [markdown]
# *Think about it:* in the plain network the gradient grows a little with every block, and by a large factor over the
# whole depth. What does that do to the first layers, at a learning rate that suits the last ones? And what is
# different about the two blocks where the residual curve jumps?

# %% [markdown]
# ## Part 3: the bottleneck block
#
# A 3×3 convolution costs nine times as much as a 1×1 convolution of the same width. The bottleneck block does the
# expensive work on few channels:
#
# 1. **squeeze**: 1×1 convolution to `planes` channels, BatchNorm, ReLU,
# 2. **process**: 3×3 convolution with the stride, BatchNorm, ReLU,
# 3. **expand**: 1×1 convolution to `4 * planes` channels, BatchNorm,
# 4. add the shortcut, ReLU.

# %%
diagrams.show("bottleneck")

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 25

# %% [markdown]
# ### Question 2: `Bottleneck`
#
# Complete the class. The rule for the shortcut is the same, but the output has `expansion * planes` channels.
# `forward` takes `(N, in_planes, H, W)` and returns `(N, 4 * planes, H / stride, W / stride)`.

# %% [raw]
# # BEGIN SOLUTION

# %%
class Bottleneck(nn.Module):
    """The residual block of ResNet-50, -101 and -152: squeeze, process, expand.

    Args:
        in_planes: channels of the input.
        planes: channels of the narrow part; the block returns expansion * planes.
        stride: of the 3x3 convolution (and of the shortcut, where it is a convolution).
    """

    expansion = 4  # output channels / planes

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        """ # BEGIN PROMPT
        # 1. three convolutions (1x1, 3x3, 1x1; no bias), each with its BatchNorm
        # 2. the shortcut: nothing, or a 1x1 convolution (no bias) with BatchNorm
        raise NotImplementedError("Bottleneck.__init__ builds no layers")
        """ # END PROMPT
        # BEGIN SOLUTION NO PROMPT
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        # The 3x3 convolution has the stride: a 1x1 convolution with stride 2 would ignore three pixels out of four.
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, self.expansion * planes, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.expansion * planes)

        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, self.expansion * planes, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(self.expansion * planes),
            )
        # END SOLUTION

    def forward(self, x):
        """(N, in_planes, H, W) -> (N, 4 * planes, H / stride, W / stride)"""
        """ # BEGIN PROMPT
        # squeeze, process, expand, add, ReLU
        raise NotImplementedError("Bottleneck.forward computes nothing")
        """ # END PROMPT
        # BEGIN SOLUTION NO PROMPT
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return F.relu(out + self.shortcut(x))
        # END SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
def test_q2(env):
    from autograder.notebook import check_question

    check_question("q2", env)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# ### Experiment: what does a bottleneck save?
#
# Both blocks at the same width in and out: at 256 channels, the two 3×3 convolutions of a basic block have 1,179,648
# weights, the three convolutions of a bottleneck with `planes=64` have 69,632. That is what makes networks of 50 and
# more layers affordable.

# %%
experiments.block_cost(BasicBlock, Bottleneck).plot()

# %% [markdown]
# *Think about it:* with $c$ channels in and out, a pixel costs a basic block $2 \cdot 9 c^2$ multiplications. What does
# it cost a bottleneck? Why is the ratio the same at every width?

# %% [markdown]
# ## Part 4: the network
#
# CIFAR images are small, so the stem is one 3×3 convolution with stride 1, without pooling. Then come four stages of
# blocks; each stage but the first halves the image and doubles the planes. Only the first block of a stage has its
# stride; the others have stride 1.

# %%
diagrams.show("network")

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 30

# %% [markdown]
# ### Question 3: `ResNet` and `ResNet18`
#
# | part | blocks | planes | stride of its first block | image |
# | --- | --- | --- | --- | --- |
# | stem: 3×3 convolution, BatchNorm, ReLU | | 64 | 1 | 32×32 |
# | stage 1 | `num_blocks[0]` | 64 | 1 | 32×32 |
# | stage 2 | `num_blocks[1]` | 128 | 2 | 16×16 |
# | stage 3 | `num_blocks[2]` | 256 | 2 | 8×8 |
# | stage 4 | `num_blocks[3]` | 512 | 2 | 4×4 |
# | global average pool, linear layer | | | | 1×1 |
#
# The network must work with *any* block that has an `expansion`: after a block of `planes` planes, the next one
# receives `planes * block.expansion` channels. Complete `ResNet` and `ResNet18`.

# %% [raw]
# # BEGIN SOLUTION

# %%
class ResNet(nn.Module):
    """A residual network for 32x32 images (He et al. 2015, section 4.2, at the widths of table 1).

    Args:
        block: class of the blocks, called as block(in_planes, planes, stride).
        num_blocks: number of blocks in each of the four stages.
        num_classes: number of logits.
    """

    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        """ # BEGIN PROMPT
        # 1. stem: 3x3 convolution from 3 to 64 channels (no bias), BatchNorm
        # 2. four stages of blocks: 64, 128, 256, 512 planes
        # 3. linear layer to num_classes
        raise NotImplementedError("ResNet.__init__ builds no layers")
        """ # END PROMPT
        # BEGIN SOLUTION NO PROMPT
        self.in_planes = 64  # channels that the next block receives
        self.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = self._make_stage(block, 64, num_blocks[0], stride=1)
        self.layer2 = self._make_stage(block, 128, num_blocks[1], stride=2)
        self.layer3 = self._make_stage(block, 256, num_blocks[2], stride=2)
        self.layer4 = self._make_stage(block, 512, num_blocks[3], stride=2)
        self.linear = nn.Linear(512 * block.expansion, num_classes)
        # END SOLUTION
    # BEGIN SOLUTION NO PROMPT

    def _make_stage(self, block, planes, count, stride):
        """A stage of `count` blocks; only the first one carries the stride."""
        blocks = []
        for block_stride in [stride] + [1] * (count - 1):
            blocks.append(block(self.in_planes, planes, block_stride))
            self.in_planes = planes * block.expansion
        return nn.Sequential(*blocks)
    # END SOLUTION

    def forward(self, x):
        """(N, 3, 32, 32) -> logits (N, num_classes)"""
        """ # BEGIN PROMPT
        # stem, stages, global average pool, linear layer
        raise NotImplementedError("ResNet.forward computes nothing")
        """ # END PROMPT
        # BEGIN SOLUTION NO PROMPT
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        out = F.adaptive_avg_pool2d(out, 1).flatten(1)
        return self.linear(out)  # logits: the loss applies the softmax
        # END SOLUTION


def ResNet18():
    """ResNet-18: two basic blocks in each of the four stages."""
    """ # BEGIN PROMPT
    raise NotImplementedError("ResNet18 returns no network")
    """ # END PROMPT
    # BEGIN SOLUTION NO PROMPT
    return ResNet(BasicBlock, [2, 2, 2, 2])
    # END SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
def test_q3(env):
    from autograder.notebook import check_question

    check_question("q3", env)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# How many parameters does your network have? ResNet-18 in this form has 11,173,962.

# %%
print(f"ResNet-18: {sum(p.numel() for p in ResNet18().parameters()):,} parameters")

# %% [markdown]
# ## Part 5: training

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 20

# %% [markdown]
# ### Question 4: does it learn?
#
# The check below trains your network on eight images for a few steps; a correct network memorises them. On a GPU,
# graders also train your `ResNet18` on CIFAR-10. There is nothing to fill in; if this check fails, read the messages of
# q1 to q3.

# %% [raw]
# # BEGIN TESTS

# %%
def test_q4(env):
    from autograder.notebook import check_question

    check_question("q4", env)

# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# ### Training on CIFAR-10
#
# Now train on all images: cross-entropy loss, SGD with learning rate 0.1, momentum 0.9 and weight decay 0.0005, and a
# learning rate that falls along a cosine over 200 epochs. Three epochs are enough to see that the network learns; 200
# would reach about 95 %. Read the training loop: `lab/trainer.py` is one page. `resumable.train` runs it and saves
# checkpoints.
#
# On a GPU this takes a minute or two. Without one, `quick` trains a small network on fewer images instead, in
# about three minutes. To stop, press the notebook's stop button; run the cell again to continue from the checkpoint.
# After you change your classes, training starts from the beginning.

# %%
quick = device.type == "cpu"
net = ResNet(BasicBlock, [1, 1, 1, 1]) if quick else ResNet18()
checkpoint = "quick.pt" if quick else "training.pt"

run = resumable.train(net, train_loader, test_loader, epochs=3, quick=quick, checkpoint=checkpoint, device=device)

# %% [markdown]
# ### What the network gets wrong
#
# In the confusion matrix, each row is a true class and each column a predicted class. Below it are the wrong
# predictions with the highest confidence.

# %%
run.plot_confusion()
run.plot_mistakes()

# %% [markdown]
# *Think about it:* which two classes are confused most often? Could you tell them apart in 32×32 pixels?

# %% [markdown]
# ## What to remember
#
# - A skip connection turns "learn the output" into "learn what to add", and gives the gradient a way through.
# - Basic blocks suit networks of 18 and 34 layers; bottlenecks make 50 and more layers affordable.
# - Where shapes change, the shortcut is a 1×1 convolution with BatchNorm; everywhere else it is just `x`.
