"""Draw docs/images/architecture.svg and write the table of packages in docs/architecture.md.

    python docs/draw_architecture.py

The order of the packages comes from the contract of import-linter in pyproject.toml, their descriptions from the
docstrings of the packages, and who holds them from the lists that the build copies.
"""

import argparse
import ast
import re
import textwrap
import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE, PICTURE = ROOT / "docs" / "architecture.md", ROOT / "docs" / "images" / "architecture.svg"
START, END = "<!-- packages: written by docs/draw_architecture.py -->\n", "<!-- end of packages -->\n"

STEPS = (
    ("submission", "the file is unpacked and parsed; the statements to execute are selected"),
    ("sandbox", "a worker process, confined, executes them"),
    ("student", "the tests see the student's classes through one interface"),
    ("suite", "each check runs its cases on these classes"),
    ("oracle", "the reference computes the same with the same weights, and names the mistake"),
    ("training", "the network is trained and compared with the threshold"),
    ("grading", "outcomes become a result file"),
    ("report", "result files become a table, grades.csv and report.html"),
)
"""The packages that a submission passes through, in order."""
COLOURS = {"students and graders": "#d9ead3", "graders": "#cfe2f3", "the repository": "#eeeeee"}
WIDTH, HEIGHT, TOP = 980, 46, 34


@dataclass(frozen=True)
class Package:
    """One entry of the contract: its name, the first sentence of its docstring, and who holds it."""

    name: str
    text: str
    holder: str


def read_packages() -> list[Package]:
    """Return the packages from top to bottom: each imports only from those below it."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = [contract["layers"] for contract in linter["contracts"] if contract["type"] == "layers"]
    lists = ast.parse((ROOT / "autograder" / "maintain" / "build.py").read_text(encoding="utf-8")).body
    held = {node.targets[0].id: _strings(node.value) for node in lists if isinstance(node, ast.Assign)}
    packages = []
    for name in layers:
        path = ROOT / "autograder" / name
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        students = name == "contract" or name in held["STUDENT_PACKAGES"]
        graders = name == "__main__" or name in held["GRADER_PACKAGES"]
        holder = list(COLOURS)[0 if students else 1 if graders else 2]
        packages.append(Package(name, " ".join(docstring.split("\n\n")[0].split()), holder))
    return packages


def table(packages: list[Package]) -> str:
    """The packages as Markdown."""
    rows = ["| `{}` | {} | {} |".format(r.name, r.text.replace("|", "\\|"), r.holder) for r in packages]
    return "\n".join(["| package | content | included in |", "| --- | --- | --- |", *rows]) + "\n"


def page(packages: list[Package], text: str) -> str:
    """The text of the page with the table of these packages."""
    pattern = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{START}\n{table(packages)}\n{END}", text)


def picture(packages: list[Package]) -> str:
    """The packages as an SVG: one box each, and the numbers of the steps of a submission beside them."""
    lines = [_text(20, 20, "A package imports only from packages below it. Numbers: steps of a submission.", bold=True)]
    for row, package in enumerate(packages):
        y = TOP + row * HEIGHT
        fill = COLOURS[package.holder]
        lines.append(f'<rect x="20" y="{y}" width="560" height="{HEIGHT - 6}" rx="5" fill="{fill}" stroke="#555"/>')
        lines.append(_text(32, y + 25, package.name, bold=True))
        for number, part in enumerate(textwrap.wrap(package.text, 68, max_lines=2, placeholder=" …")):
            lines.append(_text(132, y + 18 + 14 * number, part, size=11))
        for number, (name, what) in enumerate(STEPS, 1):
            if name == package.name:
                lines.append(f'<circle cx="604" cy="{y + 20}" r="11" fill="#1f4e79"/>')
                lines.append(_text(604, y + 24, str(number), size=12, fill="#fff", anchor="middle"))
                for index, part in enumerate(textwrap.wrap(what, 56)):
                    lines.append(_text(624, y + 18 + 14 * index, part, size=11))
    y = TOP + len(packages) * HEIGHT
    for column, (holder, fill) in enumerate(COLOURS.items()):
        x = 20 + 220 * column
        lines.append(f'<rect x="{x}" y="{y + 4}" width="14" height="14" fill="{fill}" stroke="#555"/>')
        lines.append(_text(x + 20, y + 15, f"held by {holder}", size=11))
    size = f'viewBox="0 0 {WIDTH} {y + 28}" width="{WIDTH}" height="{y + 28}"'
    background = f'<rect width="{WIDTH}" height="{y + 28}" fill="#fff"/>'
    body = "\n".join([background, *lines])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">\n{body}\n</svg>\n'


def _text(x: int, y: int, text: str, size: int = 13, bold: bool = False, fill: str = "#111", anchor: str = "") -> str:
    extra = (' font-weight="bold"' if bold else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{fill}"{extra}>{escape(text)}</text>'


def _strings(node: ast.expr) -> set[str]:
    """The texts in a constant expression; a name in it stands for nothing."""
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def main(arguments: list[str] | None = None) -> None:
    """Write both files."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args(arguments)
    packages = read_packages()
    PICTURE.write_text(picture(packages), encoding="utf-8")
    PAGE.write_text(page(packages, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
