"""Mail to members: by a mail server, or into the demo's mailbox. Called when a sign-in code is asked for.

Both return at once, so that the answer to a known and to an unknown address takes the same time.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final, Protocol

from token_service.ledger.context import Context
from token_service.ledger.sessions import keep_mail

WAITING_MAX: Final = 1_000
"""Mails waiting for a slow mail server; beyond it new ones are dropped, and the log says so."""
TIMEOUT_SECONDS: Final = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mail:
    """Plain text to one recipient."""

    recipient: str
    subject: str
    body: str = field(repr=False)


class Mailer(Protocol):
    """Takes a mail and returns at once; whether it arrived is not known."""

    def send(self, mail: Mail) -> None: ...


@dataclass(frozen=True)
class OutboxMailer:
    """Keeps mails in the ledger's database for the demo's /mailbox, where everybody can read them."""

    context: Context

    def send(self, mail: Mail) -> None:
        keep_mail(self.context, recipient=mail.recipient, subject=mail.subject, body=mail.body)


class NoMailer:
    """For a deployment without a mail server: the mail is dropped and the log says so, never its text."""

    def send(self, mail: Mail) -> None:
        log.warning("mail not sent: there is no mail server; members cannot sign in")


@dataclass(frozen=True)
class MailServer:
    """How to reach the mail server. `security`: "tls" from the first byte, "starttls", or "none" (a relay on this machine)."""

    host: str
    port: int
    sender: str
    security: str = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)


class SmtpMailer:
    """Sends through one mail server, one mail after another, in a thread of its own. A mail that fails is logged without
    its recipient or text and not tried again: the member asks for another code."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
        self._waiting: set[Future[None]] = set()

    def send(self, mail: Mail) -> None:
        if len(self._waiting) >= WAITING_MAX:
            log.warning("mail dropped: %d are waiting for the mail server", len(self._waiting))
            return
        future = self._thread.submit(self._deliver, mail)
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)

    def close(self) -> None:
        """Returns when everything that was accepted has been tried."""
        self._thread.shutdown(wait=True)

    def _deliver(self, mail: Mail) -> None:
        try:
            with connect_to(self._server) as connection:
                if self._server.user is not None:
                    connection.login(self._server.user, self._server.password or "")
                connection.send_message(message(mail, sender=self._server.sender))
        except (OSError, ValueError, smtplib.SMTPException) as error:
            log.warning("mail not sent: %s", type(error).__name__)


def connect_to(server: MailServer) -> smtplib.SMTP:
    """A connection as `server.security` says, certificate checked."""
    if server.security == "tls":
        secure = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=secure)
    connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    if server.security == "starttls":
        connection.starttls(context=ssl.create_default_context())
    return connection


def message(mail: Mail, *, sender: str) -> EmailMessage:
    """The mail as it goes out. Raises ValueError if an address or the subject contains a line break."""
    text = EmailMessage()
    text["From"] = sender
    text["To"] = mail.recipient
    text["Subject"] = mail.subject
    text["Date"] = formatdate(localtime=False)
    text["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].rstrip(">") or None)
    text["Auto-Submitted"] = "auto-generated"
    text.set_content(mail.body)
    return text
