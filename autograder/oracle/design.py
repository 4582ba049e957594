"""Blocks and networks as data, so that a mistake is a small change of the data.

`reference` computes the output of a design; `inventory` lists its tensors.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Layer:
    """A convolution followed by BatchNorm and ReLU, each of them optional.

    `order` is "conv-bn-relu"; "conv-relu-bn" and "bn-relu-conv" are wrong here, but used elsewhere.
    """

    in_planes: int
    out_planes: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = False
    batchnorm: bool = True
    relu: bool = True
    order: str = "conv-bn-relu"
    pool: str = ""
    """"avg" or "max": 2x2 pooling before the convolution, instead of a stride."""
    padding_mode: str = "constant"
    """As in `torch.nn.functional.pad`; "constant" pads with zeros."""
    dilation: int = 1
    groups: int = 1
    learns: bool = True
    """The convolution's weight gets a gradient."""
    eps: float = 1e-5
    momentum: float = 0.1
    frozen: bool = False
    """BatchNorm uses its running statistics in train mode too."""
    always: bool = False
    """BatchNorm uses the statistics of the batch in eval mode too."""
    unused_batchnorm: bool = False
    """BatchNorm is built, but forward does not call it."""
    tracked: bool = True
    """BatchNorm keeps running statistics."""
    batchnorm_planes: int = 0
    """Channels that BatchNorm is built for; 0 means those that it receives."""
    affine: bool = True
    activation: str = "relu"
    detached: bool = False
    """No gradient flows through this layer."""
    shares: str = ""
    """Name of the layer whose BatchNorm this one uses instead of its own."""


@dataclass(frozen=True)
class Block:
    """A residual block: `layers`, one after the other, are F; `shortcut` is None for the identity."""

    layers: tuple[Layer, ...]
    shortcut: Layer | None
    combine: str = "add"
    """How F and the shortcut are combined: a key of `reference.COMBINE`."""
    last_relu: bool = True
    last_activation: str = "relu"
    registered: bool = True
    """Whether the layers of F are registered submodules; in a Python list they are not."""
    shortcut_input: str = "x"
    """Input of the shortcut: "x", "relu" (relu(x)), "first" or "last" (the output of that layer of F)."""
    detached: str = ""
    """"F", "shortcut" or "both": the branches through which no gradient flows."""
    padded_shortcut: int | None = None
    """Channels of zeros that the identity adds (option A of the paper), after striding; None: it is x itself."""
    after: str = ""
    """"batchnorm": there is one after the addition."""
    scale: float = 1.0
    """Factor of F before the addition."""

    def named_layers(self) -> Iterator[tuple[str, Layer]]:
        """Each layer with the name that roles and messages use."""
        for number, layer in enumerate(self.layers, start=1):
            yield f"conv{number}", layer
        if self.shortcut is not None:
            yield "shortcut", self.shortcut


@dataclass(frozen=True)
class Probe:
    """The block with which `ResNet` is tested: relu(conv1x1(x)) with a stride, no bias."""

    in_planes: int
    planes: int
    stride: int
    expansion: int


@dataclass(frozen=True)
class Network:
    """Stem, stages of probes, pooling, linear head."""

    stem: Layer
    stages: tuple[tuple[Probe, ...], ...]
    num_classes: int
    pool: str = "avg"
    """"avg", "max", "sum" over all positions, "first" (the first position), or "none" (all of them, flattened)."""
    stem_pool: str = ""
    """"max3" (3x3 with stride 2) or "max2" (2x2): max-pooling after the stem."""
    head_bias: bool = True
    head_features: int = 0
    """Input features of the linear layer; 0 means the channels of the last stage."""
    head: str = "logits"
    """"logits", or what is applied to them: a key of `reference.HEADS`."""
    skipped_stages: tuple[int, ...] = ()
    """Stages that are built but not used in forward."""
    normalized: bool = False
    """The pooled features are normalised to length one."""
    shared: bool = False
    """Equal blocks of a stage are one and the same object."""
    detached: str = ""
    """"stem" or "features": no gradient flows back beyond its output."""
    registered: bool = True
    """Whether the blocks are registered submodules; in a Python list they are not."""


Design = Block | Network


@dataclass(frozen=True)
class Role:
    """One tensor of a design: "conv1.weight", "shortcut.running_var", "linear.bias", "stage2.1.weight"."""

    name: str
    kind: str
    """"weight" (two dimensions or more), "gamma", "beta", "mean", "var", or "bias"."""
    shape: tuple[int, ...]


def basic_block(in_planes: int, planes: int, stride: int) -> Block:
    """The block of ResNet-18 and -34 (He et al. 2015, figure 5 left; projection shortcut, option B)."""
    layers = (Layer(in_planes, planes, 3, stride, 1), Layer(planes, planes, 3, 1, 1, relu=False))
    return Block(layers, projection(in_planes, planes, stride))


def bottleneck(in_planes: int, planes: int, stride: int) -> Block:
    """The block of ResNet-50 and deeper (figure 5 right), with the stride on the 3x3 convolution."""
    layers = (
        Layer(in_planes, planes, 1),
        Layer(planes, planes, 3, stride, 1),
        Layer(planes, 4 * planes, 1, relu=False),
    )
    return Block(layers, projection(in_planes, 4 * planes, stride))


def projection(in_planes: int, out_planes: int, stride: int) -> Layer | None:
    """The shortcut: None (the identity) unless the shape changes."""
    if stride == 1 and in_planes == out_planes:
        return None
    return Layer(in_planes, out_planes, 1, stride, relu=False)


def network(expansion: int, num_blocks: tuple[int, ...], num_classes: int) -> Network:
    """The CIFAR form: 3x3 stem without pooling, four stages, stride 2 at the start of stages 2 to 4."""
    stages, in_planes = [], 64
    for planes, count, stride in zip((64, 128, 256, 512), num_blocks, (1, 2, 2, 2), strict=True):
        stage = []
        for i in range(count):
            stage.append(Probe(in_planes, planes, stride if i == 0 else 1, expansion))
            in_planes = planes * expansion
        stages.append(tuple(stage))
    return Network(Layer(3, 64, 3, 1, 1), tuple(stages), num_classes)


def inventory(design: Design) -> list[Role]:
    """Every tensor that the design has, in the order in which it is usually defined."""
    return list(_block_roles(design) if isinstance(design, Block) else _network_roles(design))


def _layer_roles(name: str, layer: Layer) -> Iterator[Role]:
    kernel = (layer.kernel, layer.kernel)
    yield Role(f"{name}.weight", "weight", (layer.out_planes, layer.in_planes // layer.groups, *kernel))
    if layer.bias:
        yield Role(f"{name}.bias", "bias", (layer.out_planes,))
    if layer.batchnorm and not layer.shares:
        width = layer.in_planes if layer.order == "bn-relu-conv" else layer.out_planes
        size = (layer.batchnorm_planes or width,)
        kinds = (("gamma", "beta") if layer.affine else ()) + (("mean", "var") if layer.tracked else ())
        yield from (Role(f"{name}.{kind}", kind, size) for kind in kinds)


def _block_roles(block: Block) -> Iterator[Role]:
    for name, layer in block.named_layers():
        if block.registered or name == "shortcut":
            yield from _layer_roles(name, layer)
    if block.after == "batchnorm":
        size = (block.layers[-1].out_planes,)
        yield from (Role(f"after.{kind}", kind, size) for kind in ("gamma", "beta", "mean", "var"))


def _network_roles(net: Network) -> Iterator[Role]:
    yield from _layer_roles("stem", net.stem)
    probe = None
    for number, stage in enumerate(net.stages, start=1):
        for index, probe in enumerate(stage):
            if not (net.shared and index > 0 and probe == stage[index - 1]):
                shape = (probe.expansion * probe.planes, probe.in_planes, 1, 1)
                if net.registered:
                    yield Role(f"stage{number}.{index}.weight", "weight", shape)
    features = net.head_features or probe.expansion * probe.planes
    yield Role("linear.weight", "weight", (net.num_classes, features))
    if net.head_bias:
        yield Role("linear.bias", "bias", (net.num_classes,))


def change_layer(block: Block, number: int, **changes) -> Block:
    """The block with its layer of that number (0 is the first, -1 the last) changed."""
    layers = list(block.layers)
    layers[number] = replace(layers[number], **changes)
    return replace(block, layers=tuple(layers))


def change_layers(block: Block, **changes) -> Block:
    """The block with every layer of F changed."""
    return replace(block, layers=tuple(replace(layer, **changes) for layer in block.layers))


def change_all(block: Block, **changes) -> Block:
    """The block with every layer changed, the shortcut's included."""
    block = change_layers(block, **changes)
    return block if block.shortcut is None else replace(block, shortcut=replace(block.shortcut, **changes))
