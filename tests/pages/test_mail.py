"""Mail through a real conversation with a small mail server on this machine."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest

from token_service.pages import Mail, MailServer, SmtpMailer
from token_service.pages.mail import message

MAIL = Mail("alice@example.com", "123456 est votre code pour L’Épicerie", "Bonjour,\n\n123456\n")


class Conversation(socketserver.StreamRequestHandler):
    """As much of SMTP as one mail needs; keeps what came after DATA."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(lines).decode())  # type: ignore[attr-defined]
            if word == b"QUIT":
                self.wfile.write(b"221 farewell\r\n")
                return
            self.wfile.write(b"550 no\r\n" if word == b"RCPT" and b"nobody@" in line else b"250 well\r\n")


@pytest.fixture
def server() -> Iterator[socketserver.TCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as made:
        made.mails = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def mailer_for(port: int) -> SmtpMailer:
    return SmtpMailer(MailServer("127.0.0.1", port, "Les Halles <points@example.com>", security="none"))


def test_a_mail_arrives_with_its_headers(server: socketserver.TCPServer, caplog: pytest.LogCaptureFixture) -> None:
    mailer = mailer_for(server.server_address[1])
    mailer.send(MAIL)
    mailer.close()
    (text,) = server.mails  # type: ignore[attr-defined]
    assert "To: alice@example.com" in text
    assert "From: Les Halles <points@example.com>" in text
    assert "Auto-Submitted: auto-generated" in text
    assert "123456" in text
    assert caplog.text == ""


def test_a_failing_mail_is_dropped_without_naming_anybody(
    server: socketserver.TCPServer, caplog: pytest.LogCaptureFixture
) -> None:
    mailer = mailer_for(server.server_address[1])
    mailer.send(Mail("nobody@example.com", "123456", "654321"))
    mailer.send(MAIL)
    mailer.close()
    assert len(server.mails) == 1  # type: ignore[attr-defined]
    assert "mail not sent: SMTPRecipientsRefused" in caplog.text
    assert not any(secret in caplog.text for secret in ("nobody@", "123456", "654321"))


def test_an_absent_server_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Conversation) as closed:
        port = closed.server_address[1]
    mailer = mailer_for(port)
    mailer.send(MAIL)
    mailer.close()
    assert "mail not sent: ConnectionRefusedError" in caplog.text


def test_a_line_break_in_an_address_makes_no_second_header() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        message(Mail("a@example.com\nBcc: b@example.com", "s", "b"), sender="points@example.com")


def test_neither_mail_nor_server_shows_secrets_when_printed() -> None:
    assert "Bonjour" not in repr(MAIL)
    assert "hunter2" not in repr(MailServer("h", 25, "s@example.com", password="hunter2"))
