"""What the notebook imports: `Notebook` for `grader.check` and `grader.export`, and what Otter's own tests call."""

from autograder.notebook.check import Notebook, check_question

__all__ = ["Notebook", "check_question"]
