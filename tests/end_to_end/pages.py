"""The drawn reports, opened in a browser: on a phone and a desktop, in light and dark, and as they are printed.

pages.py [PAGE ...]      the golden reports of `notify`, or the pages named; the screenshots lie in .run/reports/pages/
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
sys.path.insert(0, str(REPO / "infra" / "local"))

from processes import die_with  # noqa: E402

Json = dict[str, Any]

GOLDEN = REPO / "functions" / "notify" / "tests" / "golden"
SHOTS = REPO / ".run" / "reports" / "pages"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")
# What a browser fetches or runs by itself; a link waits for a click.
FETCHING = set("script link img iframe object embed video audio source base form image use".split())
# The least contrast of text that WCAG 2 AA allows.
CONTRAST = 4.5
SMALLEST = 11

MEASURE = """(() => {
  const problems = [], root = document.documentElement, width = root.clientWidth;
  const colour = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => [0, 1, 2].map((i) => c[i] / 255)
    .map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const contrast = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + .05) / (y + .05);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const name = (element) => `${element.tagName} ${(element.textContent || '').trim().slice(0, 40)}`;
  const hidden = (element) => element.closest('.skip, thead') && element.getBoundingClientRect().width <= 1
    || element.closest('.skip')
    || element.closest('thead') && getComputedStyle(element.closest('thead')).position === 'absolute';
  if (root.scrollWidth > width) problems.push(`overflows: ${root.scrollWidth} > ${width}`);
  for (const box of document.querySelectorAll('.table')) {
    if (box.scrollWidth > box.clientWidth + 1) problems.push(`a table scrolls: ${name(box)}`);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, style = getComputedStyle(element);
    if (!node.data.trim() || hidden(element) || element.closest('title, desc')) continue;
    texts += 1;
    const box = element.getBoundingClientRect();
    const inPicture = element.closest('svg'), onBar = element.matches('.on');
    if (box.right > width + 1 || box.left < -1) problems.push(`sticks out: ${name(element)}`);
    if (parseFloat(style.fontSize) < SMALLEST) problems.push(`too small: ${name(element)}`);
    const bar = onBar && element.ownerSVGElement.querySelector('.bar');
    const ground = bar ? colour(getComputedStyle(bar).fill) : behind(inPicture ? inPicture.parentElement : element);
    const found = contrast(colour(inPicture ? style.fill : style.color), ground);
    if (found < CONTRAST) problems.push(`contrast ${found.toFixed(2)}: ${name(element)}`);
  }
  const pictures = [...document.querySelectorAll('svg')];
  for (const svg of pictures) {
    const box = svg.getBoundingClientRect();
    if (box.width < 200 || box.height < 50) problems.push(`a picture of ${box.width} x ${box.height}`);
    const told = (svg.getAttribute('aria-labelledby') || '').split(' ').map((id) => document.getElementById(id));
    if (told.length !== 2 || told.some((part) => !part || !part.textContent)) problems.push('a picture that is not told');
    const words = [...svg.querySelectorAll('text')];
    words.forEach((one, place) => words.slice(place + 1).forEach((other) => {
      const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3) {
        problems.push(`letters over letters: ${one.textContent} / ${other.textContent}`);
      }
    }));
    for (const shape of svg.querySelectorAll('rect, circle')) {
      const drawn = shape.getBoundingClientRect();
      if (drawn.right > box.right + 1 || drawn.left < box.left - 1) {
        problems.push(`${shape.outerHTML} is outside of its picture`);
      }
    }
  }
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  if (new Set(ids).size !== ids.length) problems.push('an id is used twice');
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    if (!document.getElementById(link.getAttribute('href').slice(1))) problems.push(`leads nowhere: ${name(link)}`);
  }
  for (const part of document.querySelectorAll('[aria-labelledby]')) {
    for (const id of part.getAttribute('aria-labelledby').split(' ')) {
      if (!document.getElementById(id)) problems.push(`no label ${id}`);
    }
  }
  for (const table of document.querySelectorAll('table')) {
    if (!table.querySelector('thead th[scope=col]')) problems.push('a table without headers');
  }
  return { problems, texts, pictures: pictures.length, height: root.scrollHeight,
    bars: document.querySelectorAll('#phases .bar').length, paper: getComputedStyle(document.body).backgroundColor };
})()""".replace("SMALLEST", str(SMALLEST)).replace("CONTRAST", str(CONTRAST))


class Browser:
    """A Chromium without a window, driven through two pipes."""

    def __init__(self, commands: int, answers: int) -> None:
        """It listens on one pipe and answers on the other."""
        self._commands, self._answers = commands, os.fdopen(answers, "rb", buffering=0)
        self._read, self._number, self._session = b"", 0, ""
        self.requests: list[str] = []
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def _message(self) -> Json:
        while b"\0" not in self._read:
            part = self._answers.read(1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self._read += part
        message, self._read = self._read.split(b"\0", 1)
        found: Json = json.loads(message)
        if found.get("method") == "Network.requestWillBeSent":
            self.requests.append(found["params"]["request"]["url"])
        return found

    def call(self, method: str, params: Json | None = None) -> Json:
        """Ask for something; its result."""
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params or {}}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._commands, json.dumps(asked).encode() + b"\0")
        while (found := self._message()).get("id") != self._number:
            pass
        if "error" in found:
            raise RuntimeError(f"{method}: {found['error']}")
        result: Json = found["result"]
        return result

    def show(self, page: Path, width: int, scheme: str, media: str = "screen") -> None:
        """Open a page as wide and as bright as asked."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", {"media": media, "features": [feature]})
        self.requests.clear()
        self.call("Page.navigate", {"url": page.as_uri()})
        while self._message().get("method") != "Page.loadEventFired":
            pass

    def measure(self) -> Json:
        """What can be measured on the page that is open."""
        found = self.call("Runtime.evaluate", {"expression": MEASURE, "returnByValue": True})
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"]))
        value: Json = found["result"]["value"]
        return value

    def shoot(self, width: int, height: int, place: Path) -> None:
        """Keep a picture of the whole page."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        place.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that ends with the block, and with us."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        subprocess.run([REPO / "infra" / "local" / "setup.sh", "browser"], check=True)
        found = next(filter(None, map(shutil.which, BROWSERS)))
    heard, commands = os.pipe()
    answers, said = os.pipe()
    # Far from 3 and 4, where the browser wants them.
    far = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 50) for end in (heard, said)]
    follow_us = die_with(os.getpid())

    def prepare() -> None:
        follow_us()
        os.dup2(far[0], 3)
        os.dup2(far[1], 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]
        process = subprocess.Popen(
            [found, "--remote-debugging-pipe", *options, *quiet, f"--user-data-dir={profile}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=prepare,
        )
        for end in (heard, said, *far):
            os.close(end)
        try:
            yield Browser(commands, answers)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(commands)


class Source(HTMLParser):
    """What a page would fetch or run, as it is written."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """No tag fetches or runs anything; only links lead outside."""
        if tag in FETCHING:
            self.problems.append(f"<{tag}>")
        for name, value in attrs:
            is_link = (tag, name) == ("a", "href")
            if name.startswith("on") or (not is_link and "://" in (value or "")):
                self.problems.append(f"<{tag} {name}={value}>")
            if is_link and not (value or "").startswith(("#", "https://")):
                self.problems.append(f"a link to {value}")

    def of(self, text: str) -> list[str]:
        """The problems of a page."""
        self.feed(text)
        style = text.partition("<style>")[2].partition("</style>")[0]
        self.problems += [f"the style has {word}" for word in ("url(", "@import") if word in style]
        return self.problems


def look(chromium: Browser, page: Path, *, keep: bool = True) -> list[str]:
    """What is wrong with a page, in each of its views."""
    problems = Source().of(page.read_text())
    papers = {}
    for width in WIDTHS:
        for scheme in SCHEMES:
            chromium.show(page, width, scheme)
            found = chromium.measure()
            papers[scheme] = found["paper"]
            view = f"{width} {scheme}"
            problems += [f"{view}: {problem}" for problem in found["problems"]]
            problems += [f"{view}: asked for {url}" for url in chromium.requests if url != page.as_uri()]
            if not found["texts"] or not found["pictures"] or not found["bars"]:
                drawn = f"{found['pictures']} pictures, {found['bars']} bars of phases"
                problems.append(f"{view}: {found['texts']} texts, {drawn}")
            if keep:
                chromium.shoot(width, found["height"], SHOTS / f"{page.stem}-{width}-{scheme}.png")
    if papers["light"] == papers["dark"]:
        problems.append(f"light and dark are both {papers['dark']}")
    # Paper is white: a dark screen must not make it black.
    chromium.show(page, 720, "dark", "print")
    printed = chromium.measure()
    problems += [f"printed: {problem}" for problem in printed["problems"]]
    if printed["paper"] != papers["light"]:
        problems.append(f"printed on {printed['paper']}")
    if keep:
        chromium.shoot(720, printed["height"], SHOTS / f"{page.stem}-print.png")
    return problems


# Each is wrong in one way that must be found.
BAD = {
    "overflows": "<div style='width:2000px'>x</div>",
    "contrast": "<p style='color:#999;background:#fff'>x</p>",
    "asked for": "<p style='background:url(data:text/plain,x)'>x</p><img src='file:///nowhere.png'>",
    "<img>": "<img src='data:,'>",
    "<script>": "<script>1</script>",
    "a link to javascript:": "<a href='javascript:1'>x</a>",
    "leads nowhere": "<a href='#nowhere'>x</a>",
    "letters over letters": "<svg width='300' height='60'><text y='30'>one</text><text x='9' y='30'>two</text></svg>",
    "a picture that is not told": "<svg width='300' height='60'></svg>",
    "0 bars of phases": "<p>x</p>",
    "light and dark are both": "<p>x</p>",
    "a table without headers": "<table><tr><td>x</td></tr></table>",
}


def blind(chromium: Browser) -> list[str]:
    """What is wrong with this program: a fault that it does not see."""
    missed = []
    with tempfile.TemporaryDirectory() as place:
        for name, body in BAD.items():
            page = Path(place) / "bad.html"
            page.write_text(f"<!doctype html><title>bad</title><body>{body}")
            if not any(name in problem for problem in look(chromium, page, keep=False)):
                missed.append(f"does not find: {name}")
    return missed


def main() -> int:
    """Look at all pages; the exit status."""
    parser = argparse.ArgumentParser(description="The drawn reports in a browser.")
    parser.add_argument("--binaries", help="not needed")
    parser.add_argument("pages", nargs="*", type=Path)
    pages = parser.parse_args().pages
    SHOTS.mkdir(parents=True, exist_ok=True)
    with browser() as chromium:
        wrong = [] if pages else blind(chromium)
        pages = [page.resolve() for page in pages] or sorted(GOLDEN.glob("*.html"))
        for page in pages:
            wrong += [f"{page.name}: {problem}" for problem in look(chromium, page)]
    for problem in wrong:
        print(f"  wrong: {problem}")
    good = bool(pages) and not wrong
    views = len(WIDTHS) * len(SCHEMES) + 1
    word = "KEPT" if good else "FAILED"
    print(f"{word} pages pages={len(pages)} views={views}: reports are whole, legible and alone", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
