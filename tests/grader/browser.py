"""A real Jupyter Lab and a headless Chromium that looks at it; both speak with 127.0.0.1 alone."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # else cells out of sight have no elements
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def find_browser() -> str | None:
    """The path of an installed Chromium."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


@contextlib.contextmanager
def jupyter_lab(folder: Path, scratch: Path, **environment: str) -> Iterator[str]:
    """Serve `folder` with Jupyter Lab; yields the address, which ends in a slash.

    Args:
        folder: what the server shows.
        scratch: an empty folder for its settings and its log.
        environment: variables of the server and its kernels.
    """
    for name, values in SETTINGS.items():
        file = scratch / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    port = _free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token="]
    command += [f"--ServerApp.root_dir={folder}", f"--LabApp.user_settings_dir={scratch / 'settings'}"]
    command += [f"--LabApp.workspaces_dir={scratch / 'workspaces'}", "--LabApp.extension_manager=readonly"]
    with (scratch / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"), **environment},
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _await(f"http://127.0.0.1:{port}/api", server, scratch / "server.log")
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.3)
    raise RuntimeError(f"Jupyter Lab did not start: {log.read_text()[-2000:]}")


class NotebookPage:
    """A notebook, open in Jupyter Lab.

    Args:
        page: the browser's page.
        address: of the server.
        path: of the notebook below the served folder.
    """

    def __init__(self, page: Page, address: str, path: str):
        self.page = page
        self.foreign: list[str] = []
        """Addresses other than 127.0.0.1 that the page asked for, and did not get."""
        page.route("**/*", self._stay_here)
        page.goto(f"{address}doc/tree/{path}?reset")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
        self.await_kernel(60)

    def _stay_here(self, route: Route) -> None:
        url = route.request.url
        if url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            self.foreign.append(url)
            route.abort()

    def command(self, name: str, **arguments: object) -> None:
        """Start one of Jupyter Lab's commands, such as "notebook:run-all-cells"."""
        self.page.evaluate("([name, args]) => { jupyterapp.commands.execute(name, args) }", [name, arguments])

    def run_all(self, timeout: float) -> None:
        """Run all cells; returns when the last one has finished or one has failed.

        Args:
            timeout: in seconds.
        """
        self.command("notebook:run-all-cells")
        self.await_kernel(timeout)

    def cell(self, start: str) -> Locator:
        """The code cell whose source begins with `start`."""
        number = self.page.evaluate(
            "start => [...jupyterapp.shell.currentWidget.content.widgets]"
            ".findIndex(cell => cell.model.type === 'code' && cell.model.sharedModel.source.startsWith(start))",
            start,
        )
        assert number >= 0, f"no code cell begins with {start}"
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def run(self, start: str, timeout: float = 60) -> str:
        """Run the cell that begins with `start`; returns the text below it."""
        self.cell(start).locator(".jp-InputArea-prompt").click()
        self.command("notebook:run-cell")
        self.await_kernel(timeout)
        return self.output(start)

    def output(self, start: str) -> str:
        """The text below the cell that begins with `start`."""
        return self.cell(start).locator(".jp-Cell-outputArea").inner_text()

    def photograph(self, start: str, to: Path) -> None:
        """Write a picture of the window with the cell that begins with `start` at its top."""
        self.cell(start).evaluate("cell => cell.scrollIntoView({block: 'start'})")
        self.page.wait_for_timeout(500)  # of smooth scrolling and of drawing
        self.page.screenshot(path=to)

    def save(self) -> None:
        """Save the notebook with its outputs."""
        self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")

    def await_kernel(self, timeout: float) -> None:
        """Wait until nothing runs.

        Args:
            timeout: in seconds.
        """
        self.page.wait_for_timeout(500)
        self.page.wait_for_function(
            "() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
            " && !document.querySelector('.jp-CodeCell .jp-InputPrompt[data-status=busy]')"
            " && ![...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
            ".some(prompt => prompt.textContent === '[*]:')",
            timeout=timeout * 1000,
        )

    def theme(self, name: str) -> None:
        """Switch the theme."""
        self.command("apputils:change-theme", theme=name)
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)


@contextlib.contextmanager
def open_notebook(address: str, path: str) -> Iterator[NotebookPage]:
    """Open a notebook in a fresh browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=FLAGS, chromium_sandbox=os.geteuid() != 0
        )
        try:
            yield NotebookPage(browser.new_page(viewport={"width": 1100, "height": 1000}), address, path)
        finally:
            browser.close()
