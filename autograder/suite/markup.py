"""Text with `names of code`, as messages and titles have it, as HTML."""

import re
from html import escape


def as_html(text: str) -> str:
    """The text with everything escaped, and what stands between two backticks in a line as code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(text))
