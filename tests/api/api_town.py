"""A programme on SQLite with those who call it: alice and charlie are merchants, the admin runs the programme."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from api_callers import RULESET, Caller, MovedClock
from flask import Flask
from ulid import ULID

from token_service.api import Services, create_api
from token_service.custody.accounts import new_account
from token_service.custody.key_ring import create_keys
from token_service.ledger.api_keys import create_api_key, revoke_api_key
from token_service.ledger.context import Actor, Context, NewAccount
from token_service.ledger.inputs import NewApiKey, NewMerchant, NewProgram
from token_service.ledger.merchants import create_merchant
from token_service.ledger.program_setup import create_program, set_contract
from token_service.ledger.store import open_store
from token_service.migrations import upgrade
from token_service.program.ruleset import canonical_json, parse_ruleset

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@dataclass
class Town:
    """Everything the tests of the API share."""

    app: Flask
    context: Context
    clock: MovedClock
    alice: Caller
    charlie: Caller
    admin: Caller
    revoked: Caller
    nobody: Caller

    def merchant(self, name: str, **ceiling: int) -> Caller:
        """One more merchant."""
        return _merchant(self.app, self.context, name, **ceiling)

    def with_scopes(self, *scopes: str) -> Caller:
        """A key of alice's that may only do this."""
        made = create_api_key(self.context, Actor.admin(), NewApiKey("narrow", self.alice.merchant_id, scopes))
        return Caller(self.app, made.secret, self.alice.merchant_id)

    def another_app(self, **services: object) -> Flask:
        """The same programme behind another app, whose services differ in this."""
        return create_api(Services(ledger=self.context, **services))  # type: ignore[arg-type]


def make_town(folder: Path, ruleset: str = RULESET, database_url: str | None = None) -> Town:
    """A new programme with its callers."""
    clock = MovedClock()
    context = make_context(folder, clock, ruleset, database_url or f"sqlite:///{folder / 'ledger.db'}")
    app = create_api(Services(ledger=context, version="1.2.3", public_url="https://points.example"))
    admin_key = create_api_key(context, Actor.admin(), NewApiKey("admin"))
    alice = _merchant(app, context, "Alice")
    old = create_api_key(context, Actor.admin(), NewApiKey("old", alice.merchant_id))
    revoke_api_key(context, Actor.admin(), old.api_key.id)
    return Town(
        app=app,
        context=context,
        clock=clock,
        alice=alice,
        charlie=_merchant(app, context, "Charlie"),
        admin=Caller(app, admin_key.secret),
        revoked=Caller(app, old.secret),
        nobody=Caller(app),
    )


def make_context(folder: Path, clock: MovedClock, ruleset: str, database_url: str) -> Context:
    """The ledger of a new programme, with real keys and a contract's address."""
    keys = create_keys(folder / "keys")
    salts, sealing_public = keys.salt_box(), keys.sealing_public()

    def fresh_account() -> NewAccount:
        account = new_account(sealing_public)
        return NewAccount(account.address, account.sealed_key, salts.seal(os.urandom(32)))

    context = Context(
        store=open_store(database_url),
        now=clock,
        new_id=lambda prefix: f"{prefix}_{ULID()}",
        random_bytes=os.urandom,
        promise_signer=keys.promise_signer(),
        salts=salts,
        new_account=fresh_account,
    )
    upgrade(context.store.engine)
    document = canonical_json(parse_ruleset(ruleset))
    create_program(
        context,
        NewProgram(424_242, keys.promise_address, embedded=True, notice_period_seconds=0, ruleset_document=document),
    )
    set_contract(context, address=CONTRACT, deployed_at_block=1, genesis_hash="0x" + "11" * 32)
    return context


def _merchant(app: Flask, context: Context, name: str, **ceiling: int) -> Caller:
    merchant = create_merchant(context, Actor.admin(), NewMerchant(name, **ceiling))
    key = create_api_key(context, Actor.admin(), NewApiKey(name, merchant.id))
    return Caller(app, key.secret, merchant.id)
