"""Where a result comes from: the file's place, its students, when it was handed in."""

from pydantic import BaseModel, ConfigDict, Field


class Student(BaseModel):
    """A student as the roster or the platform knows them; "" for what it does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(default="", description="the number or word by which the university knows the student")
    name: str = ""
    email: str = ""
    section: str = ""


class Origin(BaseModel):
    """Where a result comes from; part of its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(default="", description="the student's key, see docs/class.md")
    path: str = Field(default="", description="path of the submission below the folder that was graded")
    folder: str = Field(
        default="", description="path of the submission, a folder, of which this file was chosen with `grade FILE`"
    )
    students: tuple[Student, ...] = Field(default=(), description="who handed it in; several for a group")
    submitted: str = Field(default="", description="when it was handed in, as the platform says, in ISO 8601")
    late: bool = Field(default=False, description="the platform says that it is late")
    not_counted: tuple[str, ...] = Field(default=(), description="other files of the same student, by their paths")
    undecided: tuple[str, ...] = Field(
        default=(), description="files that differ, and of which nothing says which is the last; none is graded"
    )

    @property
    def problem(self) -> str:
        """Why no file is graded, in a line for the student; "" if one is."""
        if not self.undecided:
            return ""
        files = " and ".join(f"`{path}`" for path in self.undecided)
        return f"{files} define the same names, but not in the same way, and nothing says which is later: hand in one."
