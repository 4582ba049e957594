"""Gives `pytest` the `student` fixture and messages that can be read; see autograder/suite/plugin.py."""

pytest_plugins = ["autograder.suite.plugin"]
