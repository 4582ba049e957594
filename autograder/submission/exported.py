"""The name of the zip to hand in, which the last cell of the notebook writes: that of the notebook, and the time.

resnet_2026_11_30T10_00_45.zip
"""

import re
from datetime import datetime

_TIME = "%Y_%m_%dT%H_%M_%S"
_DIGITS = re.sub("%[a-zA-Z]", r"\\d\\d", _TIME.replace("%Y", r"\d{4}"))
_EXPORTED = re.compile(
    rf"(?P<notebook>.+?)_(?P<time>{_DIGITS})(?:_\d{{6}})?(?P<rest>[^\w].*|_\d{{1,3}})?", re.IGNORECASE
)
"""Otter's own name ends with microseconds. The rest is what platforms and browsers add to the name of a second file."""


def exported_name(notebook: str, when: datetime) -> str:
    """The name of the zip that is exported from a notebook; `notebook` is its name without a suffix."""
    return f"{notebook}_{when:{_TIME}}.zip"


def split_exported(stem: str) -> tuple[str, str, str]:
    """The notebook, the time of the export, and what was added to the name of an exported zip.

    Times are in the order of their texts. Of any other name the whole is the notebook, and the time is "".

    Args:
        stem: the name without a suffix.
    """
    found = _EXPORTED.fullmatch(stem)
    return (found["notebook"], found["time"].upper(), found["rest"] or "") if found else (stem, "", "")
