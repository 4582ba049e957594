"""What the notebook imports: `Notebook` for `grader.check` and `grader.export`; `check_question` for Otter's tests."""

import sys

if "rfc3987_syntax" not in sys.modules:
    # Otter imports jsonschema, which builds a grammar for one of its formats if it finds this package. That takes
    # longer than everything else here, and nothing checks that format: hide the package meanwhile.
    sys.modules["rfc3987_syntax"] = None
    import otter  # noqa: F401

    del sys.modules["rfc3987_syntax"]

from autograder.notebook.check import Notebook, check_question

__all__ = ["Notebook", "check_question"]
