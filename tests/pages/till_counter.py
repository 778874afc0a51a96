"""A cashier's browser for the tests of the till: looks, confirms, and sends the same form again."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from pages_town import ORIGIN, Browser, Town
from staff_people import hire, signed_in
from werkzeug.test import TestResponse

from token_service.ledger.staff import Person


@dataclass
class Form(HTMLParser):
    """The form of a page that records something: where it goes and what it holds."""

    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    _inside: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = "data-once" in found
            self.action = found["action"] if self._inside else self.action
        if tag == "input" and self._inside:
            self.fields.append((found["name"], found["value"]))

    @property
    def reference(self) -> str:
        return dict(self.fields)["reference"]


@dataclass
class Counter:
    """Somebody at a till."""

    browser: Browser
    person: Person

    def look(self, path: str, **query: Any) -> TestResponse:
        """The page, behind the redirects that looking makes."""
        answer = self.browser.get(path, query_string=query)
        return self.browser.get(answer.location) if answer.status_code == 303 else answer

    def send(self, form: Form, **changed: str) -> TestResponse:
        """The form, as a browser posts it."""
        fields: dict[str, list[str]] = {}
        for name, value in form.fields:
            fields.setdefault(name, []).append(value)
        data = fields | {name: [value] for name, value in changed.items()}
        return self.browser.client.post(form.action, data=data, headers=ORIGIN)

    def confirm(self, page: TestResponse) -> TestResponse:
        """The receipt behind the page's form."""
        answer = self.send(form_of(page))
        assert answer.status_code == 303, answer.text
        return self.browser.get(answer.location)

    def buy(self, member_id: str, total: str) -> str:
        """The id of a purchase, typed and confirmed."""
        answer = self.send(form_of(self.look(f"/till/members/{member_id}/purchase", total=total)))
        return str(answer.location).partition("?")[0].rpartition("/")[2]


def form_of(page: TestResponse) -> Form:
    """The one form of the page that records something."""
    assert page.status_code == 200, page.text
    form = Form()
    form.feed(page.text)
    assert form.action
    return form


def at_counter(town: Town, email: str = "paul@example.com", **more: str | None) -> Counter:
    """A cashier of the town's shop, English unless said otherwise."""
    person = hire(town, "cashier", email, **({"locale": "en"} | more))
    return Counter(signed_in(town, person), person)
