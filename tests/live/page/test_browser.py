"""The page in a real browser: a log's texts do nothing there, and everybody can read it."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
import uvicorn
from browser import browser
from page_visits import evil_alerts

from oddwire.cli.servers.guard import Guard
from oddwire.live.page.app import page_app

pytestmark = pytest.mark.slow
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 800}
LOWEST_CONTRAST = 4.5  # WCAG 2.2, level AA

# What is wider than the window, but for tables that scroll by themselves.
OUTSIDE = """() => [...document.querySelectorAll("body *")].filter(one =>
  one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
  && !one.closest(".scroll, .skip")).map(one => one.outerHTML.slice(0, 120))"""

# Texts whose letters reach out of their line: stacked accents would be drawn over other rows.
DRAWN_OVER = """() => [...document.querySelectorAll("bdi")].filter(one =>
  getComputedStyle(one).overflow === "visible").length"""

CONTRASTS = """() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255).map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const color = numbers(getComputedStyle(one).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || one.tagName === "OPTION") continue;
    const [a, b] = [light(numbers(getComputedStyle(one).color)), light(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, walker.currentNode.textContent.trim().slice(0, 40)]);
  }
  return found;
}"""

# What a screen reader needs: names of fields and links, headings in order, heads of tables.
UNREADABLE = """() => {
  const wrong = [];
  const say = (what, one) => wrong.push(what + ": " + one.outerHTML.slice(0, 120));
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (![...field.labels].some((label) => label.textContent.trim())) say("no label", field);
  for (const link of document.querySelectorAll("a, button"))
    if (!link.textContent.trim()) say("no name", link);
  for (const head of document.querySelectorAll("th")) if (!head.scope) say("no scope", head);
  for (const table of document.querySelectorAll("table"))
    if (!table.querySelector("thead th")) say("no head", table);
  for (const picture of document.querySelectorAll("svg"))
    if (picture.getAttribute("aria-hidden") !== "true") say("no alternative", picture);
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) say("level left out", heading);
    level = own;
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  if (new Set(ids).size < ids.length) wrong.push("an id twice");
  for (const one of document.querySelectorAll("[aria-labelledby]"))
    if (!document.getElementById(one.getAttribute("aria-labelledby"))) say("labelled by none", one);
  for (const one of ["main", "header", "nav[aria-label]", "footer", "h1"])
    if (document.querySelectorAll(one).length < 1) wrong.push("no " + one);
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  if (document.documentElement.lang !== "en" || !document.title) wrong.push("no language or title");
  return wrong;
}"""


@contextmanager
def served(address, labels):
    """Serve the page as ``oddwire up`` does, and yield where."""
    settings = uvicorn.Config(
        Guard(page_app(address, lambda source: labels / f"{source}.csv")),
        port=0,
        log_level="warning",
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def home(day, labels):
    with served(day, labels) as address:
        yield address


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("pictures")) as opened:
        opened.said = []
        opened.page.on("console", lambda message: opened.said.append(message.text))
        opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
        yield opened


@pytest.fixture
def go(screen, home):
    """Open pages in a window, and return what the page says to a script of ours."""

    def go(path, window=WIDE, scheme="light"):
        screen.page.emulate_media(color_scheme=scheme)
        screen.page.set_viewport_size(window)
        answer = screen.page.goto(home + path)
        assert answer.status == 200
        return screen.page

    return go


@pytest.fixture(scope="module")
def paths(screen, home):
    """Return the page of everything that an attacker's text is on, and those of a scan."""
    page = screen.page

    def found(path, selector):
        page.goto(home + path)
        return page.locator(selector).first.get_attribute("href")

    scan = found("/?kind=scan&source=office", ".what a")
    evil = [f"/alerts/{alert.id}" for alert in evil_alerts()]
    incidents = [found(path, ".path a[href^='/incidents/']") for path in evil]
    return ["/", "/watchers", scan, found(scan, ".alerts th a"), *evil, *incidents]


@pytest.mark.parametrize("window", [WIDE, NARROW], ids=["wide", "narrow"])
def test_hostile_text_neither_runs_nor_gets_out_of_its_place(screen, home, go, paths, window):
    asked = []
    screen.page.on("request", lambda request: asked.append(request.url))
    for path in paths:
        page = go(path, window)
        if page.locator("details").count():
            page.locator("summary").click()
        page.mouse.move(200, 300)
        assert page.evaluate(OUTSIDE) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= window["width"], path
        assert page.evaluate(DRAWN_OVER) == 0, path
        assert page.locator("script, img, iframe, main svg:not(.share)").count() == 0
        assert page.evaluate("document.title") != "owned"
    assert screen.dialogs == []
    assert screen.said == []
    assert screen.asked_elsewhere == []
    assert {url.removeprefix(home) for url in asked} == {*paths, "/style.css"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(go, paths, scheme):
    for path in [*paths[:5], "/?severity=high", "/?address=none", *paths[-2:]]:
        page = go(path, scheme=scheme)
        assert page.evaluate(UNREADABLE) == [], path
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 10
        assert min(contrasts)[0] >= LOWEST_CONTRAST, (path, min(contrasts))
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")


def test_a_person_finds_an_incident_and_copies_a_command(screen, go):
    page = go("/")
    page.get_by_role("link", name="Pause").click()
    assert page.get_by_role("link", name="Refresh by itself").is_visible()
    page.get_by_label("Kind").select_option("scan")
    page.get_by_label("Address").fill("10.0.0.5")
    page.get_by_role("button", name="Filter").click()
    assert "refresh=off" in page.url
    page.get_by_role("link", name="Scan").click()
    screen.sees("10.0.0.5 raised 120 alerts")
    page.locator(".commands code").first.click()
    selected = page.evaluate("getSelection().toString()").strip()
    assert selected == page.locator(".commands code").first.inner_text()
    assert selected.startswith("oddwire explain ")
    page.get_by_role("link", name="Next page").click()
    screen.sees("10.0.1.50:22")
    page.locator(".alerts th a").first.click()
    screen.sees("10.0.0.5:49152 connected to 10.0.1.50:22")


def test_it_can_be_used_with_the_keyboard(go):
    page = go("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(3):
        page.keyboard.press("Tab")
    focused = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(focused) == "solid"


def test_pictures(screen, go, paths):
    """What it looks like, for people who look at ``ODDWIRE_PICTURES``."""
    for name, path in zip(("incidents", "watchers", "incident", "alert"), paths, strict=False):
        for window, scheme in ((WIDE, "light"), (NARROW, "dark")):
            go(path, window, scheme)
            screen.picture(f"{name}-{window['width']}")
