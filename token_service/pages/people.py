"""The people of a company in its wallet: who signs in, somebody let in, somebody shut out. Not there for one person's own card.

Both need a session of the last quarter of an hour (confirming.py). What is said of an address is only whether it signs in here.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.ledger.colleagues import (
    ADDED_A_DAY_MAX,
    NAME_LENGTH_MAX,
    Added,
    Company,
    Removed,
    add_colleague,
    company_of,
    remove_colleague,
)
from token_service.ledger.sessions import normal_email
from token_service.ledger.users import USERS_MAX
from token_service.ledger.views import User
from token_service.pages import formats
from token_service.pages.confirming import is_fresh
from token_service.pages.cookies import clear_cookie
from token_service.pages.languages import page_language
from token_service.pages.mail import Mail
from token_service.pages.services import services
from token_service.pages.signed_in import member_id, session
from token_service.pages.signing_in import is_email
from token_service.pages.translation import gettext, in_language


def add_to(pages: Blueprint) -> None:
    """Adds /people."""
    pages.add_url_rule("/people", "people", people)
    pages.add_url_rule("/people", "add_person", add, methods=["POST"])
    pages.add_url_rule("/people/<user_id>/remove", "person", person)
    pages.add_url_rule("/people/<user_id>/remove", "remove_person", remove, methods=["POST"])


def people() -> ResponseReturnValue:
    return _page()


def add() -> ResponseReturnValue:
    """Lets somebody in, and tells them and the card's own address by mail. Sent twice, it is done once."""
    if not is_fresh():
        return redirect(url_for("pages.confirm", purpose="people"), 303)
    email = normal_email(request.form.get("email", ""))[:300]
    name = _clean(request.form.get("name", ""))
    if not is_email(email):
        return _page(gettext("Give an e-mail address, such as lea@example.com."), email, name), 422
    done = add_colleague(services().context, member_id(), session().email, email, name or None)
    if done is Added.FULL:
        said = gettext(
            "%(count)s people sign in already, and that is the most. Remove somebody first.", count=USERS_MAX
        )
        return _page(said, email, name), 422
    if done is Added.TOO_MANY:
        said = gettext(
            "%(count)s people were added today, and that is the most. Go on tomorrow.", count=ADDED_A_DAY_MAX
        )
        return _page(said, email, name), 422
    if done is Added.DONE:
        _tell_added(email, _company())
    return redirect(url_for("pages.people", done=done.value), 303)


def person(user_id: str) -> ResponseReturnValue:
    """Asks whether somebody is to be shut out."""
    return _removal_page(_company(), user_id)


def remove(user_id: str) -> ResponseReturnValue:
    """Shuts somebody out at once; whoever did it to themselves is at the door."""
    if not is_fresh():
        return redirect(url_for("pages.confirm", purpose="people"), 303)
    company = _company()
    gone = next((one for one in company.users if one.id == user_id), None)
    done = remove_colleague(services().context, member_id(), session().email, user_id)
    if done is Removed.LAST:
        return _removal_page(company, user_id, status=409)
    if done is Removed.DONE and gone is not None:
        _tell_removed(gone, company)
    if done is Removed.DONE and gone is not None and gone.email == session().email:
        response = redirect(url_for("pages.sign_in"), 303)
        clear_cookie(response, "session")
        return response
    return redirect(url_for("pages.people", done=Removed.DONE.value), 303)


def _company() -> Company:
    """The signed-in member's. Raises NotFound if it is one person's card."""
    return company_of(services().context, member_id())


def _clean(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()[:NAME_LENGTH_MAX]


def _page(error: str | None = None, email: str = "", name: str = "") -> str:
    return render_template(
        "people.html",
        program=services().ruleset().program,
        company=_company(),
        you=session().email,
        is_fresh=is_fresh(),
        error=error,
        email=email,
        name=name,
        done=request.args.get("done") if error is None else None,
    )


def _removal_page(company: Company, user_id: str, *, status: int = 200) -> ResponseReturnValue:
    found = next((one for one in company.users if one.id == user_id), None)
    if found is None:
        abort(404)
    page = render_template(
        "person_remove.html",
        program=services().ruleset().program,
        person=found,
        is_you=found.email == session().email,
        is_last=company.count == 1,
        is_fresh=is_fresh(),
    )
    return page, status


def _tell_added(email: str, company: Company) -> None:
    """The one who was let in learns that they may sign in, and where if we know our own address: a browser's word for it is not
    repeated to somebody else. The card's own address learns it, too.
    """
    program, public = services().ruleset().program, services().public_url
    with in_language(page_language()):
        subject = gettext("You can sign in to a company’s points at %(program)s", program=program.name)
        body = gettext(
            "Hello,\n\n%(by)s lets you sign in to the points of %(company)s at %(program)s, with this e-mail address. No"
            " password is needed. If you do not know why, you need not do anything.\n",
            by=session().email,
            company=company.name or gettext("a company"),
            program=program.name,
        )
        place = f"\n{public.rstrip('/')}{url_for('pages.sign_in')}\n" if public else ""
        services().mailer.send(Mail(recipient=email, subject=subject, body=body + place))
        said = gettext("%(by)s let %(email)s sign in to your points on %(day)s at %(time)s.", email=email, **_when())
    _tell_own(company, said)


def _tell_removed(gone: User, company: Company) -> None:
    with in_language(page_language()):
        said = gettext(
            "%(by)s removed %(email)s on %(day)s at %(time)s: they no longer sign in to your points.",
            email=gone.email,
            **_when(),
        )
    _tell_own(company, said)


def _tell_own(company: Company, said: str) -> None:
    """The card's own address, in case it was not meant; not when it did it itself."""
    if company.email is None or company.email == session().email:
        return
    program = services().ruleset().program
    with in_language(page_language()):
        subject = gettext("Who signs in to your points at %(program)s has changed", program=program.name)
        body = gettext(
            "Hello,\n\n%(said)s\n\nIf that is not right, sign in and change it, or ask the shop to.\n", said=said
        )
    services().mailer.send(Mail(recipient=company.email, subject=subject, body=body))


def _when() -> dict[str, str]:
    now, zone = services().context.now(), services().ruleset().program.time_zone
    return {"by": session().email, "day": formats.day(now, zone), "time": formats.clock(now, zone)}
