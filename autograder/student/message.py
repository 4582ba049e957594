"""What a student reads about a check: five parts that stay apart until they are shown, and their form as plain text."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

LONGEST_PART = 4000
"""Characters that are kept of each part: text from student code can have any length."""


@dataclass(frozen=True)
class Message:
    """Why a check does not pass. A part is "" where there is nothing to say.

    Args:
        expected: what the check expects of the student's code.
        got: what the code did instead.
        hint: where to look, or what to do next.
        mistake: the sentence of each mistake that was diagnosed, one a line.
        where: the student's own lines, with cell and line number: on the way to an exception, or those that define the
            layers of a mistake.
    """

    expected: str = ""
    got: str = ""
    hint: str = ""
    mistake: str = ""
    where: str = ""

    def __bool__(self) -> bool:
        """Whether there is anything to say."""
        return self != NO_MESSAGE

    @property
    def labelled(self) -> list[tuple[str, str]]:
        """`(label, text)` of the three parts that have a label, without empty ones."""
        parts = (("Expected", self.expected), ("Got", self.got), ("Hint", self.hint))
        return [(label, text) for label, text in parts if text]

    def shorten(self) -> "Message":
        """Cut each part to `LONGEST_PART` characters."""
        long = {f.name: part for f in fields(self) if len(part := getattr(self, f.name)) > LONGEST_PART}
        return replace(self, **{name: f"{part[:LONGEST_PART]} ... (cut)" for name, part in long.items()})


NO_MESSAGE = Message()


def first_of(messages: Sequence[Message]) -> Message:
    """The first message of checks that fail because of one mistake, without a hint that only some of them give.

    Such a hint is about what its check looks at, and not about the mistake.
    """
    first = messages[0] if messages else NO_MESSAGE
    return first if all(m.hint == first.hint for m in messages) else replace(first, hint="")


class CheckFailure(AssertionError):
    """A check does not pass, for a reason that the grader worked out.

    Args:
        message: the reason, for the student.
        mistakes: names of the mistakes that were diagnosed.
    """

    def __init__(self, message: Message, mistakes: tuple[str, ...] = ()):
        super().__init__(as_text(message))
        self.message, self.mistakes = message, mistakes


def as_text(message: Message) -> str:
    """The message as plain text, for terminals and wherever only text can be shown.

    For example::

        Your block applies its last ReLU to F(x), before the shortcut is added.
        Expected: relu(F(x) + x)
        Got:      -0.31 at position (0, 1, 2, 2)
        Hint:     in which order do the addition and the last ReLU come?
    """
    indent = " " * 10
    labelled = [f"{label + ':':<10}{text}".replace("\n", f"\n{indent}") for label, text in message.labelled]
    return "\n".join(filter(None, (message.mistake, *labelled, message.where)))
