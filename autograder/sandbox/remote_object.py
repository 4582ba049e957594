"""Objects in a worker, seen from the grader: handles, and what is known of those that are neither tensor nor module."""

from typing import Any

from autograder.sandbox.session import Session
from autograder.student.errors import StudentCrash, StudentError

MAX_TYPE_NAME = 100


class RemoteObject:
    """An object in a worker. It is lost when the worker ends."""

    def __init__(self, session: Session):
        session.start()
        self._session, self._generation = session, session.generation
        self._handle = session.new_handle()

    def __del__(self):
        session = getattr(self, "_session", None)  # None: no worker could be started
        if session is not None and session.is_running and self._generation == session.generation:
            session.forget(self._handle)

    @property
    def is_there(self) -> bool:
        """Whether the worker that holds it is still there."""
        return self._generation == self._session.generation and self._session.is_running

    @property
    def handle(self) -> int:
        """The worker's number for this object.

        Raises:
            StudentCrash: the worker that held it has ended.
        """
        self._session.start()
        if self._generation != self._session.generation:
            raise StudentCrash(f"This object is gone, because your code was stopped: {self._session.last_failure}")
        return self._handle


class Opaque:
    """What the student's code returned instead of a tensor or module; only its type is known.

    Whatever a check does with it raises a `StudentError`: that it is no tensor is the student's mistake.
    """

    def __init__(self, type_name: str):
        self.type_name = "".join(filter(str.isprintable, type_name))[:MAX_TYPE_NAME]

    def __repr__(self) -> str:
        return f"<{self.type_name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise StudentError("TypeError", f"'{self.type_name}' object is not callable", "")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise StudentError("AttributeError", f"'{self.type_name}' object has no attribute '{name}'", "")

    def __bool__(self) -> bool:
        return True

    def _refuse(self, *_: Any) -> Any:
        raise StudentError("TypeError", f"expected a tensor, got {self.type_name}", "")

    __len__ = __iter__ = __getitem__ = __float__ = __neg__ = __abs__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "an operation")
        raise StudentError("TypeError", f"{name} expected tensors, got another object", "")
