"""A class as platforms hand it out: real submissions in the layouts of Canvas, Moodle, nbgrader and Gradescope.

python -m tests.grader.downloads FOLDER 40      # Canvas's download of 40 files, and its roster
"""

import argparse
import csv
import io
from pathlib import Path

import nbformat

from autograder.maintain.build import NOTEBOOK, ROOT, solved_source
from autograder.maintain.gallery import as_notebook, complete
from autograder.maintain.samples import ODD, entries, solution_notebook

FIRST = ("Ada", "Bo", "Chloé", "Dmitri", "Elif", "Farid", "Grace", "Hiroshi")
LAST = ("Abel", "Çelik", "Diaz", "Euler", "Fischer")
LATE, AGAIN, ABSENT = 5, 9, 3
"""Every so many-th student is late, the one who handed in twice, and how many of the roster handed in nothing."""


def students(number: int) -> list[tuple[str, str]]:
    """First and last names, all different."""
    return [(FIRST[i % len(FIRST)], LAST[i // len(FIRST) % len(LAST)] + "-x" * (i // 40)) for i in range(number)]


def submissions(number: int) -> list[tuple[str, bytes]]:
    """Suffix and bytes: right and wrong notebooks and scripts, an untouched notebook, and what is none at all."""
    gallery, solution = entries(), solution_notebook()
    right = [entry for entry in gallery.values() if entry.right]
    wrong = [entry for entry in gallery.values() if not entry.right]
    stubs = (".ipynb", (ROOT / NOTEBOOK).read_bytes())
    made = [stubs, *((path.suffix, path.read_bytes()) for path in sorted(ODD.iterdir())[:3])]
    for place in range(number - len(made)):
        if place % 3 == 2:
            source = complete(right[place * 7 % len(right)], solved_source())
            made.append((".py", source.encode()))
        else:
            made.append((".ipynb", nbformat.writes(as_notebook(wrong[place * 5 % len(wrong)], solution)).encode()))
    return made[:number]


def write_canvas(folder: Path, number: int) -> Path:
    """Write `number` files of `number - 1` students into `folder`, and a roster beside it; returns the roster."""
    folder.mkdir(parents=True)
    table = io.StringIO()
    roster = csv.writer(table)
    roster.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Problem set 3: ResNet (4711)"])
    roster.writerow(["    Points Possible", "", "", "", "", "100"])
    names, files = students(number - 1 + ABSENT), submissions(number)
    for place, (first, last) in enumerate(names):
        section = f"Tutorial {place % 4 + 1}"
        roster.writerow([f"{last}, {first}", 1000 + place, f"u{9000 + place}", f"{first}.{last}".lower(), section, ""])
        if place < number - 1:
            late = "LATE_" * (place % LATE == LATE - 1)
            stem = "".join(letter for letter in f"{last}{first}".lower() if letter.isalnum())
            suffix, data = files[place]
            (folder / f"{stem}_{late}{1000 + place}_{5000 + place}_resnet{suffix}").write_bytes(data)
            if place == AGAIN:
                suffix, data = files[-1]
                (folder / f"{stem}_{1000 + place}_{6000 + place}_resnet-2{suffix}").write_bytes(data)
    path = folder.with_name("roster.csv")
    path.write_text(table.getvalue(), encoding="utf-8")
    return path


def path_in(layout: str, first: str, last: str, number: int) -> str:
    """Where a student's notebook lies in a platform's download."""
    return {
        "canvas": f"{last}{first}_{number}_{number + 500}_resnet.ipynb".lower(),
        "moodle": f"{first} {last}_{number}_assignsubmission_file_/resnet.ipynb",
        "nbgrader": f"submitted/{first}/ps1/resnet.ipynb",
        "gradescope": f"submission_{number}/resnet.ipynb",
    }[layout]


def write_layout(layout: str, folder: Path, number: int) -> dict[str, Path]:
    """Write a class of a few students as a platform does; returns each student's file."""
    made = {}
    metadata = "---\n"
    solution, gallery = solution_notebook(), [entry for entry in entries().values() if not entry.right]
    for place, (first, last) in enumerate(students(number)):
        path = folder / path_in(layout, first, last, 100 + place)
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(as_notebook(gallery[place], solution), path)
        metadata += f"submission_{100 + place}:\n  :submitters:\n  - :name: {first} {last}\n    :sid: '{900 + place}'\n"
        made[f"{first} {last}"] = path
    if layout == "gradescope":
        (folder / "submission_metadata.yml").write_text(metadata, encoding="utf-8")
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.grader.downloads", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("number", type=int)
    given = parser.parse_args()
    print(write_canvas(given.folder, given.number))
