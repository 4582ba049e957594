"""Results for teaching assistants: a spreadsheet, one HTML page.

read        result files in, checked
facts       what follows from a grade: what was lost, what is deferred
classwide   what follows from all of them: distribution, rankings
sheet       one grade arranged to answer "why did I lose points?"
page        report.html, from report.html.jinja, report.css and report.js
spreadsheet grades.csv
"""

from pathlib import Path

from autograder.report.page import write_html
from autograder.report.read import ResultsError, read_results
from autograder.report.spreadsheet import write_csv

__all__ = ["ResultsError", "read_results", "write_csv", "write_html", "write_reports"]


def write_reports(folder: Path) -> Path:
    """Write `grades.csv` and `report.html` anew from the result files in `folder`; returns the HTML page's path.

    Raises:
        ResultsError: there are no result files, or one of them is broken.
    """
    grades = read_results(folder)
    write_csv(grades, folder / "grades.csv")
    write_html(grades, folder / "report.html")
    return folder / "report.html"
