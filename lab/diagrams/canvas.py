"""Draws SVG: boxes, arrows, cuboids, text. The same calls give the same bytes."""

from html import escape

INK, FAINT, PAPER = "#1f2933", "#6b7680", "#fbfbf9"
BLUE, ORANGE, GREEN, GREY = "#dcebf7", "#fbe3cf", "#d8efe6", "#e9ebee"
"""Fill colours. They differ in lightness too, and every box is labelled, so no meaning depends on colour."""
BLUE_LINE, ORANGE_LINE, GREEN_LINE = "#2a7ab9", "#c2570c", "#1b7f5f"

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"
MONO = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


class Canvas:
    """A drawing with a light background, so that it is readable in a light and in a dark theme.

    Args:
        width, height: in CSS pixels.
        title: name of the diagram.
        description: what it shows, for readers who cannot see it.
    """

    def __init__(self, width: int, height: int, title: str, description: str):
        self.width, self.height, self.title, self.description = width, height, title, description
        self._parts: list[str] = []

    def text(self, x: float, y: float, words: str, size: float = 13, anchor: str = "middle", **style: str) -> None:
        """Text with its baseline at y; a line break starts a new line."""
        attributes = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in style.items())
        for number, line in enumerate(words.split("\n")):
            self._parts.append(
                f'<text x="{x:g}" y="{y + number * size * 1.25:g}" font-size="{size:g}" text-anchor="{anchor}"'
                f"{attributes}>{escape(line)}</text>"
            )

    def code(self, x: float, y: float, words: str, size: float = 12, anchor: str = "middle") -> None:
        """Text in a monospace font."""
        self.text(x, y, words, size, anchor, font_family=MONO)

    def box(
        self, x: float, y: float, width: float, height: float, words: str, fill: str = GREY, line: str = INK
    ) -> None:
        """A rounded box with centred text; (x, y) is its upper left corner."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}" stroke="{line}"'
            ' stroke-width="1.5"/>'
        )
        lines = words.count("\n") + 1
        self.text(x + width / 2, y + height / 2 + 4.5 - (lines - 1) * 8, words)

    def plus(self, x: float, y: float, radius: float = 15) -> None:
        """The addition: a circle with a plus, centred on (x, y)."""
        r = radius * 0.5
        self._parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{ORANGE}" stroke="{ORANGE_LINE}" stroke-width="2"/>'
        )
        self._parts.append(
            f'<path d="M{x - r:g} {y:g}H{x + r:g}M{x:g} {y - r:g}V{y + r:g}" stroke="{INK}" stroke-width="2.5"/>'
        )

    def arrow(self, path: str, line: str = INK, width: float = 1.8, dashed: bool = False) -> None:
        """A line along an SVG path with an arrowhead at its end."""
        dash = ' stroke-dasharray="6 4"' if dashed else ""
        head = {INK: "ink", ORANGE_LINE: "orange"}[line]
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{line}" stroke-width="{width:g}"{dash} marker-end="url(#{head})"/>'
        )

    def line(self, path: str, line: str = FAINT, width: float = 1.2) -> None:
        """A line along an SVG path."""
        self._parts.append(f'<path d="{path}" fill="none" stroke="{line}" stroke-width="{width:g}"/>')

    def cuboid(self, x: float, y: float, side: float, depth: float, fill: str = BLUE, line: str = BLUE_LINE) -> None:
        """A feature map: a face of `side` pixels centred on y, `depth` of it going back; x is its left edge."""
        top, slant = y - side / 2, depth * 0.45
        style = f'fill="{fill}" stroke="{line}" stroke-width="1.5" stroke-linejoin="round"'
        self._parts.append(
            f'<path d="M{x:g} {top:g}l{depth:g} {-slant:g}h{side:g}v{side:g}l{-depth:g} {slant:g}" {style}/>'
        )
        self._parts.append(f'<rect x="{x:g}" y="{top:g}" width="{side:g}" height="{side:g}" {style}/>')
        self._parts.append(
            f'<path d="M{x + side:g} {top:g}l{depth:g} {-slant:g}" stroke="{line}" stroke-width="1.5" fill="none"/>'
        )

    def panel(self, x: float, y: float, width: float, height: float) -> None:
        """A frame around a part of the drawing."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8" fill="#ffffff" stroke="#c9ced4"/>'
        )

    def svg(self) -> str:
        """The content of the SVG file."""
        heads = "".join(
            f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
            f' orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="{color}"/></marker>'
            for name, color in (("ink", INK), ("orange", ORANGE_LINE))
        )
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}"'
            f' viewBox="0 0 {self.width} {self.height}" role="img" font-family="{FONT}" fill="{INK}">',
            f"<title>{escape(self.title)}</title>",
            f"<desc>{escape(self.description)}</desc>",
            f"<defs>{heads}</defs>",
            f'<rect x="0.5" y="0.5" width="{self.width - 1}" height="{self.height - 1}" rx="10" fill="{PAPER}"'
            ' stroke="#d5d9dd"/>',
            *self._parts,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"
