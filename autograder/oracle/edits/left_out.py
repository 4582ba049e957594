"""Steps of forward that are left out, although their layers are built."""

from autograder.oracle.edits.kind import BLOCKS, EVERYWHERE, Found, Hints, kind, phrase, places
from autograder.oracle.program import Program


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


def _skip(p: Program, *names: str) -> Program:
    """What a step gets goes on as it is. An activation has no layer that could be seen: it goes."""
    for name in names:
        if name in p.by_name:
            p = p.without(name) if p.by_name[name].kind == "act" else p.change(name, called=False)
    return p
