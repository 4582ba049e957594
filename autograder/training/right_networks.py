"""The right networks that calibrate a machine: the baseline network in four styles, in the form of submissions."""

from pathlib import Path

from autograder.submission import Cell, Slice, Submission, slice_submission
from autograder.training.inside import baseline_network

PLAIN = """
def ResNet18():
    return resnet18()
"""
HE_NORMAL = """
def ResNet18():
    net = resnet18()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net
"""
FROM_ZERO = """
def ResNet18():
    net = resnet18()
    for module in net.modules():
        if isinstance(module, BasicBlock):
            nn.init.zeros_(module.body[-1].weight)
    return net
"""
SHORTCUT_FIRST = """
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        layers = list(resnet18())
        self.head, self.pool = layers[-1], layers[-3]
        self.blocks = nn.ModuleList(reversed(layers[3:-3]))
        self.norm, self.conv = layers[1], layers[0]
        for module in self.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()

    def forward(self, x):
        x = self.norm(self.conv(x)).relu()
        for block in reversed(self.blocks):
            x = block.shortcut(x).add(block.body(x)).relu()
        return self.head(self.pool(x).squeeze(-1).squeeze(-1))


def ResNet18():
    return ResNet()
"""
STYLES = {
    "plain": PLAIN,
    "He's normal distribution": HE_NORMAL,
    "BatchNorm weights from zero": FROM_ZERO,
    "other order of layers": SHORTCUT_FIRST,
}
"""What stands below the baseline network's code, for each style."""


def network_slice(source: str = PLAIN) -> Slice:
    """The baseline network's file with `source` at its end, in the form of a submission."""
    file = Path(baseline_network.__file__)
    text = f"{file.read_text(encoding='utf-8')}\n{source}"
    return slice_submission(Submission(file.name, (Cell(file.name, text),)), ["ResNet18"])
