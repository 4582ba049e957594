"""BatchNorm: left out, shared, misplaced, with other options, or another normalization in its place."""

from autograder.oracle.edits.kind import (
    BATCHNORM,
    EVERYWHERE,
    PAPER_SHORTCUT,
    Change,
    Found,
    Hints,
    kind,
    on,
    options,
    phrase,
    places,
    prefix,
    scopes,
    where,
)
from autograder.oracle.program import Program, norm


def _missing_name(program: Program, names: tuple[str, ...]) -> str:
    if len(names) == 1:
        if names == ("shortcut",):
            return "shortcut_without_batchnorm"
        return f"missing_{where(program, names[0])}_batchnorm"
    if "shortcut" in names:
        return "no_batchnorm"
    return "no_batchnorm_in_residual" if len(names) == len(places(program, "norm", False)) else "missing_batchnorms"


@kind("There is no BatchNorm where {what} should be: one follows each convolution.", BATCHNORM, EVERYWHERE)
def missing_batchnorm(program: Program, _: Hints) -> Found:
    """A BatchNorm is not there."""
    for names, what in scopes(program, "norm"):
        yield _missing_name(program, names), on(names, Program.without, "norm"), {"what": what}


@kind("Forward does not call {what}, although it is built.", BATCHNORM, EVERYWHERE)
def batchnorm_not_called(program: Program, _: Hints) -> Found:
    """A BatchNorm is built and not called."""
    for names, what in scopes(program, "norm"):
        name = _missing_name(program, names) if len(names) == 1 else "batchnorm_not_called"
        yield name, options(names, "norm", called=False), {"what": what}, names[0]


@kind("{text}", PAPER_SHORTCUT)
def bias_for_batchnorm(program: Program, _: Hints) -> Found:
    """The famous pair: a projection that is a bare convolution with PyTorch's default bias."""
    text = "Your projection shortcut is a convolution with a bias; it should have no bias, and a BatchNorm instead."
    change = on(("shortcut",), lambda p, n: p.without(n).change("shortcut_conv", bias=True), "norm")
    yield "shortcut_bias_instead_of_batchnorm", change, {"text": text}


@kind("{what} also serves {where}: each convolution needs a BatchNorm of its own, for its own statistics.", BATCHNORM)
def shared_batchnorm(program: Program, _: Hints) -> Found:
    """One BatchNorm is called at several places; the other may still be built."""
    names = places(program, "norm")
    for one in names:
        for other in names:
            if one == other:
                continue
            words = {"what": phrase(one)[0].upper() + phrase(one)[1:], "where": f"the place of {phrase(other)}"}
            yield "shared_batchnorm", options((other,), "norm", shares=one), words, one
            change = on(
                (other,), lambda p, n, one=one: p.hold(p.by_name[n].but(name="unused")).change(n, shares=one), "norm"
            )
            yield "shared_batchnorm", change, words, one
    if len(names) > 2:
        for last in (-1, None):
            yield (
                "shared_batchnorm",
                options(names[1:last], "norm", shares=names[0]),
                {"what": "One BatchNorm", "where": "all places"},
            )


@kind("{text}", BATCHNORM)
def preactivation(program: Program, _: Hints) -> Found:
    """BatchNorm and ReLU in front of each convolution of F."""

    def change(p: Program) -> Program:
        p = p.without("relu")
        for number in range(len(places(p, "conv", False)), 0, -1):
            conv, bn, relu = (f"{what}{number}" for what in ("conv", "bn", "relu"))
            one = p.by_name[bn].but(planes=p.by_name[conv]["in_planes"])
            p = p.without(relu) if relu in p.by_name else p
            p = p.without(bn)
            source = p.by_name[conv].inputs[0]
            p = p.insert(source, one, only=(conv,)).insert(bn, program.by_name["relu1"].but(name=relu), only=(conv,))
        return p

    text = (
        "Your block puts BatchNorm and ReLU in front of each convolution: that is the pre-activation ResNet of a later "
    )
    yield "preactivation", change, {"text": f"{text}paper."}


@kind("{What} comes before its convolution; the order is convolution, BatchNorm, ReLU.", BATCHNORM, EVERYWHERE)
def batchnorm_before_convolution(program: Program, _: Hints) -> Found:
    """Convolution and BatchNorm change places."""
    for name in places(program, "norm"):
        conv = program.by_name[name].inputs[0]

        def swap(p: Program, name: str, conv: str = conv) -> Program:
            width, source = p.by_name[conv]["in_planes"], p.by_name[conv].inputs[0]
            one = p.by_name[name].but(planes=width, name=f"{name}" if name != "shortcut" else "shortcut_bn")
            p = p.without(name)
            return p.insert(source, one, only=(conv,))

        if name != "shortcut":
            yield (
                f"{prefix(program)}batchnorm_before_convolution",
                on((name,), swap),
                {"What": phrase(name).capitalize()},
            )


@kind("{text}", BATCHNORM)
def extra_batchnorm(program: Program, _: Hints) -> Found:
    """A BatchNorm where none belongs."""

    def insert(after: str, wide: bool, only: tuple[str, ...] = ()) -> Change:
        def change(p: Program) -> Program:
            width = p.by_name[p.by_name["sum"].inputs[0]]["planes"] if wide else p.arguments[0]
            return p.insert(after, norm("extra", "", width), only=only)

        return change

    last = f"bn{len(places(program, 'norm', False))}"

    def move(p: Program) -> Program:
        one = p.by_name[last]
        return p.without(last).insert("sum", one)

    text = (
        "Your block has a BatchNorm after the addition. The sum goes to the ReLU as it is; otherwise x does not pass "
    )
    yield "batchnorm_after_add", insert("sum", True), {"text": f"{text}unchanged."}
    yield "batchnorm_after_add", move, {"text": f"{text}unchanged."}
    yield (
        "batchnorm_after_last_relu",
        insert("relu", True),
        {"text": "A BatchNorm follows the last ReLU of your block; nothing should."},
    )
    text = (
        "A BatchNorm comes before your first convolution; one follows each convolution, and x itself is not normalised."
    )
    yield "batchnorm_on_input", insert("x", False), {"text": text}
    yield "batchnorm_on_input", insert("x", False, ("conv1",)), {"text": text}
    identity = on(("shortcut",), lambda p, n: p.insert(n, norm("extra", "", p.arguments[0])), "identity")
    yield (
        "batchnorm_on_identity",
        identity,
        {"text": "Your identity shortcut has a BatchNorm; x itself should pass there."},
    )
    for name in places(program, "act")[:-1]:
        change = on((name,), lambda p, n: p.insert(n, norm("extra", "", p.by_name[n.replace("relu", "bn")]["planes"])))
        yield (
            "extra_batchnorm",
            change,
            {"text": f"A second BatchNorm follows {phrase(name)}; one BatchNorm follows each convolution."},
        )
    for name in places(program, "norm"):
        text = f"{phrase(name).capitalize()} is applied twice."
        yield (
            "batchnorm_twice",
            on((name,), lambda p, n: p.insert(n, p.by_name[n].but(name="again", shares=n)), "norm"),
            {"text": text},
        )
        text = f"A second BatchNorm follows {phrase(name)}; one BatchNorm follows each convolution."
        yield (
            "extra_batchnorm",
            on((name,), lambda p, n: p.insert(n, p.by_name[n].but(name="extra")), "norm"),
            {"text": text},
        )


STATISTICS = {
    "batchnorm_frozen": (
        {"statistics": "running"},
        "use their running statistics in train mode too, and never update them",
    ),
    "batchnorm_always_training": (
        {"statistics": "batch"},
        "use the statistics of the batch in eval mode too: pass training=self.training",
    ),
    "batchnorm_without_statistics": (
        {"tracked": False},
        "keep no running statistics (track_running_stats=False), so in eval mode an image depends on its batch",
    ),
    "batchnorm_modes_swapped": (
        {"statistics": "inverted"},
        "use the statistics of the batch in eval mode and the running ones in train mode: it is the other way round",
    ),
    "batchnorm_not_affine": (
        {"affine": False},
        "have no weight and bias (affine=False): they cannot undo the normalisation",
    ),
    "batchnorm_parameters_frozen": (
        {"learns": False},
        "have weights and biases that do not learn (requires_grad=False)",
    ),
}
EPS = (1e-3, 1e-4, 1e-2, 1e-1, 1e-6, 1e-8, 0.0)
MOMENTUM = (0.9, 0.01, 0.99, 0.05, 0.2, 0.5, 0.001, 0.0, None, 1.0, 0.95, 0.3, 0.003)


@kind("{text}", BATCHNORM, EVERYWHERE)
def other_options(program: Program, _: Hints) -> Found:
    """Other options of BatchNorm."""
    for names, what in scopes(program, "norm"):
        subject = what[0].upper() + what[1:]
        before = prefix(program)
        for name, (changes, text) in STATISTICS.items():
            yield before + name, options(names, "norm", **changes), {"text": f"{subject}: they {text}."}, names[0]
        for value in MOMENTUM:
            text = f"{subject}: momentum is {value}; in PyTorch that is the share of the new batch, and 0.1, the default, is meant."
            name = f"{before}batchnorm_momentum{'_09' if value == 0.9 else ''}"
            yield name, options(names, "norm", momentum=value), {"text": text}, names[0]
        for value in EPS:
            text = f"{subject}: eps is {value}; the default, 0.00001, is meant."
            yield f"{before}batchnorm_eps", options(names, "norm", eps=value), {"text": text}, names[0]


NORMS = {
    "instance_norm": ("InstanceNorm", ({"norm": "instance", "affine": False, "tracked": False}, {"norm": "instance", "tracked": False},
        {"norm": "instance_tracked"}, {"norm": "instance_tracked", "affine": False})),
    "layer_norm": ("LayerNorm", ({"norm": "layer", "eps": 1e-5}, {"norm": "layer", "eps": 1e-6}, {"norm": "layer", "affine": False})),
    "group_norm": ("GroupNorm", tuple({"norm": "group", "groups": n} for n in (1, 2, 3, 4, 5, 6, 8, 16, 32, 0))),
    "local_response_norm": ("LocalResponseNorm", tuple({"norm": "response", "affine": False, "tracked": False, "groups": n} for n in (2, 5))),
}  # fmt: skip
"""Name, what a student calls it, its variants; groups=0 means one for each channel."""


@kind("There is {called} in the place of {what}: it should be BatchNorm.", BATCHNORM, EVERYWHERE)
def other_norm(program: Program, _: Hints) -> Found:
    """Another normalization."""
    for name, (called, variants) in NORMS.items():
        for names, what in scopes(program, "norm"):
            for variant in variants:
                change = lambda p, n, v=variant: p.change(
                    n, **{**v, "groups": v.get("groups", 1) or p.by_name[n]["planes"]}
                )  # noqa: E731
                yield prefix(program) + name, on(names, change, "norm"), {"called": called, "what": what}, names[0]
