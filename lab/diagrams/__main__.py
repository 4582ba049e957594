"""Draw the diagrams: `python -m lab.diagrams` writes the SVG files of this folder."""

from collections.abc import Callable

from lab.diagrams import FOLDER
from lab.diagrams.blocks import basic_block, bottleneck
from lab.diagrams.canvas import Canvas
from lab.diagrams.network import network
from lab.diagrams.shortcuts import shortcuts

DIAGRAMS: dict[str, Callable[[], Canvas]] = {
    "basic_block": basic_block,
    "bottleneck": bottleneck,
    "network": network,
    "shortcuts": shortcuts,
}
"""Each diagram by the name of its file."""


def main() -> None:
    """Write every diagram."""
    for name, draw in DIAGRAMS.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")
    print(f"wrote {len(DIAGRAMS)} diagrams to {FOLDER}")


if __name__ == "__main__":
    main()
