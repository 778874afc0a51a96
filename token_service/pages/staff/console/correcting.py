"""A member's own data put right: name, e-mail address, birth date, language. The trail says which of them changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Forbidden, InvalidInput
from token_service.ledger.inputs import MemberChange
from token_service.ledger.profiles import FIELDS
from token_service.ledger.sessions import normal_email
from token_service.ledger.staff_members import correct_data
from token_service.ledger.views import Member
from token_service.pages.languages import LANGUAGES, language_of, page_language
from token_service.pages.mail import Mail
from token_service.pages.services import services
from token_service.pages.signing_in import is_email
from token_service.pages.staff.console.adjusting import others
from token_service.pages.staff.console.forms import Words, text_mistake
from token_service.pages.staff.console.forms import field as typed
from token_service.pages.staff.rules import add_page
from token_service.pages.staff.signed_in import person
from token_service.pages.translation import gettext, in_language

NAME_LENGTH_MAX: Final = 200


@dataclass
class Filled:
    """The form as it was filled in, and what is wrong with it by field."""

    name: str = ""
    email: str = ""
    birth_date: str = ""
    locale: str = ""
    mistakes: Words = field(default_factory=Words)


def add_to(pages: Blueprint) -> None:
    """Adds the form, below /console/members/{id}."""
    path = "/console/members/<member_id>/data"
    add_page(pages, path, "member_data", form, "members:adjust")
    add_page(pages, path, "member_correct", correct, "members:adjust", post=True)


def form(member_id: str) -> ResponseReturnValue:
    member = others(member_id)
    born = "" if member.birth_date is None else member.birth_date.isoformat()
    return _page(member, Filled(member.name or "", member.email or "", born, member.locale or ""))


def correct(member_id: str) -> ResponseReturnValue:
    """Keeps what is another than before; the old e-mail address is told that it signs in no more."""
    member = others(member_id)
    filled = _filled_form(member)
    if filled.mistakes:
        return _page(member, filled), 422
    born = date.fromisoformat(filled.birth_date) if filled.birth_date else None
    wanted = MemberChange(
        frozenset(FIELDS), filled.email or None, filled.name or None, filled.locale or None, birth_date=born
    )
    try:
        done = correct_data(services().context, person(), member.id, wanted)
    except Forbidden:
        filled.mistakes["email"] = gettext("This is your own address: a colleague must note it.")
        return _page(member, filled), 403
    except InvalidInput:
        filled.mistakes["birth_date"] = gettext("Nobody is born in the future.")
        return _page(member, filled), 422
    if "email" in done.fields and member.email is not None:
        _tell_old(member, member.email)
    return redirect(url_for("staff.member", member_id=member.id, done="corrected" if done.fields else None), 303)


def _filled_form(member: Member) -> Filled:
    filled = Filled(
        typed("name", NAME_LENGTH_MAX), normal_email(typed("email", 254)), typed("birth_date", 30), typed("locale", 16)
    )
    if filled.name and (mistake := text_mistake(filled.name, NAME_LENGTH_MAX)) is not None:
        filled.mistakes["name"] = mistake
    if filled.email and not is_email(filled.email):
        filled.mistakes["email"] = gettext("Give an e-mail address, such as lea@example.com.")
    if filled.birth_date and _day(filled.birth_date) is None:
        filled.mistakes["birth_date"] = gettext("Write the day as 1990-05-01.")
    if filled.locale not in {"", member.locale, *LANGUAGES}:
        filled.mistakes["locale"] = gettext("Choose one of these.")
    return filled


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _page(member: Member, filled: Filled) -> str:
    """The form; a language that the pages do not speak stays as it is unless another one is chosen."""
    known = [("", gettext("not known")), *LANGUAGES.items()]
    if member.locale and member.locale not in LANGUAGES:
        known.insert(1, (member.locale, member.locale))
    return render_template(
        "staff/console/correct.html",
        program=services().ruleset().program,
        member=member,
        filled=filled,
        known_locales=known,
    )


def _tell_old(member: Member, email: str) -> None:
    """In case it was not meant. The new address is not named: the old one may be a stranger's."""
    program = services().ruleset().program
    with in_language(language_of(member.locale) or page_language()):
        subject = gettext("This address no longer signs in to points at %(program)s", program=program.name)
        body = gettext(
            "Hello,\n\nThe e-mail address of an account at %(program)s was changed; it was this one before. If you did not ask"
            " for that, tell the shop.\n",
            program=program.name,
        )
    services().mailer.send(Mail(recipient=email, subject=subject, body=body))
