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
#   instructions: >-
#     The zip holds your notebook. Graders run the code of your classes only, and train your `ResNet18` themselves. Your
#     own training is not graded.
# plugins:
#   - autograder.platforms.otter_plugin.ResNetPlugin

# %% [markdown]
# # Residual networks for CIFAR-10
#
# Deeper should be better: a deep network can copy a shallow one and set its extra layers to the identity. Yet plain
# networks of more than about twenty layers often end with a *higher training error* than shallower ones. That is not
# overfitting, it is an optimisation problem: SGD does not find the identity in a stack of nonlinear layers.
#
# He et al. (2015, [arXiv:1512.03385](https://arxiv.org/abs/1512.03385)) change the question. Let a block learn only
# what it *adds* to its input,
#
# $$H(x) = F(x) + x,$$
#
# and the identity is easy: $F(x) = 0$. The `+ x`, the **skip connection**, also gives the gradient a direct way back
# to the first layers.
#
# You will build
#
# 1. the basic residual block of ResNet-18 and ResNet-34 (25 points),
# 2. the bottleneck block of ResNet-50 and deeper (25 points),
# 3. the network that stacks them (30 points),
# 4. and train it (20 points).
#
# Fill in every cell that says `NotImplementedError`. Below each question a check tells you what is right and what is
# not: change your code, run its cell, run the check again. It says what was expected and what your code did instead.
# If you are stuck, run `grader.hint("q1")` in a new cell. It says what to look at; run again, it shows the steps of
# the question with their shapes. Nobody counts hints. Between the questions, three small experiments test the theory
# with *your* blocks. Before each of them, write down your guess: it is drawn into the plot.
#
# You can run the whole notebook at any time. A cell that needs something that is not there yet says so, and the
# notebook goes on; this is what `with keep_going():` is for. Times are measured on two CPU cores of a server without
# GPU; a laptop is similar. If a check says that `grader` is not defined, run the first code cell.

# %% [markdown]
# ## Part 1: set-up and data
#
# *You will* load CIFAR-10, and know what the network gets to see. *Computing time:* under a minute, and the download
# of 170 MB.
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

from autograder.notebook import Notebook
from lab import diagrams
from lab.keep_going import keep_going

grader = Notebook("resnet.ipynb")

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(f"Training will run on: {device}")

# %% [markdown]
# CIFAR-10 has 60,000 colour images of 32×32 pixels in ten classes. `download_cifar10` downloads it once, also when
# several of you call it at the same time on a shared machine, and verifies the checksums. The loaders turn images into
# tensors and normalise each colour channel: subtract its mean (0.4914, 0.4822, 0.4465), divide by 0.2023, 0.1994 or
# 0.2010. Much code calls these divisors the standard deviations. They are the *means of the standard deviations of
# single images*; over all pixels together, the standard deviations are about 0.25, 0.24 and 0.26. Both work: what
# matters is that training and test images are divided by the same numbers.

# %%
with keep_going():
    import utils
    from lab import experiments

    data_folder = utils.download_cifar10()
    train_loader, test_loader = utils.get_loaders(data_folder, train_batch=128, test_batch=100, workers=2)

    images, labels = next(iter(train_loader))
    print(f"{len(train_loader.dataset)} training and {len(test_loader.dataset)} test images")
    print(f"a batch has the shape {tuple(images.shape)}")
    utils.show_images(images, labels)

# %% [markdown]
# ## Part 2: the basic block
#
# *You will* write a residual block, see what depth does to networks with and without shortcuts, and explain it.
# *Computing time:* about a minute and a half.
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
# is a *projection*: a 1×1 convolution with the same stride, then BatchNorm. Otherwise the shortcut is `x` itself.
#
# No convolution here has a bias: the BatchNorm after it would cancel it.
#
# *In the paper:* for CIFAR-10, He et al. (2015, section 4.2) fill missing channels with zeros ("option A"). This
# assignment uses the convolution ("option B"), as they do for ImageNet.

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
        # 2. the shortcut: x itself (no layers), or a 1x1 convolution (no bias) with BatchNorm
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
# Without the shortcut you have a *plain* block. Eight narrow networks of 8 to 56 layers train on the same batches for
# the same 100 steps: four plain ones, and four of your `BasicBlock`. Compare how the final *training* loss of each kind
# *changes* with depth.
#
# **Predict first:** with which loss will the plain network of 56 layers end, and with which the residual one? Networks
# of 8 layers end at about 1.8 on CIFAR-10, random guessing has 2.3.

# %%
my_guess = {"plain": None, "residual": None}  # the loss at 56 layers

with keep_going():
    experiments.degradation(BasicBlock, train_loader, device=device, guess=my_guess).plot()

# %% [markdown]
# *What you should see:* The plain network of 56 layers ends with a higher training loss than the plain network of 8
# layers. From 8 to 56 layers, the loss of the residual networks rises less. At 56 layers, the residual network ends
# with a lower loss than the plain one.
#
# The deepest residual network need not be the best one here: 100 steps are too few for that. After 64,000 steps on all
# images it is: He et al. (2015, table 6) report test errors of 8.75 % for 20 layers, 7.51 % for 32, 6.97 % for 56 and
# 6.43 % for 110.
#
# *Think about it:* why can the higher *training* loss of the deep plain network not be overfitting? Its extra layers
# would only have to learn the identity: what does that say about what SGD can find?

# %% [markdown] tags=["instructor"]
# **Model answer.** Overfitting means a low training loss and a high test loss. Here the training loss itself is higher.
# The deep network can represent the shallow one (extra blocks that compute the identity), so a solution with a lower
# loss exists: SGD does not find it in this time. With a shortcut, weights of 0 already give the identity.

# %% [markdown]
# *Your answer:* (double-click here to write)

# %% [markdown]
# ### Experiment: how does the gradient change with depth?
#
# One backward pass through untrained networks of 56 layers, and the norm of the gradient at each of their 27 blocks. In
# the backward pass the gradient is multiplied by the derivative of every block: $F'(x)$ in a plain network,
# $F'(x) + 1$ with the shortcut.
#
# **Predict first:** by which factor does the norm of the gradient change from the last block to the first one? Does it
# shrink (0.001), stay (1), or grow (1000)?

# %%
my_guess = {"plain": None, "residual": None}  # norm at block 1 divided by norm at block 27

with keep_going():
    experiments.gradient_flow(BasicBlock, train_loader, device=device, guess=my_guess).plot()

# %% [markdown]
# *What you should see:* In the plain network the gradient grows more than 500 times on its way to the image, in the
# residual network less than 100 times. With BatchNorm it does not vanish, it explodes. (He et al. 2015, section 4.1,
# rule out vanishing signals in their plain networks; Yang et al. 2019,
# [arXiv:1902.08129](https://arxiv.org/abs/1902.08129), explain the explosion.) Without BatchNorm, the gradient of the
# plain network does vanish.
#
# All layers share one learning rate. In the plain network, a step with learning rate 0.1 changes the weights of the
# first block by more than their own size, and those of the last block by less than a tenth. In the residual network,
# no step is larger than the weights.
#
# *Think about it:* what does the explosion do to the first layers, at a learning rate that suits the last ones? And
# what is different about the two blocks where the residual curve jumps?

# %% [markdown] tags=["instructor"]
# **Model answer.** A step that moves the last layers moves the first ones by several times their size: what they have
# learned is lost. A learning rate that suits the first layers leaves the last ones where they are. The residual curve
# jumps at the first blocks of stages 2 and 3. Their shortcut is a convolution with BatchNorm, not $x$, so the gradient
# has no direct way past them.

# %% [markdown]
# *Your answer:*

# %% [markdown]
# ## Part 3: the bottleneck block
#
# *You will* write the block of ResNet-50 and deeper, and compute what it saves. *Computing time:* seconds.
#
# A 3×3 convolution costs nine times as much as a 1×1 convolution of the same width. The bottleneck block does the
# expensive work on few channels:
#
# 1. **squeeze**: 1×1 convolution to `planes` channels, BatchNorm, ReLU,
# 2. **process**: 3×3 convolution with the stride, BatchNorm, ReLU,
# 3. **expand**: 1×1 convolution to `4 * planes` channels, BatchNorm,
# 4. add the shortcut, ReLU.
#
# *In the paper:* He et al. (2015) have the stride on the first 1×1 convolution. This assignment has it on the 3×3
# convolution, as torchvision does ("ResNet v1.5"): a 1×1 convolution with stride 2 ignores three of four pixels.

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
        # 2. the shortcut: x itself (no layers), or a 1x1 convolution (no bias) with BatchNorm
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
# Both blocks at the same width: 256 channels in and out. The basic block has two 3×3 convolutions from 256 to 256
# channels. The bottleneck has `planes=64`.
#
# **Predict first:** how many times fewer multiplications does the bottleneck need?

# %%
my_guess = None  # how many times fewer

with keep_going():
    experiments.block_cost(BasicBlock, Bottleneck, guess=my_guess).plot()

# %% [markdown]
# *What you should see:* The convolutions of the basic block have 1,179,648 weights, those of the bottleneck 69,632;
# the chart counts the BatchNorms too. That is 17 times fewer, and what makes networks of 50 and more layers affordable.
#
# *Think about it:* with $c$ channels in and out, a pixel costs a basic block $2 \cdot 9 c^2$ multiplications. What does
# it cost a bottleneck? Why is the ratio the same at every width?

# %% [markdown] tags=["instructor"]
# **Model answer.** With $c / 4$ channels inside: $c \cdot c/4$ to squeeze, $9 (c/4)^2$ to process, $c/4 \cdot c$ to
# expand, together $\frac{17}{16} c^2$. The ratio is $18 / \frac{17}{16} = 16.9$; $c^2$ cancels. (The parameters of
# BatchNorm grow with $c$ only, so the ratio of all parameters is a little smaller.)

# %% [markdown]
# *Your answer:*

# %% [markdown]
# ## Part 4: the network
#
# *You will* stack blocks of any kind into a network. *Computing time:* about ten seconds, for the check.
#
# CIFAR images are small, so the stem is one 3×3 convolution with stride 1, without pooling. Then come four stages of
# blocks; each stage but the first halves the image and doubles the planes. Only the first block of a stage has the
# stride of the stage; the others have stride 1. The head is a global average pool and a linear layer.
#
# *In the paper:* the CIFAR networks of He et al. (2015, section 4.2) have three stages of 16, 32 and 64 channels. This
# assignment takes the four stages of their ImageNet networks (table 1), with a stem for small images.

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
# | head: global average pool, linear layer | | | | 1×1 |
#
# The network must work with *any* block that has an `expansion`: after a block of `planes` planes, the next one
# receives `planes * block.expansion` channels. Complete `ResNet` and `ResNet18`.

# %% [raw]
# # BEGIN SOLUTION

# %%
class ResNet(nn.Module):
    """A residual network for 32x32 images: the four stages of He et al. (2015, table 1), with a stem for small images.

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
with keep_going():
    print(f"ResNet-18: {sum(p.numel() for p in ResNet18().parameters()):,} parameters")

# %% [markdown]
# ## Part 5: training
#
# *You will* train your network, and look at what it gets wrong. *Computing time:* two to three minutes without a GPU.

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 20

# %% [markdown]
# ### Question 4: does it learn?
#
# The check below trains your network on eight images for a few steps; a correct network memorises them. Graders also
# train your `ResNet18` themselves, on CIFAR-10, and check its accuracy. There is nothing to fill in; if this check
# fails, read the messages of q1 to q3.

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
# Now train on CIFAR-10: cross-entropy loss, SGD with learning rate 0.1, momentum 0.9 and weight decay 0.0005, and a
# learning rate that falls along a cosine over 200 epochs. With `augment=True`, each training image is shifted by up to
# four pixels and mirrored at random, so that no epoch shows the same images. Read the training loop: `lab/trainer.py`
# is two pages. `resumable.train` runs it and saves checkpoints.
#
# Three epochs are enough to see that the network learns. After all 200, a public run of this recipe, crops and flips
# included, reports 95.43 % of the test images correct, in 50 minutes on a Tesla V100S
# ([afzalxo/ResNet-Simplified-Pytorch](https://github.com/afzalxo/ResNet-Simplified-Pytorch)).
#
# Without a GPU, `quick` trains a small network on 2,048 images instead, in two to three minutes on two cores. To stop,
# press the notebook's stop button; run the cell again to continue from the checkpoint. After you change your classes,
# training starts from the beginning.

# %%
with keep_going():
    from lab import resumable

    quick = device.type == "cpu"
    net = ResNet(BasicBlock, [1, 1, 1, 1]) if quick else ResNet18()
    checkpoint = "quick.pt" if quick else "training.pt"
    train_loader, test_loader = utils.get_loaders(data_folder, augment=True)

    run = resumable.train(net, train_loader, test_loader, epochs=3, quick=quick, checkpoint=checkpoint, device=device)

# %% [markdown]
# ### What the network gets wrong
#
# In the confusion matrix, each row is a true class and each column a predicted class. Below it are the wrong
# predictions with the highest confidence.

# %%
with keep_going():
    run.plot_confusion()
    run.plot_mistakes()

# %% [markdown]
# *Think about it:* which two classes are confused most often? Could you tell them apart in 32×32 pixels?

# %% [markdown] tags=["instructor"]
# **Model answer.** After a long training mostly cat and dog: four legs, fur, the same poses, and the details that tell
# them apart are a few pixels wide. After the quick training other pairs can lead, often two that share a background,
# such as airplane and ship, or deer and horse.

# %% [markdown]
# *Your answer:*

# %% [markdown]
# ## What to remember
#
# - A skip connection turns "learn the output" into "learn what to add", and keeps the gradients of the first and the
#   last layers closer in size.
# - Basic blocks suit networks of 18 and 34 layers; bottlenecks make 50 and more layers affordable.
# - Where shapes change, the shortcut is a 1×1 convolution with BatchNorm; everywhere else it is just `x`.

# %% [markdown]
# ## Part 6: go further (no points)
#
# *You will* look inside your trained network, and change one thing at a time. *Computing time:* under a minute.
#
# ### Filters, feature maps, receptive fields
#
# The filters of the first convolution, what each block makes of one image, and how many pixels of the image one pixel
# of its output depends on. *Think about it:* after which block can a pixel see the whole image of 32 pixels?

# %%
with keep_going():
    from lab import features

    features.show_filters(run.net)
    features.show_feature_maps(run.net, images[0], BasicBlock)
    features.show_receptive_fields(run.net, BasicBlock)

# %% [markdown] tags=["instructor"]
# **Model answer.** In ResNet-18 the fields are 7, 11, 17, 25, 37, 53, ... pixels: the fifth block, the first of stage
# 3, sees the whole image. In the small network of the quick training they are 7, 13, 25 and 49: it is the fourth block.
# After a few epochs the filters still look random; after a long training they show edges and colours.

# %% [markdown]
# ### Change one thing
#
# Change the line in `forward`, and see what depth does to your block. Some ideas: halve the shortcut, scale $F(x)$ by
# 0.1, leave out the last ReLU. Or write a *pre-activation* block (He et al. 2016,
# [arXiv:1603.05027](https://arxiv.org/abs/1603.05027)): BatchNorm and ReLU come before each convolution, and nothing
# after the addition. Graders do not look at this class; a pre-activation block in question 1 loses points.

# %%
with keep_going():

    class Ablation(BasicBlock):
        """Your block with one change."""

        def forward(self, x):
            return super().forward(x)  # change this line

    experiments.degradation(Ablation, train_loader, device=device, depths=(1, 5), steps=60).plot()

# %% [markdown]
# ### Ten minutes of a GPU
#
# How close to 95 % do you get in ten minutes of a free GPU, such as Colab's? Two hints: with few epochs, let the
# learning rate fall to 0 within them (`OneCycleLR` in `lab/trainer.py`), not within 200; and find the batch size at
# which your GPU trains most images a second. How far this can go: Jordan 2024,
# [arXiv:2404.00498](https://arxiv.org/abs/2404.00498), reaches 94 % in 3.29 seconds on one A100.
