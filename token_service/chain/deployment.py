"""Deploys the contract and makes it ready: roles, the operator's lane, the programme's own party, the first ruleset.

Everything goes through stored administrative operations, so a deployment that was cut off goes on where it was (DESIGN §5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, select, update

from token_service.chain import admin_operations, contract_reads, reads
from token_service.chain.published_contract import Deployment, check_contract
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes
from token_service.chain.settlement.cursors import read_cursor, set_cursor
from token_service.errors import BadSettings, NodeUnreachable, NotInitialised, WrongChain
from token_service.ledger import admin_operations as orders
from token_service.ledger.settlement_tables import admin_operations as rows
from token_service.ledger.settlement_tables import transactions
from token_service.ledger.tables import merchants, program, rulesets
from token_service.protocol.hashing import ZERO_HASH
from token_service.protocol.transactions import contract_address
from token_service.units import POINTS_MAX, PROGRAM_PARTY

DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Terms:
    """What is fixed for ever with the contract, and the operator's first daily debit limit. Periods in seconds."""

    name: str
    symbol: str
    notice_period_seconds: int = 14 * DAY_SECONDS
    sunset_notice_seconds: int = 90 * DAY_SECONDS
    admin_delay_seconds: int = 2 * DAY_SECONDS
    debit_limit_points: int = 1_000_000_000


def deploy(services: ChainServices, terms: Terms) -> Deployment:
    """The contract, deployed and ready to settle; done again, it changes nothing. Only the chain's owner may call this.

    Raises NotInitialised (no programme row), BadSettings, WrongChain, WrongContract, AdminOperationFailed, NodeUnreachable.
    """
    if services.operator == services.admin:
        raise BadSettings("the operator and the admin need different keys")
    known = _known(services)
    if known is not None:
        check_contract(services.node, known)
    deployment = known or _create(services, terms)
    ready = services.at_contract(deployment.address)
    _make_ready(ready, terms)
    return deployment


def _known(services: ChainServices) -> Deployment | None:
    with services.store.read() as connection:
        row = connection.execute(select(program)).first()
    if row is None:
        raise NotInitialised("there is no programme here yet: run `mereau init`")
    if row.chain_id != reads.chain_id(services.node) or row.chain_id != services.chain_id:
        raise WrongChain(f"the ledger was made for chain {row.chain_id}, and the node serves another")
    if row.contract_address is None:
        return None
    return Deployment(row.contract_address, row.chain_id, row.deployed_at_block, row.genesis_hash, created=False)


def _create(services: ChainServices, terms: Terms) -> Deployment:
    head = reads.head(services.node)
    order = services.commit("deploy", lambda connection: _order_creation(connection, services, terms, head))
    admin_operations.drive(services, [order])
    with services.store.read() as connection:
        columns = transactions.c
        query = select(columns.operator, columns.nonce, columns.block_number)
        sent = connection.execute(query.where(columns.admin_operation_id == order, columns.state == "final")).one()
    address = contract_address(sent.operator, sent.nonce)
    genesis = reads.block_by_number(services.node, 0)
    if genesis is None:
        raise NodeUnreachable("the chain node does not have the first block")
    deployment = Deployment(address, services.chain_id, sent.block_number, genesis.hash, created=True)
    check_contract(services.node, deployment)
    services.commit("deploy", lambda connection: _remember(connection, deployment))
    return deployment


def _order_creation(connection: Connection, services: ChainServices, terms: Terms, head: reads.Block) -> str:
    """The id of the deploy operation that is under way or new; the chain is read from here on."""
    for name in ("indexed", "final"):
        try:
            read_cursor(connection, name)
        except NotInitialised:
            set_cursor(connection, name, head.number, head.hash)
    under_way = select(rows.c.id).where(rows.c.kind == "deploy", rows.c.state != "failed")
    found = connection.execute(under_way).scalar_one_or_none()
    if found is not None:
        return str(found)
    given = asdict(terms)
    given.pop("debit_limit_points")
    return _order(connection, services, "deploy", {**given, "admin": services.admin})


def _remember(connection: Connection, deployment: Deployment) -> None:
    connection.execute(
        update(program).values(
            contract_address=deployment.address,
            deployed_at_block=deployment.block_number,
            genesis_hash=deployment.genesis_hash,
        )
    )


def _make_ready(services: ChainServices, terms: Terms) -> None:
    """Orders what is missing on the chain and waits until it is final; then the lane is open."""
    missing = _missing(services, terms)
    ids = services.commit("deploy", lambda connection: _order_missing(connection, services, missing))
    admin_operations.drive(services, ids)
    nonce = reads.transaction_count(services.node, services.operator)
    seq = contract_reads.last_seq(services.node, str(services.contract), services.operator) + 1
    services.commit(
        "deploy",
        lambda connection: lanes.open_lane(connection, operator=services.operator, next_nonce=nonce, next_seq=seq),
    )


def _missing(services: ChainServices, terms: Terms) -> list[tuple[str, dict[str, Any]]]:
    """The operations, by kind and arguments, that would make the contract ready as it stands on the chain."""
    node, contract = services.node, str(services.contract)
    wanted = [("settler", services.operator)] + [(role, services.admin) for role in ("rules", "issuers", "guard")]
    missing: list[tuple[str, dict[str, Any]]] = [
        ("grant_role", {"role": role, "account": account})
        for role, account in wanted
        if not contract_reads.has_role(node, contract, role, account)
    ]
    lane = contract_reads.lane(node, contract, services.operator)
    if not lane.debit_limit and not lane.next_debit_limit:
        missing.append(("set_debit_limit", {"operator": services.operator, "points": terms.debit_limit_points}))
    if not contract_reads.party(node, contract, PROGRAM_PARTY).is_registered:
        missing.append(("register_party", _own_party(services, terms)))
    missing += _first_ruleset(services)
    return missing


def _own_party(services: ChainServices, terms: Terms) -> dict[str, Any]:
    with services.store.read() as connection:
        row = connection.execute(select(merchants).where(merchants.c.party == PROGRAM_PARTY)).first()
    if row is None:
        return {"party": PROGRAM_PARTY, "name": terms.name, "ceiling_points": POINTS_MAX, "period_seconds": DAY_SECONDS}
    limits = {"ceiling_points": row.ceiling_points, "period_seconds": row.ceiling_period_seconds}
    return {"party": PROGRAM_PARTY, "name": row.name, **limits}


def _first_ruleset(services: ChainServices) -> list[tuple[str, dict[str, Any]]]:
    """The publication of the ledger's first ruleset, if none is in force on the chain."""
    chain_time = reads.head(services.node).timestamp
    if contract_reads.ruleset_at(services.node, str(services.contract), chain_time) != ZERO_HASH:
        return []
    columns = rulesets.c
    with services.store.read() as connection:
        query = select(columns.hash).where(columns.base_hash.is_(None)).order_by(columns.created_at).limit(1)
        first = connection.execute(query).scalar_one_or_none()
    return [] if first is None else [("publish_ruleset", {"hash": first, "uri": "", "effective_at": 0})]


def _order_missing(
    connection: Connection, services: ChainServices, missing: list[tuple[str, dict[str, Any]]]
) -> list[str]:
    """Ids of the operations to wait for: those already under way for the same thing, and new ones for the rest."""
    columns = rows.c
    query = select(columns.id, columns.kind, columns.arguments).where(columns.state.in_(("accepted", "sent")))
    under_way = {_subject(row.kind, row.arguments): row.id for row in connection.execute(query)}
    ids = []
    for kind, arguments in missing:
        known = under_way.get(_subject(kind, arguments))
        ids.append(known or _order(connection, services, kind, arguments))
    return [str(found) for found in ids]


def _subject(kind: str, arguments: Mapping[str, Any]) -> tuple[object, ...]:
    """What two orders for the same thing have in common."""
    if kind == "publish_ruleset":
        return (kind,)
    return (kind, *(arguments.get(name) for name in ("role", "account", "party", "operator")))


def _order(connection: Connection, services: ChainServices, kind: str, arguments: Mapping[str, Any]) -> str:
    operation_id = services.context.new_id("adm")
    orders.enqueue(connection, operation_id=operation_id, kind=kind, arguments=arguments, created_at=services.now())
    return operation_id
