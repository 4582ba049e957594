"""Messages to the reader of the notebook."""

import sys
from html import escape


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


def say(text: str) -> None:
    """Print `text`. In a notebook it is shown as a paragraph, because printed lines are broken inside words there."""
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    paragraph = f'<p style="white-space:pre-wrap;margin:0">{escape(text)}</p>'
    display({"text/html": paragraph, "text/plain": text}, raw=True)
