"""A programme for settlement tests: a ledger with real rows, real keys, and a contract on whichever node is given."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from token_service.chain import contract_reads
from token_service.chain.deployment import Deployment, Terms, deploy
from token_service.chain.node import Node
from token_service.chain.services import ChainServices, SettlementLimits
from token_service.chain.settlement import check_chain
from token_service.custody.accounts import new_account
from token_service.custody.key_ring import KeyRing, create_keys
from token_service.custody.policy import program_policy
from token_service.ledger import admin_operations as orders
from token_service.ledger.context import Actor, Context, NewAccount
from token_service.ledger.inputs import NewMember, NewProgram
from token_service.ledger.members import enrol
from token_service.ledger.program_setup import create_program
from token_service.ledger.schema import metadata
from token_service.ledger.settlement_health import Backlog
from token_service.ledger.settlement_tables import admin_operations, batches, leaves
from token_service.ledger.store import Store
from token_service.ledger.tables import entries, facts, members, merchants
from token_service.program.ruleset import canonical_json, parse_ruleset, ruleset_hash
from token_service.protocol.contract_build import contract_build
from token_service.protocol.receipts import commitment, jcs, salt
from token_service.units import EntryKind
from token_service.worker import WorkerServices, settle_until_idle

DOCUMENT = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]
"""
RULESET = ruleset_hash(canonical_json(parse_ruleset(DOCUMENT)))
ADMIN = Actor.admin()
TERMS = Terms("Les Halles", "HALLES", notice_period_seconds=0, sunset_notice_seconds=0, admin_delay_seconds=0)


class Crash(Exception):
    """The process dies here."""


@dataclass
class Failpoints:
    """Counts where settlement passes, and dies at the chosen place (name, n-th time)."""

    at: tuple[str, int] | None = None
    passed: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        self.passed.append(name)
        if self.at is not None and self.at[0] == name and self.passed.count(name) == self.at[1]:
            self.at = None
            raise Crash(name)


@dataclass
class Clock:
    """The real time, moved by hand where a test needs it."""

    offset: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


EMBEDDED_ID = 7_000_001
SECOND = 1_700_000_000


@dataclass
class Seconds:
    """A clock that goes on by a second whenever it is asked, until it is stopped."""

    now: int = SECOND
    is_stopped: bool = False

    def __call__(self) -> int:
        self.now += not self.is_stopped
        return self.now


@dataclass
class Programme:
    """Everything a test touches. `member()` and `record()` write rows as the ledger does."""

    services: ChainServices
    ring: KeyRing
    clock: Clock
    failpoints: Failpoints
    ids: Callable[[str], str]
    party: int = 1

    @property
    def store(self) -> Store:
        return self.services.store

    @property
    def contract(self) -> str:
        assert self.services.contract is not None
        return self.services.contract

    def member(self, merchant_id: str | None = None) -> str:
        """A new member's id, enrolled by the programme itself unless a merchant is named."""
        with self.store.read() as connection:
            own = connection.execute(select(merchants.c.id).where(merchants.c.party == 1)).scalar_one()
        new = NewMember(external_id=self.ids("ext"), merchant_id=merchant_id or own)
        return enrol(self.services.context, ADMIN, new).member.id

    def record(self, member_id: str, kind: EntryKind, points: int = 0, party: int | None = None) -> str:
        """The id of a new leaf, with its entry or fact behind it."""
        return self.record_many([(member_id, kind, points, party)])[0]

    def record_many(self, wanted: Sequence[tuple[str, EntryKind, int, int | None]]) -> list[str]:
        ids = []
        with self.store.write() as connection:
            for member_id, kind, points, party in wanted:
                leaf_id = self.ids("fct" if kind is EntryKind.FACT else "ent")
                detail = jcs({"v": 1, "reference": leaf_id, "kind": kind.name.lower()})
                member = connection.execute(select(members).where(members.c.id == member_id)).one()
                salt_key = self.services.context.salts.open(member.sealed_salt_key)
                stamps = {"occurred_at": self.clock(), "recorded_at": self.clock()}
                if kind is EntryKind.FACT:
                    row: dict[str, Any] = {"id": leaf_id, "member_id": member_id, "kind": "purchase", "detail": detail}
                    connection.execute(insert(facts).values(**row, **stamps))
                else:
                    connection.execute(
                        insert(entries).values(
                            id=leaf_id,
                            member_id=member_id,
                            kind=int(kind),
                            points=kind.sign * points,
                            party=party or 0,
                            ruleset_hash=RULESET,
                            balance_after=0,
                            detail=detail,
                            **stamps,
                        )
                    )
                default = self.party if kind in (EntryKind.ISSUANCE, EntryKind.REDEMPTION) else 0
                connection.execute(
                    insert(leaves).values(
                        id=leaf_id,
                        member_id=member_id,
                        lane=member.lane,
                        account=member.address,
                        kind=int(kind),
                        party=default if party is None else party,
                        amount=points,
                        commitment=commitment(salt(salt_key, leaf_id), detail),
                        recorded_at=self.clock(),
                        settle_by=self.clock() + timedelta(hours=1),
                        promise="0x",
                        state="accepted",
                    )
                )
                ids.append(leaf_id)
        return ids

    def order(self, kind: str, **arguments: Any) -> str:
        """The id of a new administrative operation."""
        operation_id = self.ids("adm")
        with self.store.write() as connection:
            orders.enqueue(
                connection, operation_id=operation_id, kind=kind, arguments=arguments, created_at=self.clock()
            )
        return operation_id

    def worker(self) -> WorkerServices:
        return WorkerServices(self.services, batch_seconds=0.0)

    def settle(self, timeout_seconds: float = 30.0) -> Backlog:
        return settle_until_idle(self.worker(), timeout_seconds)

    def with_limits(self, **limits: Any) -> None:
        self.services = replace(self.services, limits=replace(self.services.limits, **limits))

    def balance(self, member_id: str) -> int:
        """Points on the chain."""
        return contract_reads.balance_of(self.services.node, self.contract, self.address(member_id))

    def address(self, member_id: str) -> str:
        with self.store.read() as connection:
            return str(connection.execute(select(members.c.address).where(members.c.id == member_id)).scalar_one())

    def leaf(self, leaf_id: str) -> Any:
        with self.store.read() as connection:
            return connection.execute(select(leaves).where(leaves.c.id == leaf_id)).one()

    def batches(self) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(batches).order_by(batches.c.seq)))

    def operation(self, operation_id: str) -> Any:
        with self.store.read() as connection:
            query = select(admin_operations).where(admin_operations.c.id == operation_id)
            return connection.execute(query).one()


def make_programme(
    *,
    store: Store,
    node: Node,
    folder: Path,
    chain_id: int,
    fund: Callable[..., None],
    depth: int | None = 0,
    embedded: bool = False,
) -> Programme:
    """A programme that is not deployed yet: tables, the first ruleset, the programme's own merchant, keys with gas money."""
    clock, failpoints = Clock(), Failpoints()
    ring = create_keys(folder / "keys")
    fund(ring.operator_address, ring.admin_address)
    salts, seal_public = ring.salt_box(), ring.sealing_public()

    def fresh_account() -> NewAccount:
        account = new_account(seal_public)
        return NewAccount(account.address, account.sealed_key, salts.seal(secrets.token_bytes(32)))

    counter = itertools.count(1)
    context = Context(
        store=store,
        now=clock,
        new_id=lambda prefix: f"{prefix}_{next(counter):026d}",
        random_bytes=secrets.token_bytes,
        promise_signer=ring.promise_signer(),
        salts=salts,
        new_account=fresh_account,
    )
    services = ChainServices(
        context=context,
        node=node,
        make_signer=lambda contract: ring.signer(
            program_policy(
                chain_id=chain_id,
                contract=contract,
                operators=ring.operator_addresses(),
                admin=ring.admin_address,
                creation_code=contract_build().bytecode,
            )
        ),
        operator=ring.operator_address,
        admin=ring.admin_address,
        chain_id=chain_id,
        contract=None,
        receipts_dir=folder / "receipts",
        seal_opening=salts.seal_opening,
        monotonic=time.monotonic,
        depth=depth,
        embedded=embedded,
        limits=SettlementLimits(push_again_seconds=0.3),
        failpoint=failpoints,
    )
    metadata.create_all(store.engine)
    document = canonical_json(parse_ruleset(DOCUMENT))
    create_program(
        context,
        NewProgram(
            chain_id=chain_id,
            promise_address=ring.promise_address,
            embedded=embedded,
            notice_period_seconds=0,
            ruleset_document=document,
        ),
    )
    return Programme(services, ring, clock, failpoints, context.new_id)


def deployed(programme: Programme) -> Deployment:
    """The contract, deployed; from here on the programme settles."""
    deployment = deploy(programme.services, TERMS)
    programme.services = check_chain(programme.services.at_contract(deployment.address))
    return deployment
