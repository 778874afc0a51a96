"""A programme with one member who has a wallet of their own, and short words for what they do with it."""

from __future__ import annotations

from pathlib import Path

from eth_account import Account
from settlement_programme import ADMIN, DOCUMENT, RULESET, Programme

from token_service.audit.report import AuditReport
from token_service.audit.run import Options, run_audit
from token_service.chain import contract_reads
from token_service.chain.reconciling import reconcile_all
from token_service.ledger import views
from token_service.ledger.adjustments import adjust
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewAdjustment, NewIssuance, NewRedemption, NewReversal
from token_service.ledger.issuances import issue, reverse_issuance
from token_service.ledger.leaving import ask_to_leave, ask_to_return
from token_service.ledger.mandates import get_mandate, sign_mandate
from token_service.ledger.members import get_member
from token_service.ledger.opened_batches import batch_places, opened_batch
from token_service.ledger.quotes import quote
from token_service.ledger.rebuild import check_rebuild
from token_service.program.ruleset import canonical_json, parse_ruleset
from token_service.protocol import calldata, receipt_files

KEY, OTHER_KEY = b"\x51" * 32, b"\x52" * 32
OWN, OTHER = Account.from_key(KEY).address, Account.from_key(OTHER_KEY).address


def explain(report: AuditReport) -> list[str]:
    return [f"{check.name}: {one}" for check in report.checks for one in (*check.findings, *check.reasons)]


class Town:
    """A programme with one member of alice's, and the member's own wallet."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self.context = programme.services.context
        self.member = programme.member()
        self.actor = Actor.member(self.member)
        with programme.store.read() as connection:
            self.alice = Actor.merchant(connection.exec_driver_sql("select id from merchants where party = 1").scalar())

    def credit(self, points: int) -> None:
        new = NewAdjustment(reference=self.context.new_id("x"), member_id=self.member, points=points, reason="a gift")
        adjust(self.context, ADMIN, new)

    def issue(self, points: int) -> str:
        new = NewIssuance(reference=self.context.new_id("x"), member_id=self.member, points=points, reason="a gift")
        return issue(self.context, self.alice, new).value.id

    def take_back(self, issuance_id: str) -> views.Reversal:
        new = NewReversal(reference=self.context.new_id("x"), points=None, reason=None)
        return reverse_issuance(self.context, self.alice, issuance_id, new).value

    def quote(self, points: int, reference: str = "basket-1") -> views.Mandate:
        new = NewRedemption(reference=reference, member_id=self.member, points=points)
        return quote(self.context, self.alice, new).mandate

    def sign(self, mandate: views.Mandate, key: bytes = KEY) -> views.Mandate:
        signed = Account.sign_typed_data(key, full_message=dict(mandate.document)).signature
        return sign_mandate(self.context, self.actor, mandate.id, "0x" + signed.hex())

    def leave(self) -> views.Mandate:
        mandate = self.sign(ask_to_leave(self.context, self.actor, self.member, OWN))
        self.settle()
        return self.mandate(mandate)

    def come_back(self) -> views.Mandate:
        mandate = self.sign(ask_to_return(self.context, self.actor, self.member))
        self.settle()
        return self.mandate(mandate)

    def mandate(self, mandate: views.Mandate) -> views.Mandate:
        return get_mandate(self.context, self.actor, mandate.id)

    def settle(self) -> None:
        assert self.programme.settle().is_settled

    def member_view(self) -> views.Member:
        return get_member(self.context, ADMIN, self.member)

    def points(self) -> tuple[int, int, str]:
        """In the ledger, on the chain at the member's address of now, and who keeps them."""
        shown = self.member_view()
        chain = contract_reads.balance_of(self.programme.services.node, self.programme.contract, shown.address)
        return shown.balance.available, chain, shown.state

    def audited(self, url: str, folder: Path) -> AuditReport:
        """What an auditor finds who is given all openings."""
        for operator, seq in batch_places(self.context):
            batch = opened_batch(self.context, operator, seq)
            path = folder / receipt_files.relative_path(operator, seq)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(receipt_files.opened_file_lines(batch)))
        (folder / "rulesets").mkdir(exist_ok=True)
        (folder / "rulesets" / f"{RULESET}.json").write_text(canonical_json(parse_ruleset(DOCUMENT)))
        return run_audit(Options(url, self.programme.contract, openings=str(folder), block="latest"))

    def agrees(self) -> None:
        """Ledger, caches and chain say the same, and nobody was frozen for it."""
        assert check_rebuild(self.context) == []
        services = self.programme.services
        assert [list(found) for _, found in reconcile_all(self.context, services.node, self.programme.contract)] == [[]]
        assert not self.member_view().frozen


def bring_to_the_chain(town: Town, mandate: views.Mandate) -> None:
    """Somebody without a role brings the member's signed quote to the contract, past us."""
    signed = Account.sign_typed_data(KEY, full_message=dict(mandate.document)).signature
    message = mandate.document["message"]
    spent = calldata.encode_call(
        "redeemWithSignature", OWN, 30, 1, message["reward"], int(message["deadline"]), bytes(signed)
    )
    node, stranger = town.programme.services.node, "0x" + "0" * 38 + "77"
    call = {"from": stranger, "to": town.programme.contract, "data": "0x" + spent.hex()}
    node.request("anvil_setBalance", [stranger, hex(10**18)])
    node.request("anvil_impersonateAccount", [stranger])
    node.request("eth_sendTransaction", [call])
