"""The pages that members see (signing in, the wallet, one entry, preferences, the open books; in a demo also the mailbox) and
those of staff (staff/: signing in, till, console).

Server-rendered, complete without JavaScript, in French and English. `register_pages(app, services)` is all that app.py needs.
"""

from flask import Flask

from token_service.pages.blueprint import create_pages
from token_service.pages.error_pages import error_page
from token_service.pages.mail import Mail, Mailer, MailServer, NoMailer, OutboxMailer, SmtpMailer
from token_service.pages.services import ExportKey, Look, Services
from token_service.pages.staff import create_staff_pages

__all__ = [
    "ExportKey",
    "Look",
    "Mail",
    "MailServer",
    "Mailer",
    "NoMailer",
    "OutboxMailer",
    "Services",
    "SmtpMailer",
    "error_page",
    "register_pages",
]


def register_pages(app: Flask, services: Services) -> None:
    """Puts all pages on the application: the members' and those of staff."""
    app.register_blueprint(create_pages(services))
    app.register_blueprint(create_staff_pages())
