"""Which pages there are for somebody: found by following links, one address for each shape of page."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext

PAGES_MAX: Final = 60
NAMES: Final = re.compile(r"[a-z]{3}_[0-9A-Z]{26}|0x[0-9a-fA-F]{40,64}|(?<=^/rewards/).+")
NOT_PAGES: Final = re.compile(r"^/(assets|rpc|v1|docs|openapi\.json)(/|$)|\.(csv|json|svg)$|/receipt$")


def shape(path: str) -> str:
    """The address with whatever names one thing left out: all entries' pages have one shape."""
    return NAMES.sub("…", path)


def pages_of(context: BrowserContext, start: str) -> list[str]:
    """Paths that links lead to from `start`, itself first, one of each shape; at most 60."""
    page = context.new_page()
    found, waiting = {}, [start]
    while waiting and len(found) < PAGES_MAX:
        path = waiting.pop(0)
        if shape(path) in found or NOT_PAGES.search(path):
            continue
        response = page.goto(path)
        here = urlsplit(page.url).path
        if response is None or not response.ok or "text/html" not in response.headers.get("content-type", ""):
            continue
        if shape(here) in found:
            continue
        found[shape(here)] = here
        links = page.locator("a[href]:not([download])").evaluate_all("all => all.map(one => one.href)")
        origin = urlsplit(page.url)[:2]
        waiting += [parts.path for link in links if (parts := urlsplit(link))[:2] == origin and not parts.query]
    page.close()
    return list(found.values())
