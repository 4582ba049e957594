"""What the source of a submission says, before any of it is executed.

A reader process sends this to the grader, see `autograder.sandbox.reader`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autograder.submission.choose import parse_upload
from autograder.submission.content import NOTHING, Content, content_of
from autograder.submission.delegation import find_delegation
from autograder.submission.read import Submission
from autograder.submission.sanitize import sanitize
from autograder.submission.similarity import SKETCH, closest_source, sketch
from autograder.submission.size_limit import bare, too_heavy
from autograder.submission.slice import Slice, all_slices
from autograder.submission.upload import Upload, read_upload

MOST_EARLIER = 2
LONGEST_MEANING = 64


@dataclass(frozen=True)
class Reading:
    """The result of reading a submission.

    Args:
        slice: the statements that are executed.
        bare: the same without comments; a training gets only this.
        too_long: why the code is too long to be trained, in a sentence for the student; "" if it is not.
        ready_made: maps each required name that is built on a ready-made network to the place where.
        file: the file that was chosen among those handed in; "" if only one was.
        similar: the well-known implementation that a class is a copy of, in a sentence for the teaching assistant.
        sketch: what the slice is compared with others by, see `similarity.sketch`.
        earlier: of other slices, for a submission that loses points; see `autograder.submission.earlier`.
        content: what it defines, to compare it with other files of the same student.
    """

    slice: Slice
    bare: Slice
    too_long: str
    ready_made: Mapping[str, str]
    file: str = ""
    similar: str = ""
    sketch: tuple[int, ...] = ()
    earlier: tuple["Reading", ...] = ()
    content: Content = NOTHING

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "slice": self.slice.to_json(),
            "bare": self.bare.to_json(),
            "too_long": self.too_long,
            "ready_made": dict(self.ready_made),
            "file": self.file,
            "similar": self.similar,
            "sketch": list(self.sketch),
            "earlier": [one.to_json() for one in self.earlier],
            "content": asdict(self.content),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Reading":
        """The reverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError, AttributeError, OverflowError: it is not what `to_json` returns.
        """
        slices = (Slice.from_json(data[key]) for key in ("slice", "bare"))
        ready_made = {str(k): str(v) for k, v in data["ready_made"].items()}
        similar = sanitize(str(data["similar"]), 200, one_line=True)
        hashes = tuple(int(number) for number in data["sketch"][:SKETCH])
        earlier = tuple(cls.from_json(one | {"earlier": []}) for one in data["earlier"][:MOST_EARLIER])
        said = data["content"]
        content = Content(int(said["defined"]), int(said["named"]), str(said["meaning"])[:LONGEST_MEANING])
        return cls(*slices, str(data["too_long"]), ready_made, str(data["file"]), similar, hashes, earlier, content)


def look_at_source(submission: Submission) -> Reading:
    """Slice a submission and examine the slice."""
    first, *others = all_slices(submission)
    earlier = tuple(_look_at(one, submission) for one in others)
    found = {"similar": closest_source(first), "sketch": sketch(first), "content": content_of(first)}
    return replace(_look_at(first, submission), **found, earlier=earlier)


def _look_at(slice_: Slice, submission: Submission) -> Reading:
    if submission.note:
        slice_ = replace(slice_, problems=(*slice_.problems, submission.note))
    without_comments = bare(slice_)
    return Reading(slice_, without_comments, too_heavy(without_comments), find_delegation(slice_), submission.file)


def read_submission(path: Path) -> Submission:
    """Read the code cells of a `.ipynb`, `.py` or `.zip` file, or of the file to grade in a folder.

    Raises:
        UnreadableSubmission: with one line that names the file and what is wrong with it.
    """
    return parse_upload(read_upload(path))


def read_source(upload: Upload) -> Reading:
    """Read what was handed in.

    Raises:
        UnreadableSubmission: the file holds no code that can be read; `str()` is one line for the student.
    """
    return look_at_source(parse_upload(upload))
