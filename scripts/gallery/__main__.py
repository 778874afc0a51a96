"""`make gallery`: a picture of every page of a demo, as each kind of person, on phone and desktop, in both languages, light and
dark, with one HTML page that shows them all. Look at it before a release."""

from __future__ import annotations

import html
import re
import shutil
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from scripts.gallery.crawling import pages_of, shape
from scripts.gallery.deployment import ROOT, Demo, running_demo

SIZES: Final = {"phone": (360, 740), "desktop": (1280, 800)}
LOOKS: Final = (("fr-FR", "light"), ("en-GB", "dark"))
PASSWORD: Final = "the gallery looks at everything"


@dataclass(frozen=True)
class Person:
    """Whose pages are shown: where they start, and the cookies of their session."""

    name: str
    start: str
    cookies: list[Any]


def main(folder: Path) -> int:
    """Makes the gallery; the number of pictures is printed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with running_demo() as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic"],
        )
        pictures = [
            picture for person in _people(browser, demo) for picture in _pictures(browser, demo, person, folder)
        ]
        browser.close()
    (folder / "index.html").write_text(_index(pictures), encoding="utf-8")
    print(f"{len(pictures)} pictures: open {folder / 'index.html'}")
    return 0 if pictures else 1


def _people(browser: Browser, demo: Demo) -> list[Person]:
    people = [Person("stranger", "/sign-in", []), Person("member", "/wallet", _member(browser, demo))]
    for role, start in (("cashier", "/staff"), ("owner", "/staff")):
        people.append(Person(role, start, _staff(browser, demo, role)))
    return people


def _member(browser: Browser, demo: Demo) -> list[Any]:
    context = browser.new_context(base_url=demo.url, locale="en-GB")
    page = context.new_page()
    page.goto("/sign-in")
    page.fill("#email", demo.member)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/code")
    mailbox = context.new_page()
    mailbox.goto("/mailbox")
    found = re.search(r"^(\d{6})$", mailbox.locator("pre").first.inner_text(), re.MULTILINE)
    assert found is not None
    page.fill("#code", found[1])
    page.keyboard.press("Enter")
    page.wait_for_url("**/wallet")
    return _cookies(context)


def _staff(browser: Browser, demo: Demo, role: str) -> list[Any]:
    email = demo.staff(role)
    first = demo.password(email)
    context = browser.new_context(base_url=demo.url, locale="en-GB")
    page = context.new_page()
    page.goto("/staff/sign-in")
    page.fill("#email", email)
    page.fill("#password", first)
    page.keyboard.press("Enter")
    page.wait_for_url("**/staff/password")
    for name, text in (("current", first), ("new", PASSWORD), ("again", PASSWORD)):
        page.fill(f"#{name}", text)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/(till|console)"))
    return _cookies(context)


def _cookies(context: BrowserContext) -> list[Any]:
    kept = context.cookies()
    context.close()
    return kept


def _pictures(browser: Browser, demo: Demo, person: Person, folder: Path) -> list[tuple[str, str]]:
    """(name, file) of each picture of this person's pages."""
    context = browser.new_context(base_url=demo.url)
    context.add_cookies(person.cookies)
    paths = pages_of(context, person.start)
    context.close()
    made = []
    for (size, (width, height)), (locale, scheme) in product(SIZES.items(), LOOKS):
        context = browser.new_context(
            base_url=demo.url,
            viewport={"width": width, "height": height},
            locale=locale,
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
        )
        context.add_cookies(person.cookies)
        page = context.new_page()
        _speak(page, person, locale[:2])
        for number, path in enumerate(paths, start=1):
            page.goto(path)
            name = f"{person.name}-{number:02}-{size}-{locale[:2]}-{scheme}.png"
            page.screenshot(path=folder / name, full_page=True)
            made.append((f"{person.name} · {shape(path)} · {size} · {locale[:2]} · {scheme}", name))
        context.close()
    return made


def _speak(page: Page, person: Person, language: str) -> None:
    """Changes the language of whoever is signed in: it goes before the browser's."""
    page.goto("/preferences" if person.name == "member" else person.start)
    if page.locator("html").get_attribute("lang") != language:
        page.locator(f"button[name=language][value={language}]").first.click()


def _index(pictures: list[tuple[str, str]]) -> str:
    figures = "\n".join(
        f'<figure><img src="{name}" alt="" loading="lazy"><figcaption>{html.escape(title)}</figcaption></figure>'
        for title, name in pictures
    )
    style = (
        "body{font:1rem system-ui;display:flex;flex-wrap:wrap;gap:2rem}figure{margin:0;max-width:22rem}img{width:100%}"
    )
    return f'<!doctype html><meta charset="utf-8"><title>Méreau</title><style>{style}</style>\n{figures}\n'


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "var" / "gallery"))
