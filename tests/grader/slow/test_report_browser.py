"""report.html of a large class in a headless Chromium: explanations are unpacked when they are opened.

Set SCREENSHOTS to a folder to keep what the browser saw, and REPORT_SUBMISSIONS to the size of the class.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, sync_playwright

from autograder.maintain.gallery import as_notebook
from autograder.maintain.samples import entries, solution_notebook
from autograder.report import write_reports
from tests.grader import browser
from tests.grader.conftest import run
from tests.grader.test_report import RAISED, make_grade, make_test, save

pytestmark = pytest.mark.skipif(
    browser.find_browser() is None, reason="there is no Chromium here: apt-get install chromium"
)
SIZE = int(os.environ.get("REPORT_SUBMISSIONS", "100"))


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """The report of a class in which every fourth check fails, each with a mistake of its own."""
    tests = [
        make_test(f"q{i % 3 + 1}", f"check {i}", "failed", message=RAISED, mistakes=[f"mistake_{i}"])
        if i % 4 == 0
        else make_test(f"q{i % 3 + 1}", f"check {i}", hidden=i % 5 == 0)
        for i in range(45)
    ]
    grades = [make_grade(f"student {n:04d}.ipynb", *map(replace, tests)) for n in range(SIZE)]
    return write_reports(save(grades, tmp_path_factory.mktemp("results")))


@contextlib.contextmanager
def opened(report: Path, width: int = 1100) -> Iterator[Page]:
    """The page in a browser; it must raise no error."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser.find_browser(), args=browser.FLAGS, chromium_sandbox=os.geteuid() != 0
        )
        page = chromium.new_page(viewport={"width": width, "height": 1000})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(report.as_uri())
        yield page
        chromium.close()
        assert not errors


@pytest.fixture
def page(report) -> Iterator[Page]:
    start = time.perf_counter()
    with opened(report) as page:
        size = report.stat().st_size / 1e6
        print(f"{SIZE} submissions, {size:.1f} MB: opened in {time.perf_counter() - start:.2f} s")
        yield page


@pytest.fixture
def screenshots(tmp_path) -> Path:
    """Where pictures go."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_an_explanation_is_unpacked_when_it_is_opened(page):
    body = page.locator("#s7")
    assert body.text_content().strip() == ""
    page.locator(".sheet").nth(6).locator("> summary").click()
    body.locator(".why").wait_for()
    assert "Lost 60 points" in body.locator(".why").text_content()
    assert page.locator("#s8").text_content().strip() == ""


def test_a_link_leads_into_a_packed_explanation(page):
    page.locator("#m1 > details > summary").click()
    page.locator("#m1 .places a").nth(3).click()
    page.locator("#s4t1").wait_for()
    assert page.url.endswith("#s4t1")
    assert "Check 0" in page.locator("#s4t1").text_content()


def test_search_and_sort(page):
    page.locator("#filter").fill("0042")
    assert page.locator("#scores tbody tr:visible").count() == 1
    assert page.locator("#shown").text_content() == f"1 of {SIZE}"
    page.locator("#filter").fill("STÜDENT 0042")
    assert page.locator("#scores tbody tr:visible").count() == 1
    page.locator("#filter").fill("5/225")
    assert page.locator("#scores tbody tr:visible").count() == 0, "not in 165/225"
    page.locator("#filter").fill("165/225")
    assert page.locator("#scores tbody tr:visible").count() == SIZE
    page.locator("#filter").fill("")
    page.locator("#scores thead button").first.click()
    page.locator("#scores thead button").first.click()
    assert f"{SIZE - 1:04d}" in page.locator("#scores tbody th").first.text_content()


def test_pictures(page, screenshots):
    """Desktop, phone, print: nothing is cut off, and what is open is printed."""
    page.screenshot(path=screenshots / "report-desktop.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=screenshots / "report-phone.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".sheet").first.locator("> summary").click()
    page.locator("#s1 .why").wait_for()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1047})  # of a sheet of A4 without its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    page.pdf(path=screenshots / "report.pdf", format="A4")
    assert page.locator("#s1").is_visible()
    assert not page.locator("#s2").is_visible()


def test_printed_feedback_says_what_hidden_checks_gave(page, report):
    """A student may print it: nothing but links and buttons is left out."""
    (student, *_) = sorted((report.parent / "feedback").glob("*.html"))
    page.goto(student.as_uri())
    shown = page.locator("main").inner_text()
    page.emulate_media(media="print")
    assert page.locator("main").inner_text() == shown
    assert page.locator(".question .quiet").first.is_visible()


def test_picture_of_the_readme(tmp_path, screenshots):
    """A real submission, graded: the mistake is named, with its price and the checks that fail because of it."""
    wrong = as_notebook(entries()["q1_relu_before_add"], solution_notebook())
    (tmp_path / "class").mkdir()
    nbformat.write(wrong, tmp_path / "class" / "bob.ipynb")
    graded = run(sys.executable, "-m", "autograder", "grade", tmp_path / "class", "--out", tmp_path / "results")
    assert graded.returncode == 0, graded.stderr
    with opened(tmp_path / "results" / "report.html", width=1000) as page:
        sheet = page.locator(".sheet")
        sheet.locator("> summary").click()
        assert "Your block applies its last ReLU to F(x)" in sheet.locator(".finding.failed").inner_text()
        page.locator(".facts").evaluate("facts => facts.remove()")  # date and machine
        sheet.screenshot(path=screenshots / "report.png")
