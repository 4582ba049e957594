"""Draw the diagrams: `python -m figures` writes the SVG files of this folder."""

from collections.abc import Callable

from figures import FOLDER
from figures.blocks import basic_block, bottleneck
from figures.canvas import Canvas
from figures.network import network
from figures.shortcuts import shortcuts

FIGURES: dict[str, Callable[[], Canvas]] = {
    "basic_block": basic_block,
    "bottleneck": bottleneck,
    "network": network,
    "shortcuts": shortcuts,
}
"""Each diagram by the name of its file."""


def main() -> None:
    """Write every diagram."""
    for name, draw in FIGURES.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")
    print(f"wrote {len(FIGURES)} diagrams to {FOLDER}")


if __name__ == "__main__":
    main()
