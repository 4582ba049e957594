"""A word for students whose code takes long: which check runs, and since when."""

import time

SECONDS = 10
"""Pauses between two lines; checks of code that is quick end before the first."""


class Patience:
    """Call it with the title of each check before it runs; it prints a line where nothing was said for a while."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()

    def __call__(self, title: str) -> None:
        now = time.monotonic()
        if now - self._said >= SECONDS:
            self._said = now
            print(f"Your code takes long: after {now - self._began:.0f} s, this check runs: {title}", flush=True)
