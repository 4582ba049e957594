"""Numbers and times in words."""

import unicodedata
from datetime import datetime

NAMESAKES = "several students of the roster have this name, so put the id, login or e-mail address into the file name"
"""Said of results that belong to one of them."""


def number(value: float) -> str:
    """Points as people write them: 4, 3.5, 0.67."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(score: float, possible: float) -> int | None:
    """Whole percent of what was possible; None where nothing was.

    100 is kept for full marks and 0 for no marks at all, whatever rounding says.
    """
    if possible <= 0:
        return None
    rounded = round(100 * score / possible)
    if 0 < score < possible:
        return min(max(rounded, 1), 99)
    return rounded


def of_possible(score: float, possible: float) -> str:
    """`84/88 (95 %)`."""
    share = percent(score, possible)
    return f"{number(score)}/{number(possible)}" + ("" if share is None else f" ({share} %)")


def count(n: float, noun: str) -> str:
    """`1 submission`, `3 submissions`."""
    return f"{number(n)} {noun}" + ("" if n == 1 else "s")


def local_time(when: str) -> str:
    """A time as people here write it: without seconds, in the zone of this machine; what is no time with a zone, as
    it is."""
    try:
        time = datetime.fromisoformat(when)
    except ValueError:  # a person changed the file
        return when
    return when if time.tzinfo is None else f"{time.astimezone():%Y-%m-%d %H:%M}"


def without_accents(text: str) -> str:
    """Text to search in: lower case, without accents; report.js does the same with what is searched for."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.category(letter).startswith("M")).lower()
