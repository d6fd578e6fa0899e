"""A real browser, Debian's Chromium, and the parts of the pages that people click."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium")
_FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_PATIENCE = 60_000  # milliseconds: machines are shared
_BUSY = 503
_LOCAL = {"127.0.0.1", "localhost", ""}


class Browser:
    """One page of a browser, which tells what it asked of other machines."""

    def __init__(self, page, pictures: Path) -> None:
        self.page, self._pictures = page, pictures
        self.asked_elsewhere: list[str] = []
        self.dialogs: list[str] = []
        page.set_default_timeout(_PATIENCE)
        page.on("request", self._note)
        page.on("dialog", self._dismiss)

    def _note(self, request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob", "file"} and parts.hostname not in _LOCAL:
            self.asked_elsewhere.append(request.url)

    def _dismiss(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, address: str) -> None:
        """Open a page, and wait until it has loaded."""
        self.page.goto(address)
        self.settle()

    def settle(self) -> None:
        """Wait until the page has loaded and has had time to draw."""
        self.page.wait_for_load_state("load")
        self.page.wait_for_timeout(1000)

    def text(self) -> str:
        """What stands on the page, as one line."""
        return " ".join(self.page.inner_text("body").split())

    def sees(self, text: str | re.Pattern[str]) -> None:
        """Wait until a text stands on the page."""
        self.page.get_by_text(text).first.wait_for()

    def picture(self, name: str) -> None:
        """Take a picture of the page."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(500)  # what moves comes to rest
        self.page.screenshot(path=str(self._pictures / f"{name}.png"))


@contextmanager
def browser(pictures: Path, *flags: str) -> Iterator[Browser]:
    """Open a browser; without one, skip the test.

    Parameters
    ----------
    pictures
        Folder of the pictures, unless ``ODDWIRE_PICTURES`` names one.
    flags
        More of Chromium's flags.
    """
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *flags])
        page = chromium.new_page(viewport={"width": 1280, "height": 960}, locale="en-GB")
        try:
            yield Browser(page, Path(os.environ.get("ODDWIRE_PICTURES", pictures)))
        finally:
            chromium.close()


class RunForm:
    """The form of Prefect's page that starts a run."""

    def __init__(self, browser: Browser) -> None:
        self._page = browser.page

    def field(self, name: str):
        """Return a field with its label and help."""
        label = self._page.locator(
            ".schema-form-property__label", has_text=re.compile(rf"^{name}\b")
        )
        return self._page.locator(".schema-form-property", has=label).last

    def names(self) -> list[str]:
        """Names of the fields."""
        self.field("source").wait_for()
        labels = self._page.locator(".schema-form-property__label").all_inner_texts()
        return [label.split()[0] for label in labels]

    def help(self, name: str) -> str:
        """The help of a field."""
        return self.field(name).locator(".schema-form-property__description").inner_text().strip()

    def choose(self, name: str, value: str) -> list[str]:
        """Choose a value of a drop-down, and return those that it offers."""
        self.field(name).locator(".p-select-button__control").focus()
        self._page.keyboard.press("ArrowDown")
        options = self._page.locator(".p-select-option")
        options.first.wait_for()
        offered = [text.strip() for text in options.all_inner_texts()]
        options.filter(has_text=re.compile(rf"^\s*{value}\s*$")).first.click()
        return offered

    def fill(self, name: str, value: str) -> None:
        """Type a value."""
        self.field(name).locator("input, textarea").first.fill(value)

    def submit(self) -> None:
        """Start the run, and wait until the server has taken it: leaving earlier would lose it."""
        for _ in range(5):
            with self._page.expect_response(lambda answer: "create_flow_run" in answer.url) as said:
                self._page.get_by_role("button", name="Submit").click()
            # Prefect's database takes one writer at a time: a person would press again as well.
            if said.value.status != _BUSY:
                break
        assert said.value.ok, said.value.text()
