"""Steps of forward that are left out although their layers are built, or that get another value."""

from autograder.oracle.edits.kind import BLOCKS, EVERYWHERE, Found, Hints, kind, phrase, places, task_of
from autograder.oracle.program import UNUSED, Program, layer_of, op


@kind(EVERYWHERE)
def not_called(program: Program, _: Hints) -> Found:
    """A convolution is not called, nor what follows it: its BatchNorm and ReLU; or the stem, or the linear layer."""
    if program.kind in BLOCKS:
        for name in places(program, "conv", False):
            number = name.removeprefix("conv")
            skip = lambda p, n=number: _skip(p, f"conv{n}", f"bn{n}", f"relu{n}")  # noqa: E731
            yield "layers_not_called", skip, {"what": f"{phrase(name)} and its BatchNorm"}, name
    else:
        yield "layers_not_called", lambda p: _skip(p, "conv", "bn", "stem"), {"what": "your stem"}
        yield "layers_not_called", lambda p: _skip(p, "linear"), {"what": "your linear layer"}


@kind()
def wrong_input(program: Program, _: Hints) -> Found:
    """A convolution gets x, or what an earlier step returned: what lies between is computed, and lost."""
    before = {o.name: o.inputs[0] for o in program.ops if o.kind in ("conv", "norm", "act")}
    for name in places(program, "conv", False):
        right = value = before[name]
        while value != "x":
            value = before[value]
            if value == "x" or program.by_name[value].kind == "act":
                change = lambda p, n=name, r=right, v=value: p.rewire(r, v, only=(n,))  # noqa: E731
                yield "convolution_input", change, {"what": phrase(name).capitalize(), "value": _said(value)}, name


def _said(value: str) -> str:
    return "x" if value == "x" else f"what {phrase(value)} returns"


@kind(EVERYWHERE)
def unused_layer(program: Program, hints: Hints) -> Found:
    """Layers are built and never called, besides all those that belong there."""
    built = dict(hints.unused)
    layers = dict.fromkeys(layer_of(name) for held in built.values() for name, *_ in held)
    if not layers:
        return

    def hold(p: Program) -> Program:
        tensors = built.get(task_of(p))
        return p if tensors == () else p.hold(op(UNUSED, "held", "x", layers=tuple(layers), tensors=tensors or ()))

    *several, last = (f"self.{layer}" for layer in layers)
    what = f"{', '.join(several)} and {last}" if several else last
    yield "unused_layer", hold, {"what": what, "them": "them" if several else "it"}


def _skip(p: Program, *names: str) -> Program:
    """What a step gets goes on as it is. An activation has no layer that could be seen: it goes."""
    for name in names:
        if name in p.by_name:
            p = p.without(name) if p.by_name[name].kind == "act" else p.change(name, called=False)
    return p
