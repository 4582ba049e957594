"""What the notebook imports: `Notebook` for `grader.check` and `grader.export`; `check_question` for Otter's tests."""

from autograder.notebook.check import Notebook, check_question

__all__ = ["Notebook", "check_question"]
