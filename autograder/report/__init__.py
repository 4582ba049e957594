"""Results for teaching assistants: a spreadsheet, one HTML page.

read             all results of a folder
derived          what follows from one result: what was lost, what is deferred
class_view       what follows from all of them: distribution, rankings
submission_view  one result arranged to answer "why did I lose points?"
anonymous        a result without names and code, to show in class
page             report.html, from the templates, report.css and report.js
feedback         feedback/, one page and one Markdown file for each student
spreadsheet      grades.csv
gradebook        the CSV files for Canvas, Moodle and Gradescope
terminal         the table that `grade` prints
whose            whose each file is, and which do not count: `grade --dry-run`
"""

from pathlib import Path

from autograder.grading.results_folder import FEEDBACK
from autograder.report.feedback import write_feedback
from autograder.report.page import write_html
from autograder.report.read import ResultsError, find_result, read_class, read_results
from autograder.report.spreadsheet import write_csv

__all__ = [
    "ResultsError",
    "find_result",
    "read_class",
    "read_results",
    "write_anonymous",
    "write_csv",
    "write_html",
    "write_reports",
]


def write_anonymous(folder: Path) -> Path:
    """Write `report-anonymous.html`, to show in class; returns its path. Raises `ResultsError` as `write_reports`."""
    found, path = read_class(folder), folder / "report-anonymous.html"
    write_html(found.grades, path, course=found.course, anonymous=True)
    return path


def write_reports(folder: Path) -> Path:
    """Write `grades.csv`, `report.html` and `feedback/` anew from the result files in `folder`.

    Returns:
        The path of the HTML page.

    Raises:
        ResultsError: there are no result files, or one of them is broken, or the roster is.
    """
    found = read_class(folder)
    write_csv(found.grades, folder / "grades.csv", found.missing)
    write_html(found.grades, folder / "report.html", found.missing, found.course)
    write_feedback(found.grades, folder / FEEDBACK, found.course)
    return folder / "report.html"
