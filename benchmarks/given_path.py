"""A path on the command line of a benchmark."""

import argparse
from pathlib import Path


def given_path(text: str) -> Path:
    """The path; not "", which a variable of the shell that is not set gives, and which would mean the current folder.

    Raises:
        argparse.ArgumentTypeError: it is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("is empty")
    return Path(text)
