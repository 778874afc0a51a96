"""What the tests of the console's pages share: somebody of each role signed in, and the forms' own names for what they do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Flask
from pages_town import Browser, Town
from staff_people import hire, signed_in
from werkzeug.test import TestResponse

from token_service.ledger.staff import Person


@dataclass
class Desk:
    """A person at the console: who they are, and their browser."""

    person: Person
    browser: Browser

    def get(self, path: str) -> TestResponse:
        return self.browser.get(path)

    def post(self, path: str, **form: str) -> TestResponse:
        return self.browser.post(path, **form)

    def read(self, path: str) -> str:
        """The text of a page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text


def desk(town: Town, role: str, app: Flask | None = None, **more: str) -> Desk:
    """Somebody of this role, in English unless told, signed in."""
    person = hire(town, role, **({"locale": "en"} | more))
    return Desk(person, signed_in(town, person, app))


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]
