"""A programme with a shop and its members, for the tests of the pages; data are made through the ledger's use cases."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache, StrictUndefined
from jinja2.bccache import Bucket
from ulid import ULID
from werkzeug.test import TestResponse

from token_service import pages
from token_service.custody.accounts import new_account
from token_service.custody.key_ring import KeyRing
from token_service.ledger.context import Actor, Context, NewAccount
from token_service.ledger.inputs import NewIssuance, NewMember, NewMerchant, NewProgram, NewPurchase, NewStore
from token_service.ledger.issuances import issue
from token_service.ledger.members import enrol
from token_service.ledger.merchants import create_merchant, create_store
from token_service.ledger.program_setup import create_program, set_contract
from token_service.ledger.purchases import record_purchase
from token_service.ledger.sessions import kept_mails
from token_service.ledger.store import open_store
from token_service.ledger.views import Purchase
from token_service.migrations import upgrade
from token_service.program.ruleset import canonical_json, parse_ruleset
from token_service.worker import read_backlog

RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning: [{id: base, kind: spend, points: 1, per: 100}]
campaigns:
  - {id: big-basket, name: {fr: Grand panier, en: Big basket}, when: order.total >= 10000, award: {points: 50}}
tiers:
  qualify_by: spend
  window: {kind: rolling, period: P12M}
  levels:
    - {id: silver, from: 0, name: {fr: Argent, en: Silver}}
    - {id: gold, from: 100000, name: {fr: Or, en: Gold}, multiplier_percent: 150, benefits: [free-delivery]}
benefits: [{id: free-delivery, name: {fr: Livraison offerte, en: Free delivery}}]
challenges:
  - id: coffee-card
    name: {fr: Carte café, en: Coffee card}
    count: {kind: items, categories: [coffee]}
    target: 5
    repeat: always
    award: {reward: free-coffee}
  - id: critic
    name: {fr: Plume d’or, en: Golden pen}
    count: {kind: events, event: review.written}
    target: 2
    award: {badge: true}
expiry: {kind: fixed, period: P2M}
limits: {manual_issuance_points: 9007199254740991}
rewards:
  - {id: free-coffee, kind: gift, points: 100, name: {fr: Café offert, en: A free coffee}}
  - {id: hamper, kind: gift, points: 2500, name: {fr: Panier gourmand, en: Gourmet hamper}}
"""
WAITING_RULES = RULES + "return_window: P14D\n"
START = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
ORIGIN = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says with a form of our own page."""


@dataclass
class Clock:
    """Time that stands still until it is moved."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


class CompiledTemplates(BytecodeCache):
    """What one town compiled, the next one uses."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        kept = self.kept.get((bucket.key, bucket.checksum))
        if kept is not None:
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


COMPILED_TEMPLATES = CompiledTemplates()


@dataclass
class Town:
    """The programme, its shop, and a way to make members and what happens to them."""

    context: Context
    clock: Any
    merchant_id: str
    store_id: str
    count: int = 0
    actor: Actor = field(init=False)

    def __post_init__(self) -> None:
        self.actor = Actor.merchant(self.merchant_id)

    def reference(self) -> str:
        self.count += 1
        return f"r{self.count}"

    def member(
        self, email: str | None = "alice@example.com", name: str | None = "Alice", locale: str | None = None
    ) -> str:
        """A new member's id."""
        new = NewMember(self.reference(), email=email, name=name, locale=locale)
        return enrol(self.context, self.actor, new).member.id

    def purchase(self, member_id: str, total: int, **more: Any) -> Purchase:
        """A purchase at the shop's store, now."""
        new = NewPurchase(
            self.reference(), self.clock(), total, member_id=member_id, channel="store", store_id=self.store_id, **more
        )
        return record_purchase(self.context, self.actor, new).value

    def gift(self, member_id: str, points: int, reason: str = "Anniversaire") -> str:
        """Points given by hand; the issuance's id."""
        return issue(self.context, self.actor, NewIssuance(self.reference(), member_id, points, reason)).value.id

    def app(self, **services: Any) -> Flask:
        """An application with nothing but the pages; templates that name something unknown fail."""
        given = {
            "mailer": pages.OutboxMailer(self.context),
            "base_url": "http://localhost",
            "backlog": lambda: read_backlog(self.context.store, self.context.now),
            "demo": True,
        } | services
        app = Flask("pages")
        app.testing = True
        app.jinja_env.undefined = StrictUndefined
        app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
        pages.register_pages(app, pages.Services(context=self.context, **given))
        return app

    def code(self) -> str:
        """The six digits of the newest mail."""
        found = re.search(r"^(\d{6})$", kept_mails(self.context)[0].body, re.MULTILINE)
        assert found is not None
        return found[1]


@dataclass
class Browser:
    """A client that sends forms as a browser does."""

    client: FlaskClient

    def __post_init__(self) -> None:
        self.client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml,*/*;q=0.8"

    def get(self, path: str, **more: Any) -> TestResponse:
        answer = self.client.get(path, **more)
        answer.get_data()
        answer.close()
        return answer

    def post(self, path: str, **form: str) -> TestResponse:
        return self.client.post(path, data=form, headers=ORIGIN)

    def sign_in(self, town: Town, email: str = "alice@example.com") -> TestResponse:
        """Both steps; the answer to the second."""
        assert self.post("/sign-in", email=email).status_code == 303
        return self.post("/sign-in/code", code=town.code())


def make_context(folder: Path, keys: KeyRing, clock: Callable[[], datetime]) -> Context:
    """A ledger in SQLite with real keys and no programme yet."""
    salts, sealing_public = keys.salt_box(), keys.sealing_public()

    def fresh_account() -> NewAccount:
        account = new_account(sealing_public)
        return NewAccount(account.address, account.sealed_key, salts.seal(os.urandom(32)))

    return Context(
        store=open_store(f"sqlite:///{folder / 'ledger.db'}"),
        now=clock,
        new_id=lambda prefix: f"{prefix}_{ULID()}",
        random_bytes=os.urandom,
        promise_signer=keys.promise_signer(),
        salts=salts,
        new_account=fresh_account,
    )


def found(folder: Path, keys: KeyRing, rules: str) -> None:
    """A new programme in the folder, to be copied by each test."""
    context = make_context(folder, keys, Clock())
    set_up(context, keys, rules)
    context.store.dispose()


def set_up(context: Context, keys: KeyRing, rules: str = RULES) -> None:
    """Tables, programme and contract address in an empty database."""
    upgrade(context.store.engine)
    document = canonical_json(parse_ruleset(rules))
    create_program(context, NewProgram(424_242, keys.promise_address, True, 0, document))
    set_contract(context, address=CONTRACT, deployed_at_block=1, genesis_hash="0x" + "11" * 32)


def open_shop(context: Context, clock: Any, name: str = "Marché Central") -> Town:
    """A merchant with one store in a programme that is there already."""
    merchant = create_merchant(context, Actor.admin(), NewMerchant(name, ceiling_points=2**53 - 1))
    store = create_store(context, Actor.merchant(merchant.id), NewStore("lyon", "Lyon"))
    return Town(context, clock, merchant.id, store.id)


def counting(town: Town, mailer: list[pages.Mail]) -> Flask:
    """An application whose mails land in a list."""

    class ListMailer:
        def send(self, mail: pages.Mail) -> None:
            mailer.append(mail)

    return town.app(mailer=ListMailer())
