"""The WSGI application: the API and the pages on one Flask app. The web process calls `create_wsgi`, after its fork."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from typing import Final
from urllib.parse import unquote, urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from token_service import api, pages
from token_service.app.application import Application, open_application
from token_service.chain.embedded import EmbeddedReader, chain_file_report
from token_service.chain.looking import SECONDS as LOOK_SECONDS
from token_service.chain.looking import BoundedLook
from token_service.chain.node import HttpNode
from token_service.chain.rpc_facade import answer, snapshot_node
from token_service.chain.settlement.startup import recorded_identity
from token_service.config import Settings
from token_service.errors import BadSettings
from token_service.ledger.settlement_health import ChainSize
from token_service.migrations import require_current
from token_service.protocol.settled_batch import Sighting, Wanted
from token_service.worker import read_backlog

LOOPBACK: Final = "http://127.0.0.1"
"""Where members come from unless MEREAU_PUBLIC_URL says otherwise: this machine, over plain http."""
LOOKS: Final = "12 per minute"
"""Proofs that one session may have checked against the chain."""
SMTP_SECURITY: Final = {"smtp": "starttls", "smtps": "tls", "smtp+plain": "none"}


def create_wsgi() -> Flask:
    """The application of the data folder that the settings name. Raises NotInitialised, BadSettings."""
    application = open_application()
    application.store.leave_checkpoints()
    application.store.share_transactions()
    return create_web(application)


def create_web(application: Application) -> Flask:
    """The API with the pages registered on it."""
    settings = application.settings
    public_url = settings.public_url.rstrip("/") if settings.public_url is not None else None
    reader = EmbeddedReader(application.chain_path) if settings.embedded else None
    app: Flask = api.create_api(
        api.Services(
            ledger=application.context,
            version=version("mereau"),
            public_url=public_url,
            rpc_url=None if settings.embedded else settings.public_rpc_url,
            answer_rpc=_rpc(reader) if reader is not None else None,
            readiness={"migrations": lambda: require_current(application.store)},
            rate_limit=f"{settings.requests_per_second} per second",
            error_page=pages.error_page,
            moved_clock=settings.clock is not None,
        )
    )
    pages.register_pages(
        app,
        pages.Services(
            context=application.context,
            mailer=_mailer(application),
            base_url=public_url or LOOPBACK,
            backlog=lambda: read_backlog(application.store, application.context.now),
            chain_size=_chain_size(application) if settings.embedded else None,
            demo=settings.demo,
            shown_clock=application.context.now if settings.clock is not None else None,
            public_url=public_url,
            rpc_url=None if settings.embedded else settings.public_rpc_url,
            look=_look(application, reader),
            export_key=_key_export(application),
            export_cooling_off=settings.export_cooling_off,
        ),
    )
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]
    return app


def _rpc(reader: EmbeddedReader) -> api.AnswerRpc:
    return lambda body: answer(body, reader)


def _chain_size(application: Application) -> Callable[[], ChainSize]:
    def measure() -> ChainSize:
        report = chain_file_report(application.chain_path)
        return ChainSize(report.size_bytes, report.is_advised_to_move)

    return measure


def _look(application: Application, reader: EmbeddedReader | None) -> pages.Look:
    """How a page of proof asks the chain: the embedded chain's snapshot, or the operator's node; so often for each session."""
    limit = api.RateLimit(LOOKS)
    if reader is not None:
        bounded = BoundedLook(lambda: snapshot_node(reader), depth=0)
    else:
        settings = application.settings
        identity = recorded_identity(application.store)
        node = HttpNode(settings.rpc_urls, identity=identity, timeout_seconds=LOOK_SECONDS, read_rounds=1)
        bounded = BoundedLook(lambda: nullcontext(node), settings.confirmations)

    def look(who: str, wanted: Wanted) -> Sighting:
        limit.take(who)
        return bounded(wanted)

    return look


def _key_export(application: Application) -> pages.ExportKey:
    """Asks the signer, wherever it is."""
    return lambda member, passphrase: application.make_signer(None).export_keystore(member, passphrase)


def _mailer(application: Application) -> pages.Mailer:
    settings = application.settings
    if settings.demo:
        return pages.OutboxMailer(application.context)
    if settings.smtp_url is None:
        return pages.NoMailer()
    return pages.SmtpMailer(_mail_server(settings))


def _mail_server(settings: Settings) -> pages.MailServer:
    assert settings.smtp_url is not None
    address = urlsplit(settings.smtp_url.get_secret_value())
    if address.scheme not in SMTP_SECURITY or address.hostname is None:
        raise BadSettings(
            "MEREAU_SMTP_URL looks like smtp://user:password@host:587, or smtps://… for TLS from the start"
        )
    return pages.MailServer(
        host=address.hostname,
        port=address.port or (465 if address.scheme == "smtps" else 587),
        sender=settings.mail_from,
        security=SMTP_SECURITY[address.scheme],
        user=unquote(address.username) if address.username else None,
        password=unquote(address.password) if address.password else None,
    )
