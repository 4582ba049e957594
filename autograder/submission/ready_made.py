"""Which modules are ready-made networks, and what a statement imports."""

import ast
from collections.abc import Iterator

READY_MADE = ("torchvision.models", "timm", "torch.hub", "transformers", "pytorchcv", "pretrainedmodels")
"""Modules that provide networks or their blocks."""
REGISTERING = ("register_model", "register_notrace_function", "register_notrace_module", "handle_legacy_interface")
"""Decorators of torchvision and timm: they enter what is theirs or the student's in a list, or look at its options."""
HELPERS = ("conv1x1", "conv3x3", "load_state_dict_from_url", "download_url_to_file", "trunc_normal_", *REGISTERING)
"""Functions of those modules that make a convolution, fetch or draw weights, or decorate: none is a network."""
WEIGHTS = "_Weights"
"""The end of the names of torchvision's lists of weights, such as `ResNet18_Weights`."""


def imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield `(alias, full dotted name)` of every import in it, also inside functions."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            for item in inner.names:
                yield (item.asname, item.name) if item.asname else (item.name.split(".")[0],) * 2
        elif isinstance(inner, ast.ImportFrom) and not inner.level:
            for item in inner.names:
                yield item.asname or item.name, f"{inner.module}.{item.name}"


def is_ready_made(dotted: str) -> bool:
    """Whether a full dotted name is a network or a block of such a module, or the module."""
    below = any(dotted == module or dotted.startswith(f"{module}.") for module in READY_MADE)
    parts = dotted.split(".")
    return below and parts[-1] not in HELPERS and not any(part.endswith(WEIGHTS) for part in parts)
