"""The diagnosis of a question, made once for each submission; none in a handout that was built without names."""

import warnings
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from autograder.contract import QUESTION_NAMES
from autograder.oracle.trial import FATAL, Evidence

try:
    from autograder.oracle.diagnose import diagnose
    from autograder.oracle.explain import Explainer
except ModuleNotFoundError:  # `name_mistakes = false` in course.toml
    diagnose = None
if TYPE_CHECKING:
    from autograder.oracle.diagnosis import Diagnosis

_diagnoses: WeakKeyDictionary[Any, dict[str, "Diagnosis | None"]] = WeakKeyDictionary()


def diagnosis_of(student: Any, question: str) -> "Diagnosis | None":
    """The mistakes in a question, "q1" to "q3", that explain all that its class does; None where none do."""
    known = _diagnoses.setdefault(student, {})
    if question not in known and question in QUESTION_NAMES and diagnose is not None:
        known[question] = None
        try:
            known[question] = diagnose(student, question)
        except FATAL:
            pass  # the worker is gone: the verdict stands without a diagnosis
        except Exception as error:  # so it does where the search itself fails
            warnings.warn(f"{question} could not be diagnosed: {error!r}", RuntimeWarning, stacklevel=2)
    return known.get(question)


def proved_diagnosis(student: Any, evidence: Evidence, kind: str) -> "Diagnosis | None":
    """The diagnosis of the question that asks for a class, where it explains this evidence too."""
    question = next((q for q, names in QUESTION_NAMES.items() if names[0] == kind), "")
    diagnosis = diagnosis_of(student, question)
    return diagnosis if diagnosis and Explainer(evidence).explains(diagnosis.mistakes) else None
