"""A history made through the whole product, on the embedded chain: members, tills, staff and the calendar; read over HTTP by an
auditor with a key, and nothing is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_town import DAY, Town
from serving import serving
from sqlalchemy import select

from token_service.app.application import Application, open_application
from token_service.app.clock import FileClock
from token_service.app.setup import Founding, initialise
from token_service.app.web import create_web
from token_service.audit.report import AuditReport, Status
from token_service.audit.run import Options, run_audit
from token_service.config import Settings
from token_service.ledger import tables
from token_service.ledger.api_keys import create_api_key
from token_service.ledger.context import Actor
from token_service.ledger.inputs import (
    NewAdjustment,
    NewApiKey,
    NewMerchant,
    NewReversal,
    NewStore,
    NewVoucher,
    NewVoucherUse,
)
from token_service.ledger.merchants import create_merchant, create_store
from token_service.ledger.program_setup import get_program
from token_service.ledger.redemptions import restore
from token_service.ledger.rulesets import draft, publish, soonest_effective_at
from token_service.ledger.staff import NewPerson, Person, add_person
from token_service.ledger.staff_members import adjust_member, freeze_member, unfreeze_member
from token_service.ledger.views import Voucher
from token_service.ledger.vouchers import buy_reward, use_voucher

from .test_honest_chain import explain, statuses
from .test_replayed_lies import RULES

ADMIN = Actor.admin()
NEXT_RULES = (
    RULES.replace("points: 40}]", "points: 60}]").replace("points: 1, per", "points: 2, per") + "return_window: P3D\n"
)


@dataclass
class FileTime:
    """The deployment's clock, moved as an operator of a demo moves it."""

    path: Path

    @property
    def at(self) -> datetime:
        return FileClock(self.path)()

    @at.setter
    def at(self, at: datetime) -> None:
        self.path.write_text(at.isoformat())

    def forward(self, by: timedelta) -> None:
        self.at += by


@dataclass
class Product:
    """A deployment with a shop that has two tills' stores, and an owner in the office."""

    application: Application
    town: Town
    cashier: Person
    owner: Person
    stores: tuple[str, str]

    def voucher(self, member_id: str, points: int = 40) -> Voucher:
        new = NewVoucher(self.town.reference(), "coffee", points)
        return buy_reward(self.town.context, Actor.member(member_id), new).value

    def use(self, voucher: Voucher, store: int = 0) -> None:
        assert voucher.code is not None
        new = NewVoucherUse(self.town.reference(), voucher.code, store_id=self.stores[store])
        use_voucher(self.town.context, self.cashier.actor, new)

    def adjust(self, member_id: str, points: int) -> None:
        adjust_member(
            self.town.context, self.owner, NewAdjustment(self.town.reference(), member_id, points, "a mistake")
        )

    def settle(self) -> None:
        self.application.settle(60)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    clock = FileTime(tmp_path / "clock")
    clock.at = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    settings = Settings(data_dir=tmp_path / "var", clock=f"file:{clock.path}", log_level="error")
    initialise(settings, Founding(RULES))
    with open_application(settings) as application:
        context = application.context
        alice, charlie = (create_merchant(context, ADMIN, NewMerchant(name)).id for name in ("Alice", "Charlie"))
        stores = tuple(create_store(context, Actor.merchant(alice), NewStore(name, name)).id for name in "NS")
        town = Town(context, clock, application.keys, Actor.merchant(alice), Actor.merchant(charlie))  # type: ignore[arg-type]
        cashier = add_person(context, ADMIN, NewPerson("carl@example.com", "Carl", "cashier", alice)).person
        owner = add_person(context, ADMIN, NewPerson("olga@example.com", "Olga", "owner")).person
        application.settle_administration()
        yield Product(application, town, cashier, owner, (stores[0], stores[1]))


def audited(product: Product) -> AuditReport:
    context = product.town.context
    key = create_api_key(context, ADMIN, NewApiKey("auditor", scopes=("openings:read",))).secret
    contract = get_program(context).contract
    assert contract is not None
    with serving(create_web(product.application)) as url:
        return run_audit(Options(url + "/rpc", contract, openings=url, key=key))


def first_rules(product: Product, member: str) -> None:
    """Buying at stores, refunds, vouchers bought, used and given back, people putting things right, a level reached."""
    town = product.town
    town.buy(member, 90_000, store_id=product.stores[0])
    back = town.buy(member, 12_000, store_id=product.stores[1])  # gold from here on
    used, returned, kept = (product.voucher(member) for _ in range(3))
    product.use(used)
    restore(town.context, ADMIN, returned.redemption_id, NewReversal(town.reference()))
    product.settle()
    town.refund(back.value.id, 12_000)  # bronze again, perhaps
    product.adjust(member, 120)
    product.adjust(member, -35)
    freeze_member(town.context, product.owner, member, "a lost card")
    product.settle()
    unfreeze_member(town.context, product.owner, member, "found again")
    product.use(kept, 1)
    restore(town.context, ADMIN, kept.redemption_id, NewReversal(town.reference(), points=10, reason="it was cold"))
    product.settle()


def a_debt(product: Product, member: str) -> None:
    """Spent, refunded, and owed until the next credit; an issuance by hand that is taken back."""
    town = product.town
    bought = town.buy(member, 9_000)
    product.use(product.voucher(member))
    town.redeem(member, 50)
    town.refund(bought.value.id, 9_000)
    gift = town.issue(member, 200)
    town.reverse(gift.value.id, 70)
    product.settle()


def other_rules(product: Product, member: str) -> None:
    """Dearer coffee and a return window, from an hour ahead; a purchase of before that comes late; what expires does."""
    town = product.town
    late = town.clock.at
    hash_ = draft(town.context, ADMIN, NEXT_RULES).hash
    publish(town.context, ADMIN, hash_, soonest_effective_at(town.context))
    product.settle()
    product.application.settle_administration()
    town.pass_time(DAY)
    town.buy(member, 3_000, occurred_at=late)
    cut = town.buy(member, 5_000, store_id=product.stores[0])
    town.refund(cut.value.id, 1_000)
    product.use(product.voucher(member, 60))
    product.settle()
    town.pass_time(4 * DAY)
    product.settle()
    town.pass_time(40 * DAY)
    product.settle()


def facts_of(product: Product) -> set[str]:
    with product.application.store.read() as connection:
        return set(connection.execute(select(tables.facts.c.kind)).scalars())


def test_a_history_of_the_whole_product_is_found_right(product: Product) -> None:
    member, debtor = product.town.member(), product.town.member()
    first_rules(product, member)
    a_debt(product, debtor)
    other_rules(product, member)
    assert {"award_pending", "award_cut", "tier", "frozen", "unfrozen", "voucher_used"} <= facts_of(product)
    report = audited(product)
    assert report.exit_code == 0, explain(report)
    asked = {check.name for check in report.checks if check.is_requested}
    assert {statuses(report)[name] for name in asked} == {Status.HELD}
    moved = {kind for kind, points in report.totals.items() if points}
    assert {"issued", "redeemed", "expired", "reversed", "restored", "adjusted_up", "adjusted_down"} <= moved
    tally = report.openings
    assert tally is not None
    assert (tally.accounts, tally.stopped, tally.not_interpreted, tally.withheld) == (2, 0, {}, 0)
    assert tally.opened == report.counts["leaves"]
