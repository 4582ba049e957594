"""The network's head: pooling, linear layer, and what comes after."""

from dataclasses import replace

from autograder.oracle.mistakes.changes import of_network
from autograder.oracle.mistakes.entry import PART_4, RESNET, Mistake

HEAD = (
    Mistake(
        "features_detached",
        RESNET,
        of_network(detached="features"),
        "No gradient flows past your linear layer (detach, .data or no_grad): all blocks stay as they are.",
        PART_4,
    ),
    Mistake(
        "max_pool_head",
        RESNET,
        of_network(pool="max"),
        "Your head takes the maximum over all positions; it should take the average.",
        PART_4,
    ),
    Mistake(
        "sum_pool_head",
        RESNET,
        of_network(pool="sum"),
        "Your head adds up all positions; it should average them.",
        PART_4,
    ),
    Mistake(
        "first_position_head",
        RESNET,
        of_network(pool="first"),
        "Your head looks at the top left position alone; it should average over all positions.",
        PART_4,
    ),
    Mistake(
        "features_normalized",
        RESNET,
        of_network(normalized=True),
        "Your head normalises the features to length one before the linear layer; it should pass them on as they are.",
        PART_4,
    ),
    Mistake(
        "head_without_bias",
        RESNET,
        of_network(head_bias=False),
        "Your linear layer has no bias: nothing behind it would make up for that.",
        PART_4,
    ),
    Mistake(
        "num_classes_hard_coded",
        RESNET,
        lambda n: None if n.num_classes == 10 else replace(n, num_classes=10),
        "Your linear layer always has ten outputs: num_classes is ignored.",
        PART_4,
    ),
    Mistake(
        "softmax_output",
        RESNET,
        of_network(head="softmax"),
        "Your network ends in a softmax. It should return logits: nn.CrossEntropyLoss applies the softmax itself.",
        PART_4,
    ),
    Mistake(
        "softmax_over_batch",
        RESNET,
        of_network(head="softmax_batch"),
        "Your network ends in a softmax, and over the images of the batch at that. It should return logits.",
        PART_4,
    ),
    Mistake(
        "log_softmax_output",
        RESNET,
        of_network(head="log_softmax"),
        "Your network ends in a log-softmax. It should return logits: nn.CrossEntropyLoss applies it itself.",
        PART_4,
    ),
    Mistake(
        "relu_output",
        RESNET,
        of_network(head="relu"),
        "A ReLU follows your linear layer: logits may be negative.",
        PART_4,
    ),
    Mistake(
        "sigmoid_output",
        RESNET,
        of_network(head="sigmoid"),
        "A sigmoid follows your linear layer; the network should return logits.",
        PART_4,
    ),
    Mistake(
        "tanh_output",
        RESNET,
        of_network(head="tanh"),
        "A tanh follows your linear layer; the network should return logits.",
        PART_4,
    ),
    Mistake(
        "head_without_expansion",
        RESNET,
        lambda n: None if n.stages[-1][-1].expansion == 1 else replace(n, head_features=512),
        "Your linear layer takes 512 features, but 512 * block.expansion channels come out of the last stage.",
        PART_4,
    ),
    Mistake(
        "missing_average_pool",
        RESNET,
        lambda n: replace(n, pool="none", head_features=16 * 512 * n.stages[-1][-1].expansion),
        "Your head flattens the 4x4 map without averaging over it, so the linear layer is sixteen times too large.",
        PART_4,
    ),
)
