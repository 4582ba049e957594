"""The style of the notebook's plots, and how they are shown.

Every figure has a light background and dark text, so it is readable in a light and in a dark theme. The same thing has
the same style in every figure. Styles differ by marker as well as by colour (from Okabe and Ito's palette for
colour-blind readers, darkened where its contrast is low). Every figure has a caption that says what it shows; it is
shown below the figure and is the alternative text of the image.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.messages import in_notebook, say

STYLES = {
    "residual": {"color": "#0072B2", "linestyle": "-", "marker": "o", "hatch": ""},
    "plain": {"color": "#D55E00", "linestyle": "--", "marker": "s", "hatch": "//"},
    "bottleneck": {"color": "#00785A", "linestyle": ":", "marker": "^", "hatch": ".."},
    "plain, no BatchNorm": {"color": "#9A4D80", "linestyle": "-.", "marker": "D", "hatch": "xx"},
    "training": {"color": "#444444", "linestyle": (0, (5, 1)), "marker": "v", "hatch": "--"},
    "test": {"color": "#7A6500", "linestyle": (0, (1, 1)), "marker": "P", "hatch": "++"},
}
"""Style by what is drawn. A basic block is a residual block, and has its style."""

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
_DOTS = 2
"""Pixels of an image for each pixel of the page, for sharp text on screens with a high resolution."""

styled = matplotlib.style.context(["default", _STYLE])
"""Decorator for functions that draw: the notebook may have changed matplotlib's settings."""


@styled
def new_figure(rows: int = 1, columns: int = 1, size: tuple[float, float] = (8, 3)) -> tuple[Figure, list]:
    """Return a figure and the list of its axes, row by row; `size` is (width, height) in inches."""
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    return figure, list(axes.flat)


def line_style(name: str, points: int = 1) -> dict[str, object]:
    """Arguments of `plot` for `name` of `STYLES`, with a marker on about ten of the line's points."""
    style = {key: STYLES[name][key] for key in ("color", "linestyle", "marker")}
    return style | {"markevery": max(1, points // 10)}


def draw_guess(axis: Axes, x: float, guess: float | None, name: str) -> None:
    """Draw the reader's guess as a star in the style of `name`; nothing when there is none."""
    if guess is not None:
        color = STYLES[name]["color"]
        axis.plot(x, guess, "*", markersize=15, color="none", markeredgecolor=color, label=f"your guess, {name}")


def numbers(guesses: Mapping[str, Any] | None) -> dict[str, float]:
    """The guesses that can be drawn: positive numbers."""
    given = guesses if isinstance(guesses, Mapping) else {}
    return {name: float(x) for name, x in given.items() if isinstance(x, (int, float)) and x > 0}


@styled
def show(figure: Figure, caption: str) -> None:
    """Show a figure and its caption, and close it."""
    if in_notebook():
        from IPython.display import display

        display(_picture(figure, caption), raw=True)
    else:
        if matplotlib.get_backend().lower() != "agg":  # "agg" draws to files only
            plt.show()
        say(caption)
    plt.close(figure)


class LiveFigure:
    """A figure in a notebook's cell that is replaced in place; outside a notebook nothing is shown."""

    def __init__(self) -> None:
        self._handle = None

    def update(self, figure: Figure, caption: str) -> None:
        """Replace the figure that was shown before, and close the new one."""
        if in_notebook():
            from IPython.display import display

            if self._handle is None:
                self._handle = display(_picture(figure, caption), raw=True, display_id=True)
            else:
                self._handle.update(_picture(figure, caption), raw=True)
        plt.close(figure)


@styled
def _picture(figure: Figure, caption: str) -> dict[str, Any]:
    """A figure as HTML. Jupyter Lab drops the alternative text of an image that is shown as `image/png`."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100 * _DOTS)
    width = round(100 * figure.get_figwidth())
    source = f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
    html = (
        f'<figure style="margin:0"><img width="{width}" style="max-width:100%" alt="{escape(caption)}" src="{source}">'
        f'<figcaption style="max-width:{width}px" aria-hidden="true">{escape(caption)}</figcaption></figure>'
    )
    return {"text/html": html, "text/plain": caption}


@styled
def draw_curves(history: Sequence[tuple[float, float, float, float]]) -> Figure:
    """Loss and accuracy by epoch; an epoch is (training loss, training accuracy, test loss, test accuracy)."""
    figure, axes = new_figure(columns=2)
    epochs = range(1, len(history) + 1)
    for axis, quantity, columns in zip(axes, ("loss", "accuracy"), ((0, 2), (1, 3)), strict=True):
        for name, column in zip(("training", "test"), columns, strict=True):
            axis.plot(epochs, [row[column] for row in history], label=name, **line_style(name, len(history)))
        axis.set(xlabel="epoch", ylabel=quantity)
        axis.set_xticks(epochs[:: max(1, len(epochs) // 8)])
        axis.legend()
    return figure
