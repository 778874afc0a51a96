"""Every relative link of the pages leads to a file that exists, and to a heading of it; every page is reached from README.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import PAGES, ROOT, headings, name_of, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(prose(page)) if "://" not in link and not link.startswith("mailto:")]


def slugs(page: Path) -> set[str]:
    """The anchors that a code host gives the page's headings."""
    plain = (re.sub(r"\]\([^)]*\)|[`*\[]", "", heading).lower() for heading in headings(page))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def target_of(page: Path, link: str) -> tuple[Path, str]:
    path, _, anchor = link.partition("#")
    return ((page.parent / path).resolve() if path else page), anchor


@pytest.mark.parametrize("document", PAGES, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in links(document):
        target, anchor = target_of(document, link)
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in slugs(target), link


def test_every_page_is_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page.suffix == ".md" and page not in seen:
            seen.add(page)
            waiting += [target_of(page, link)[0] for link in links(page)]
        if page == ROOT / "docs/adr":
            waiting += sorted(page.glob("*.md"))
    assert [name_of(page) for page in PAGES if page not in seen] == []


def test_the_pages_are_found() -> None:
    assert len(PAGES) > 15
    assert sum(len(links(page)) for page in PAGES) > 40
