"""What to do about exceptions whose text does not say what is wrong in the student's code."""

import re

NO_GPU = (
    'There is no GPU here: write `device = "cuda" if torch.cuda.is_available() else "cpu"`, and move the network'
    " to it outside of the class."
)
_LAYER = (
    r"(?:\w*ReLU6?|GELU|ELU|SiLU|Sigmoid|Softmax|Sequential|ModuleList|Identity|Flatten|Conv2d|BatchNorm2d|Linear|"
    r"Dropout2?d?|\w+Pool2d)"
)
_OF_TENSORS = r"(?:dim|size|shape|view|reshape|flatten|mean|relu|detach|clone|to_dense|ndim|dtype)"
_NOT_CALLED = (
    "a layer stands where a tensor is expected: build the layer in the constructor, and call it in forward, as in "
    "self.shortcut(x). nn.ReLU(x) only builds a layer; F.relu(x) computes"
)
_NOT_BUILT = (
    "a class such as nn.ReLU, or a function, stands where a layer is expected: parentheses build a layer, as in "
    "nn.ReLU()"
)
_IS_NONE = "None stands where a tensor is expected: is a name assigned nowhere, or does a function lack its `return`?"
ADVICE: list[tuple[str, str]] = [
    (r"NVIDIA driver|not compiled with CUDA|No CUDA GPUs|support for mps|MPS backend|XPU|\bxpu\b", NO_GPU),
    (
        r"(?:^|\W)(?:list|tuple) is not a Module subclass|genexpr> is not a Module subclass",
        "several layers in one value stand where a single layer is expected; to make one layer of a list, put a star "
        "before it: nn.Sequential(*layers)",
    ),
    (
        r"\b(?:Probe\d+|BasicBlock|Bottleneck) is not a Module subclass",
        "the class of the blocks stands where a block is expected: call it, as in block(in_planes, planes, stride)",
    ),
    (
        r"Tensor is not a Module subclass",
        "a class that holds layers is called with a tensor: the constructor builds the layer, with parentheses, as in "
        "nn.Sequential(); forward then calls it",
    ),
    (r"\btorch\.nn\.modules\.[\w.]+ is not a Module subclass|\bfunctional\.\w+ is not a Module subclass", _NOT_BUILT),
    (rf"got \({_LAYER}, |must be Tensor, not {_LAYER}\b|\ba {_LAYER}, not a tensor", _NOT_CALLED),
    (rf"unsupported operand type\(s\) for [^:]+: .*'{_LAYER}'", _NOT_CALLED),
    (rf"'{_LAYER}' object has no attribute '{_OF_TENSORS}'", _NOT_CALLED),
    (r"got \(NoneType, |must be Tensor, not NoneType|'NoneType' object has no attribute '" + _OF_TENSORS, _IS_NONE),
    (r"unsupported operand type\(s\) for [^:]+: (?:'Tensor' and 'NoneType'|'NoneType' and 'Tensor')", _IS_NONE),
    (
        r"(?s)conv2d\(\) received .*tuple of \(bool",
        "a truth value stands where nn.Conv2d expects numbers: its arguments are in_channels, out_channels, "
        "kernel_size, stride, padding, dilation, groups, bias, in this order; write bias=False by its name",
    ),
    (
        r"empty\(\): argument 'size' .*must be tuple of ints, not Tensor",
        "a tensor stands where a number of channels is expected: build the layer in the constructor, as in "
        "self.bn1 = nn.BatchNorm2d(planes), and call it in forward, as in self.bn1(x)",
    ),
    (
        r"empty\(\): argument 'size' .*float",
        "a number of channels, or a size, is no whole number: divide with //",
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied",
        "a linear layer gets another number of features than it was built for: is each stage called, and its result "
        "assigned? Are the features averaged over all positions, and then flattened to (N, channels)?",
    ),
    (
        r"'tuple' object is not callable",
        "a tuple is called, and a tuple is no layer: a comma at the end of the line that assigns it, as in "
        "`self.conv1 = nn.Conv2d(...),`, makes a tuple of a layer",
    ),
    (
        r"'list' object is not callable",
        "a list is called, and a list is no layer: make one layer of it with nn.Sequential(*layers)",
    ),
    (
        r"cannot assign '(?:list|tuple)' as child module",
        "a list takes the place of a layer, and a list is no layer: make one layer of it with nn.Sequential(*layers)",
    ),
    (
        r"cannot assign '[\w.]*Tensor' as child module",
        "a tensor takes the place of a layer: what a layer returns needs a name of its own, without `self.`",
    ),
    (
        r"object has no attribute '(?:shortcut|skip|downsample|identity|projection|proj)(?:_\w+)?'",
        "forward uses it in every block: is it assigned where no projection is needed, too? An empty nn.Sequential() "
        "returns its input. Is the name spelled alike in both places?",
    ),
    (
        r"expected (?:2D or 3D|5D) input \(got 4D input\)",
        "this BatchNorm is not for images: nn.BatchNorm2d takes (N, C, H, W)",
    ),
    (
        r"descriptor '__init__' of 'super' object needs an argument",
        "parentheses are missing after super: write super().__init__()",
    ),
    (
        r"'Tensor' object is not callable",
        "a tensor is called: is a layer's name overwritten by what the layer returned, or is an operator missing "
        "before a parenthesis?",
    ),
    (
        r"\b(?:BasicBlock|Bottleneck|ResNet)\.__init__\(\) (?:takes 1 positional|got an unexpected keyword)",
        "Python runs a constructor only if it is called __init__, with two underscores on each side: not _init_, and "
        "not __int__. Its parameters are those in the text of the question",
    ),
    (
        r"\bforward\(\) takes (?:0 positional arguments but 1 was|0 positional arguments but 2 were|1 positional "
        r"argument but 2 were) given",
        "a method gets the object itself first and then the input: write `def forward(self, x):`",
    ),
    (
        r"can't retain_grad on Tensor that has requires_grad=False",
        "a forward pass can be run without gradients, under torch.no_grad(), in training mode as well: write "
        "`if out.requires_grad: out.retain_grad()`",
    ),
    (
        r"No such file or directory: '",
        "only your code is there while it is graded: write the values that it reads from a file into the code",
    ),
    (
        r"super\(type, obj\): obj must be",
        "super(...) names a class that the object does not belong to: write super().__init__(), without arguments in "
        "the first parentheses",
    ),
]
"""Patterns in the text of an exception or of a failure, and what is true of all code that leads to it. The first one
that is found counts."""
_COMPILED = [(re.compile(pattern), hint) for pattern, hint in ADVICE]


def hint_for(message: str) -> str:
    """What to do about an exception with this message; "" where there is nothing to add."""
    return next((hint for pattern, hint in _COMPILED if pattern.search(message)), "")
