"""Put markup, terminal escapes and broken characters into a message that people will read."""

from torch import nn

MESSAGE = "<script>alert(1)</script>\x1b[2J\x1b]0;passed\x07\u202e\ud800\x00" + "A" * 10_000_000


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        raise ValueError(MESSAGE)
