"""Read a submitted file, select the statements that define the required names (the slice), and execute them."""

from autograder.submission.content import NOTHING, Content
from autograder.submission.delegation import find_delegation
from autograder.submission.execute import execute, student_lines
from autograder.submission.read import Cell, Submission, UnreadableSubmission
from autograder.submission.reading import Reading, look_at_source, read_source, read_submission
from autograder.submission.size_limit import bare, too_heavy
from autograder.submission.slice import Slice, SlicedCell, all_slices, slice_submission, slices
from autograder.submission.upload import Upload, fingerprint, read_upload, resolve

__all__ = [
    "NOTHING",
    "Cell",
    "Content",
    "Reading",
    "Slice",
    "SlicedCell",
    "Submission",
    "UnreadableSubmission",
    "Upload",
    "all_slices",
    "bare",
    "execute",
    "find_delegation",
    "fingerprint",
    "look_at_source",
    "read_source",
    "read_submission",
    "read_upload",
    "resolve",
    "slice_submission",
    "slices",
    "student_lines",
    "too_heavy",
]
