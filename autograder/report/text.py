"""Numbers in words."""


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
