"""Imported after `preload`, where many submissions are graded: the processes that grade are then forked faster."""

from autograder.sandbox import linux

linux.use_huge_pages()
