"""The notebook's diagrams: `figures.show("basic_block")`. The SVG files lie here; `python -m figures` draws them.

A diagram is shown as an `<img>` that carries its SVG, in the output of a code cell. That is the one way that works in
Jupyter, VS Code and Colab alike, without network: Jupyter shows no SVG that is attached to a Markdown cell, Colab
shows no attachment and no SVG in a Markdown cell at all.
"""

import base64
import re
from html import escape, unescape
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def show(name: str) -> None:
    """Show the diagram `name` below the cell.

    Raises:
        FileNotFoundError: there is no such diagram.
    """
    from IPython.display import HTML, display

    display(HTML(html(name)))


def html(name: str) -> str:
    """The diagram as an `<img>` with its alternative text, which is the `<desc>` of the SVG."""
    svg = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    alt = escape(description(svg))
    width = re.search(r'width="(\d+)"', svg)[1]
    data = base64.b64encode(svg.encode()).decode()
    return f'<img style="max-width:100%" width="{width}" alt="{alt}" src="data:image/svg+xml;base64,{data}">'


def description(svg: str) -> str:
    """What the diagram shows, in words."""
    return unescape(re.search(r"<desc>(.*?)</desc>", svg, re.DOTALL)[1])
