"""Mandates: what a member signs with a wallet of their own, to leave, to come back and to spend."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, Instant, respond
from token_service.api.input import Body, Path
from token_service.api.members import MemberPath
from token_service.api.redemptions import RedemptionBody
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import leaving, mandates, quotes

routes = Routes("mandates", __name__, abp_tags=[{"name": "Own wallets"}])


class LeaveBody(Body):
    """Where the member's points go: an address whose key the member has."""

    address: str = Field(min_length=42, max_length=42, examples=["0x52908400098527886E0F7030069857D2E4169EE7"])


class SignatureBody(Body):
    """What the wallet answered to `eth_signTypedData_v4` with the mandate's document."""

    signature: str = Field(min_length=4, max_length=8_194, description="Hexadecimal, with 0x.")
    is_contract: bool = Field(
        default=False, description="The wallet is a contract (ERC-1271): only the chain checks it."
    )


class MandatePath(Path):
    mandate_id: str = Field(max_length=30)


class MandateAnswer(Answer):
    """An order that a member's own wallet signs. `document` is what `signing_address` signs before `deadline` (EIP-712)."""

    object: Literal["mandate"] = "mandate"
    id: str
    created_at: Instant
    kind: Literal["leave", "return", "redemption"]
    state: Literal["unsigned", "waiting", "sent", "final", "failed", "cancelled"]
    member_id: str
    merchant_id: str | None
    merchant_name: str | None
    reference: str | None
    points: int | None
    reward_id: str | None
    from_address: str
    to_address: str | None
    signing_address: str
    deadline: Instant
    points_may_expire_at: Instant | None
    document: dict[str, Any]
    because: str | None
    key_ready_at: Instant | None
    key_taken_at: Instant | None


@routes.post("/v1/members/<member_id>/leave", responses={201: MandateAnswer})
@needs("members:leave")
def leave(path: MemberPath, body: LeaveBody) -> Response:
    """Ask for a member's points to go to their own address; the answer is for that wallet to sign.

    For support at a member's wish, with an admin key: the member does it in the wallet's pages."""
    return respond(MandateAnswer.of(leaving.ask_to_leave(ledger(), caller(), path.member_id, body.address)), 201)


@routes.post("/v1/members/<member_id>/return", responses={201: MandateAnswer})
@needs("members:leave")
def come_back(path: MemberPath) -> Response:
    """Ask for a member's points to come back into our keeping; the answer is for the member's wallet to sign."""
    return respond(MandateAnswer.of(leaving.ask_to_return(ledger(), caller(), path.member_id)), 201)


@routes.post("/v1/redemptions:quote", responses={201: MandateAnswer, 200: MandateAnswer})
@needs("redemptions:write")
def quote(body: RedemptionBody) -> Response:
    """Ask a member who keeps their own points to spend some: the answer is for their wallet to sign within half an hour.

    The same reference with the same content answers 200 with the first quote. What was signed is a redemption with this reference
    as soon as the chain says so."""
    outcome = quotes.quote(ledger(), caller(), body.resolved())
    return respond(MandateAnswer.of(outcome.mandate), 201 if outcome.created else 200)


@routes.get("/v1/mandates/<mandate_id>", responses={200: MandateAnswer})
@needs("redemptions:read")
def get(path: MandatePath) -> Response:
    """One mandate and how far it is."""
    return respond(MandateAnswer.of(mandates.get_mandate(ledger(), caller(), path.mandate_id)))


@routes.post("/v1/mandates/<mandate_id>/signature", responses={200: MandateAnswer})
@needs("redemptions:write")
def sign(path: MandatePath, body: SignatureBody) -> Response:
    """Bring the wallet's signature: we send it to the chain and pay for it. Repeatable with the same signature."""
    signed = mandates.sign_mandate(ledger(), caller(), path.mandate_id, body.signature, is_contract=body.is_contract)
    return respond(MandateAnswer.of(signed))


@routes.post("/v1/mandates/<mandate_id>/cancel", responses={200: MandateAnswer})
@needs("redemptions:write")
def cancel(path: MandatePath) -> Response:
    """Call a mandate off that is not on its way to the chain yet."""
    return respond(MandateAnswer.of(mandates.cancel_mandate(ledger(), caller(), path.mandate_id)))
