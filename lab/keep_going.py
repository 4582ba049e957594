"""`with keep_going():` around the code of a cell: what cannot run yet is said in two lines, and Run All goes on."""

import contextlib
import sys
from collections.abc import Iterator

from lab.messages import in_notebook, say


@contextlib.contextmanager
def keep_going() -> Iterator[None]:
    """Say why the code could not run, and do not stop the notebook.

    Stubs, missing images, and names that no cell has defined yet are explained in two lines. Any other error is shown
    with its traceback.
    """
    try:
        yield
    except Exception as error:
        if explanation := explain(error):
            say(explanation)
        elif in_notebook():
            say("The code of this cell raised an error. The check of the question may explain it: run that first.")
            error.__traceback__ = error.__traceback__.tb_next  # without the frame of this function
            sys.modules["IPython"].get_ipython().showtraceback((type(error), error, error.__traceback__))
        else:
            raise


def explain(error: Exception) -> str:
    """Two lines for an error that is expected in an unfinished notebook; "" for any other."""
    utils = sys.modules.get("utils")  # not imported here, because that takes seconds
    if utils and isinstance(error, utils.DataError):
        return (
            f"{error}\nEvery check of your code works without the images. To try the rest on generated images, write "
            "utils.make_standin() in place of utils.download_cifar10() and run this cell again."
        )
    if isinstance(error, NotImplementedError):
        return f"Not implemented yet: {error}\nFill in that cell, run it, then run this one again."
    if isinstance(error, NameError) and _is_raised_by_the_cell(error):
        return (
            f"`{error.name}` is not defined yet.\n"
            "Run the cell above that defines it, or read why that cell failed. Then run this one again."
        )
    return ""


def _is_raised_by_the_cell(error: Exception) -> bool:
    """Whether the code inside the `with` statement raised it, and no function that it called."""
    trace = error.__traceback__.tb_next  # the frame of `keep_going` comes first
    return trace is not None and trace.tb_next is None
