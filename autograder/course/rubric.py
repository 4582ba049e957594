"""What a named mistake costs: the table `rubric.toml`, and what a course changes of it."""

import difflib
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

FILE = Path(__file__).with_name("rubric.toml")
Price = float | str
"""A share of the question, from 0 to 1, or the name of a kind."""
SPELLED = {"relu": "ReLU", "relus": "ReLUs", "batchnorm": "BatchNorm", "batchnorms": "BatchNorms"}


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
        """What a mistake costs, as a share of its question."""
        price = self.mistakes.get(self.entry_of(name) or "", self.default)
        return self.kinds[price] if isinstance(price, str) else price

    def title(self, name: str) -> str:
        """What a mistake is called in reports."""
        if (base := name.removeprefix("stem_")) != name and base in self.titles:
            return f"{self.titles[base]}, in the stem"
        return self.titles.get(name) or " ".join(SPELLED.get(word, word) for word in name.split("_"))

    def change(self, prices: Mapping[str, Price]) -> "Rubric":
        """The rubric with other prices, of kinds and of single mistakes.

        Raises:
            ValueError: a name is unknown, or a price is neither a share from 0 to 1 nor a kind; one line, that begins
                with the name.
        """
        known = [*self.kinds, *self.mistakes]
        for name, price in prices.items():
            if name not in self.kinds and self.entry_of(name) is None:
                near = difflib.get_close_matches(name, known, 1)
                raise ValueError(f"{name}: no such mistake{f'; is {near[0]} meant?' if near else ''} See {FILE.name}")
            self._check(name, price)
        kinds = {name: price for name, price in prices.items() if name in self.kinds}
        rest = {name: price for name, price in prices.items() if name not in self.kinds}
        return replace(self, kinds={**self.kinds, **kinds}, mistakes={**rest, **self.mistakes, **rest})

    def _check(self, name: str, price: object) -> None:
        if isinstance(price, bool) or not isinstance(price, int | float | str):
            raise ValueError(f"{name}: is neither a number nor a text")
        if isinstance(price, str) and (name in self.kinds or price not in self.kinds):
            kinds = "" if name in self.kinds else f", or one of {', '.join(self.kinds)}"
            raise ValueError(f"{name}: must be a share of the question from 0 to 1{kinds}; it is {price!r}")
        if not isinstance(price, str) and not 0 <= price <= 1:
            raise ValueError(f"{name}: must be a share of the question, from 0 to 1; it is {price}")


@functools.cache
def standard_rubric() -> Rubric:
    """The table in `rubric.toml`."""
    return parse_rubric(FILE.read_text(encoding="utf-8"))


def parse_rubric(text: str) -> Rubric:
    """Read the text of a `rubric.toml`.

    Raises:
        ValueError: the table cannot be used; `str()` is one line.
    """
    try:
        table = tomllib.loads(text)
        rubric = Rubric(**{name: table.pop(name) for name in ("default", "kinds", "mistakes", "titles")})
        if table:
            raise ValueError(f"no such setting: {', '.join(table)}")
        if rubric.default not in rubric.kinds:
            raise ValueError(f"default: must be one of {', '.join(rubric.kinds)}; it is {rubric.default!r}")
        for name, price in (*rubric.kinds.items(), *rubric.mistakes.items()):
            rubric._check(name, price)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{FILE.name}: {error}") from None
    except KeyError as error:
        raise ValueError(f"{FILE.name}: {error.args[0]} is missing") from None
    except ValueError as error:
        raise ValueError(f"{FILE.name}: {error}") from None
    return rubric
