"""What a named mistake costs: the table `rubric.toml`, and what a course changes of it."""

import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NoReturn

from autograder.contract import Problem
from autograder.course.toml_file import TomlError, line_of, parse_toml

FILE = Path(__file__).with_name("rubric.toml")
Price = float | str
"""A share of the question, from 0 to 1, or the name of a kind."""
SPELLED = {"relu": "ReLU", "relus": "ReLUs", "batchnorm": "BatchNorm", "batchnorms": "BatchNorms"}


class RubricProblem(Problem):
    """rubric.toml cannot be used; `str()` is one line that names file and line."""


@dataclass(frozen=True)
class Rubric:
    """The prices of mistakes.

    Args:
        default: the kind of a mistake that has no price.
        kinds: the share of the question that each kind costs.
        mistakes: kind or share of each mistake; a key can be a pattern, as of `fnmatch`.
        titles: what a mistake is called in reports, where its name alone does not read well.
    """

    default: str
    kinds: Mapping[str, float]
    mistakes: Mapping[str, Price]
    titles: Mapping[str, str]

    def entry_of(self, name: str) -> str | None:
        """The key of a mistake in the table; None if it has none. In the stem it costs what it costs in a block."""
        for known in dict.fromkeys((name, name.removeprefix("stem_"))):
            patterns = (key for key in self.mistakes if fnmatchcase(known, key))
            if (key := known if known in self.mistakes else next(patterns, None)) is not None:
                return key
        return None

    def share(self, name: str) -> float:
        """What a mistake costs, as a share of its question; "a|b", one of two, costs what the cheaper does."""
        if "|" in name:
            return min(map(self.share, name.split("|")))
        price = self.mistakes.get(self.entry_of(name) or "", self.default)
        return self.kinds[price] if isinstance(price, str) else price

    def title(self, name: str) -> str:
        """What a mistake is called in reports."""
        if "|" in name:
            return " or ".join(map(self.title, name.split("|")))
        if (base := name.removeprefix("stem_")) != name and base in self.titles:
            return f"{self.titles[base]}, in the stem"
        return self.titles.get(name) or " ".join(SPELLED.get(word, word) for word in name.split("_"))

    def change(self, prices: Mapping[str, Price]) -> "Rubric":
        """The rubric with other prices, of kinds and of single mistakes.

        Raises:
            ValueError: a name is unknown, or a price is neither a share from 0 to 1 nor a kind; one line, that begins
                with the name.
        """
        known = {name: name for name in (*self.kinds, *self.mistakes)}
        known |= {self.title(name): name for name in self.mistakes}  # reports show the title
        for name, price in prices.items():
            if name not in self.kinds and self.entry_of(name) is None:
                near = difflib.get_close_matches(name, known, 1)
                meant = f"; is {known[near[0]]} meant? See" if near else "; see"
                raise ValueError(f"{name}: no such mistake{meant} {FILE.name}")
            self._check(name, price)
        kinds = {name: price for name, price in prices.items() if name in self.kinds}
        rest = {name: price for name, price in prices.items() if name not in self.kinds}
        return replace(self, kinds={**self.kinds, **kinds}, mistakes={**rest, **self.mistakes, **rest})

    def _check(self, name: str, price: object) -> None:
        kinds = () if name in self.kinds else tuple(self.kinds)
        is_share = isinstance(price, int | float) and not isinstance(price, bool) and 0 <= price <= 1
        if not is_share and price not in kinds:
            other = f", or one of {', '.join(kinds)}" if kinds else ""
            raise ValueError(f"{name}: must be a share of the question, from 0 to 1{other}; it is {price!r}")


@functools.cache
def standard_rubric() -> Rubric:
    """The table in `rubric.toml`.

    Raises:
        RubricProblem: as of `parse_rubric`, or the file cannot be read.
    """
    try:
        return parse_rubric(FILE.read_text(encoding="utf-8-sig"), FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise RubricProblem(f"{FILE}: cannot be read: {error}") from None


def parse_rubric(text: str, path: Path = Path(FILE.name)) -> Rubric:
    """Read the text of a `rubric.toml`.

    Raises:
        RubricProblem: the table cannot be used.
    """

    def refuse(said: str, *loc: str) -> NoReturn:
        raise RubricProblem(f"{path}:{line_of(text, loc)}: {said}")

    try:
        table = parse_toml(text)
    except TomlError as error:
        raise RubricProblem(f"{path}:{error.line}: {error}") from None
    settings = tuple(field.name for field in fields(Rubric))
    for name in (*settings, *table):
        if name not in table:
            refuse(f"{name} is missing")
        if name not in settings:
            refuse(f"{name}: no such setting; there are {', '.join(settings)}", name)
        if name != "default" and not isinstance(table[name], dict):
            refuse(f"{name}: must be a table", name)
    rubric = Rubric(**table)
    if not isinstance(rubric.default, str) or rubric.default not in rubric.kinds:
        refuse(f"default: must be one of {', '.join(rubric.kinds)}; it is {rubric.default!r}", "default")
    for part, prices in (("kinds", rubric.kinds), ("mistakes", rubric.mistakes)):
        for name, price in prices.items():
            try:
                rubric._check(name, price)
            except ValueError as error:
                refuse(str(error), part, name)
    for name, title in rubric.titles.items():
        if not isinstance(title, str):
            refuse(f"{name}: its title must be a text; it is {title!r}", "titles", name)
    return rubric
