"""The style of the notebook's plots, and how they are shown.

Every figure has a light background and dark text, so it is readable in a light and in a dark theme. Series differ by
line style and marker as well as by colour (from Okabe and Ito's palette for colour-blind readers). Every figure has a
caption that says what it shows; it is printed below the figure and is the alternative text of the image.
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
"""Style of the first, second and third series of a figure."""

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
"""Decorator for functions that draw: the notebook may have changed matplotlib's settings."""


@styled
def new_figure(rows: int = 1, columns: int = 1, size: tuple[float, float] = (8, 3)) -> tuple[Figure, list]:
    """Return a figure and the list of its axes, row by row; `size` is (width, height) in inches."""
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    return figure, list(axes.flat)


def line_style(number: int, points: int = 1) -> dict[str, object]:
    """Arguments of `plot` for series `number`: colour, line style, and a marker on about ten of its points."""
    style = SERIES[number % len(SERIES)]
    return {name: style[name] for name in ("color", "linestyle", "marker")} | {"markevery": max(1, points // 10)}


@styled
def show(figure: Figure, caption: str) -> None:
    """Show a figure and its caption, and close it."""
    if in_notebook():
        from IPython.display import display

        display(_picture(figure, caption))
    elif matplotlib.get_backend().lower() != "agg":  # "agg" draws to files only
        plt.show()
    plt.close(figure)
    print(caption)


class LiveFigure:
    """A figure in a notebook's cell that is replaced in place; outside a notebook nothing is shown."""

    def __init__(self) -> None:
        self._handle = None

    def update(self, figure: Figure, caption: str) -> None:
        """Replace the figure that was shown before, and close the new one."""
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
    """Loss and accuracy by epoch; an epoch is (training loss, training accuracy, test loss, test accuracy)."""
    figure, axes = new_figure(columns=2)
    epochs = range(1, len(history) + 1)
    for axis, name, columns in zip(axes, ("loss", "accuracy"), ((0, 2), (1, 3)), strict=True):
        for number, (label, column) in enumerate(zip(("training", "test"), columns, strict=True)):
            axis.plot(epochs, [row[column] for row in history], label=label, **line_style(number))
        axis.set(xlabel="epoch", ylabel=name)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return figure
