"""Administrative operations: stored, sent in order, final or failed with the contract's reason in words."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from settlement_programme import ADMIN, DOCUMENT, RULESET, TERMS, Programme, deployed
from sqlalchemy import delete, select, update

from token_service.chain import contract_reads
from token_service.chain.admin_operations import drive
from token_service.chain.deployment import Terms, deploy
from token_service.errors import AdminOperationFailed, BadSettings, PolicyRefused
from token_service.ledger import rulesets as ledger_rulesets
from token_service.ledger.admin_operations import get_operations, unfinished
from token_service.ledger.inputs import NewMerchant
from token_service.ledger.merchants import create_merchant, get_merchant, set_ceiling
from token_service.ledger.refused_ceilings import refused_ceilings
from token_service.ledger.settlement_tables import admin_operations, transactions
from token_service.ledger.tables import merchants, program, rulesets
from token_service.protocol.transactions import Transaction
from token_service.units import EntryKind

pytestmark = pytest.mark.usefixtures("quiet_log")


def test_deploying_again_changes_nothing(programme: Programme) -> None:
    first = deploy(programme.services, TERMS)
    again = deploy(programme.services, Terms("Other", "OTH", notice_period_seconds=5))
    assert first == again
    assert not again.created
    assert unfinished(programme.store) == []


def test_deploying_grants_the_roles_and_registers_the_programme_itself(programme: Programme) -> None:
    node, contract, services = programme.services.node, programme.contract, programme.services
    assert contract_reads.has_role(node, contract, "settler", services.operator)
    assert not contract_reads.has_role(node, contract, "settler", services.admin)
    assert all(contract_reads.has_role(node, contract, role, services.admin) for role in ("rules", "issuers", "guard"))
    assert contract_reads.party(node, contract, 1).is_registered
    assert contract_reads.lane(node, contract, services.operator).debit_limit == TERMS.debit_limit_points
    with programme.store.read() as connection:
        row = connection.execute(select(program)).one()
        state = connection.execute(select(rulesets.c.state).where(rulesets.c.hash == RULESET)).scalar_one()
    assert (row.contract_address, state) == (contract, "published")
    assert row.genesis_hash.startswith("0x")


def test_one_key_must_not_be_operator_and_admin(bare: Programme) -> None:
    bare.services = replace(bare.services, operator=bare.services.admin)
    with pytest.raises(BadSettings):
        deployed(bare)


def test_operations_are_sent_in_order(programme: Programme) -> None:
    orders = [
        programme.order("register_party", party=7, name="Fleurs", ceiling_points=10, period_seconds=60),
        programme.order("set_ceiling", party=7, ceiling_points=5, period_seconds=60),
        programme.order("set_ceiling", party=7, ceiling_points=3, period_seconds=60),
    ]
    drive(programme.services, orders)
    assert [operation.state for operation in get_operations(programme.store, orders)] == ["final"] * 3
    assert contract_reads.party(programme.services.node, programme.contract, 7).ceiling == 3


def test_a_refused_operation_fails_with_the_contracts_reason_and_costs_nothing(programme: Programme) -> None:
    order = programme.order("register_party", party=1, name="Again", ceiling_points=10, period_seconds=60)
    with pytest.raises(AdminOperationFailed, match="party 1 is registered already"):
        drive(programme.services, [order])
    assert programme.operation(order).error.startswith(
        "party 1 is registered already; the ceiling is again the chain's"
    )
    with programme.store.read() as connection:
        sent = connection.execute(select(transactions.c.id).where(transactions.c.admin_operation_id == order)).all()
    assert sent == []


def test_an_operation_that_fails_on_the_chain_itself_says_why(programme: Programme) -> None:
    """The second of two equal orders passes no preflight, because the first is still in flight."""
    given = {"party": 9, "name": "Twice", "ceiling_points": 10, "period_seconds": 60}
    first, second = programme.order("register_party", **given), programme.order("register_party", **given)
    programme.settle()
    assert programme.operation(first).state == "final"
    assert programme.operation(second).state == "failed"
    assert programme.operation(second).error == "party 9 is registered already"


def test_a_ceiling_that_the_contract_refuses_is_the_chains_again(programme: Programme) -> None:
    """The admin has lost its role: neither the new merchant nor the new ceiling is taken."""
    context, services = programme.services.context, programme.services
    merchant = create_merchant(context, ADMIN, NewMerchant("Fleurs", ceiling_points=70, ceiling_period_seconds=3_600))
    programme.settle()
    drive(services, [programme.order("revoke_role", role="issuers", account=services.admin)])
    assert set_ceiling(context, ADMIN, merchant.id, 5, 3_600).ceiling.points == 5
    programme.settle()
    assert get_merchant(context, ADMIN, merchant.id).ceiling.points == 70
    (refused,) = refused_ceilings(programme.store)
    assert (refused.merchant_name, refused.kind) == ("Fleurs", "set_ceiling")
    assert "the ceiling is again the chain's: 70 points" in refused.reason
    drive(services, [programme.order("grant_role", role="issuers", account=services.admin)])
    set_ceiling(context, ADMIN, merchant.id, 6, 3_600)
    programme.settle()
    assert get_merchant(context, ADMIN, merchant.id).ceiling.points == 6
    assert refused_ceilings(programme.store) == ()


def test_a_party_that_the_contract_does_not_know_may_issue_nothing(programme: Programme) -> None:
    order = programme.order("set_ceiling", party=7, ceiling_points=9, period_seconds=60)
    merchant = create_merchant(programme.services.context, ADMIN, NewMerchant("Fleurs", ceiling_points=70))
    with programme.store.write() as connection:
        connection.execute(update(merchants).values(party=7).where(merchants.c.id == merchant.id))
        unsent = admin_operations.c.kind == "register_party", admin_operations.c.state == "accepted"
        connection.execute(delete(admin_operations).where(*unsent))
    programme.settle()
    assert "0 points" in programme.operation(order).error
    assert get_merchant(programme.services.context, ADMIN, merchant.id).ceiling.points == 0


def test_a_pause_stops_planning_and_ends_by_itself(programme: Programme) -> None:
    programme.order("pause")
    programme.settle()
    with programme.store.read() as connection:
        assert connection.execute(select(program.c.paused)).scalar_one()
    leaf_id = programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    programme.settle(timeout_seconds=0.3)
    assert programme.leaf(leaf_id).state == "accepted"
    programme.order("unpause")
    assert programme.settle().is_settled
    assert programme.leaf(leaf_id).state == "final"


def test_the_ledger_forgets_a_pause_whose_seven_days_are_over(programme: Programme) -> None:
    programme.order("pause")
    programme.settle()
    programme.clock.offset += timedelta(days=7, seconds=5)
    programme.settle()
    with programme.store.read() as connection:
        assert not connection.execute(select(program.c.paused)).scalar_one()


def test_a_new_ruleset_is_named_by_the_batches_after_it_is_published(programme: Programme) -> None:
    context = programme.services.context
    other = ledger_rulesets.draft(context, ADMIN, DOCUMENT.replace("points: 1", "points: 2"))
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    programme.settle()
    ledger_rulesets.publish(context, ADMIN, other.hash, programme.clock().replace(microsecond=0) + timedelta(seconds=1))
    programme.settle()
    assert ledger_rulesets.get_ruleset(context, other.hash).state == "published"
    time.sleep(2.1)
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    programme.settle()
    programme.record(programme.member(), EntryKind.ISSUANCE, 5)
    programme.settle()
    named = [batch.ruleset_hash for batch in programme.batches()]
    assert named[0] == RULESET
    assert named[-1] == other.hash


def test_the_signer_refuses_what_the_policy_forbids(programme: Programme) -> None:
    services = programme.services
    signer = services.signer()
    good = Transaction(services.chain_id, 9, 1, 2, 100_000, programme.contract, 0, bytes.fromhex("8456cb59"))
    assert signer.sign_transaction(services.admin, good)[:1] == b"\x02"
    for wrong in (
        {"chain_id": 1},
        {"to": services.operator},
        {"to": None},
        {"value": 1},
        {"max_fee_per_gas": 10**12},
        {"max_priority_fee_per_gas": 3},
        {"gas": 20_000_000},
        {"data": bytes.fromhex("a9059cbb")},
        {"data": b""},
    ):
        with pytest.raises(PolicyRefused):
            signer.sign_transaction(services.admin, replace(good, **wrong))
    with pytest.raises(PolicyRefused):
        signer.sign_transaction(services.operator, good)
    with pytest.raises(PolicyRefused):
        signer.sign_transaction(programme.contract, good)
