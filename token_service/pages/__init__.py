"""The pages that members see: signing in, the wallet, one entry, preferences; in a demo also the mailbox.

Server-rendered, complete without JavaScript, in French and English. `create_pages(services)` is all that app.py needs.
"""

from token_service.pages.blueprint import create_pages
from token_service.pages.error_pages import error_page
from token_service.pages.mail import Mail, Mailer, MailServer, NoMailer, OutboxMailer, SmtpMailer
from token_service.pages.services import Look, Services

__all__ = [
    "Look",
    "Mail",
    "MailServer",
    "Mailer",
    "NoMailer",
    "OutboxMailer",
    "Services",
    "SmtpMailer",
    "create_pages",
    "error_page",
]
