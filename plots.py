"""How the figures of the notebook look and how they are shown.

Every figure is a light card with dark text, so it reads the same on a light and on a dark page. Series differ by line
style and marker as well as by colour (Okabe and Ito's palette, which colour-blind readers can tell apart), and every
figure comes with a sentence that says what it shows: below it, and as the alternative text of the picture.
"""

import io
import sys
from collections.abc import Sequence

import matplotlib
import matplotlib.pyplot as plt
import matplotlib.style
from matplotlib.figure import Figure

SERIES = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o", "hatch": ""},
    {"color": "#D55E00", "linestyle": "--", "marker": "s", "hatch": "//"},
    {"color": "#00785A", "linestyle": ":", "marker": "^", "hatch": ".."},
)
"""Looks of the first, second and third series of a figure."""

PAPER, INK = "#FAFAFA", "#222222"
_STYLE = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "savefig.transparent": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "axes.grid": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10,
    "hatch.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
}

styled = matplotlib.style.context(["default", _STYLE])
"""Decorates functions that draw: matplotlib asks for its settings late, and the notebook may have others."""


@styled
def new_figure(rows: int = 1, columns: int = 1, size: tuple[float, float] = (8, 3)) -> tuple[Figure, list]:
    """A figure of the course's style and its axes, row by row; `size` is (width, height) in inches."""
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    return figure, list(axes.flat)


def line_look(number: int, points: int = 1) -> dict[str, object]:
    """Arguments of `plot` for the series with this number: colour, line style, and a marker on about ten points."""
    look = SERIES[number % len(SERIES)]
    return {name: look[name] for name in ("color", "linestyle", "marker")} | {"markevery": max(1, points // 10)}


@styled
def show(figure: Figure, caption: str) -> None:
    """Show a figure with the sentence that says what it shows, and close it."""
    if in_notebook():
        from IPython.display import display

        display(_picture(figure, caption))
    elif matplotlib.get_backend().lower() != "agg":  # which has no screen to show it on
        plt.show()
    plt.close(figure)
    print(caption)


class LiveFigure:
    """One figure of a notebook's cell that is drawn anew in place; nothing outside a notebook."""

    def __init__(self) -> None:
        self._handle = None

    def update(self, figure: Figure, caption: str) -> None:
        """Replace what was shown before, and close the figure."""
        if in_notebook():
            from IPython.display import display

            if self._handle is None:
                self._handle = display(_picture(figure, caption), display_id=True)
            else:
                self._handle.update(_picture(figure, caption))
        plt.close(figure)


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


@styled
def _picture(figure: Figure, caption: str):
    from IPython.display import Image

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    return Image(data=png.getvalue(), format="png", alt=caption)


@styled
def draw_curves(history: Sequence[tuple[float, float, float, float]]) -> Figure:
    """Training and test loss, and accuracy, of each epoch: (training loss, its accuracy, test loss, its accuracy)."""
    figure, axes = new_figure(columns=2)
    epochs = range(1, len(history) + 1)
    for axis, name, columns in zip(axes, ("loss", "accuracy"), ((0, 2), (1, 3)), strict=True):
        for number, (label, column) in enumerate(zip(("training", "test"), columns, strict=True)):
            axis.plot(epochs, [row[column] for row in history], label=label, **line_look(number))
        axis.set(xlabel="epoch", ylabel=name)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return figure
