"""The notebook's diagrams: `diagrams.show("basic_block")`. `python -m lab.diagrams` draws the SVG files of this folder.

A diagram is the output of a code cell, an `<img>` that contains the SVG. Only this works in Jupyter, VS Code and Colab
without a network: Jupyter does not show an SVG that is attached to a Markdown cell, Colab shows no attachments.
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
    """The diagram as an `<img>`; its alternative text is the `<desc>` of the SVG."""
    svg = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    alt = escape(description(svg))
    width = re.search(r'width="(\d+)"', svg)[1]
    data = base64.b64encode(svg.encode()).decode()
    return f'<img style="max-width:100%" width="{width}" alt="{alt}" src="data:image/svg+xml;base64,{data}">'


def description(svg: str) -> str:
    """The `<desc>` of an SVG: what the diagram shows, as text."""
    return unescape(re.search(r"<desc>(.*?)</desc>", svg, re.DOTALL)[1])
