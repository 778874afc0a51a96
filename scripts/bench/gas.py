"""Gas of our contract against what no ERC-20 with one Transfer an entry can beat, and against OpenZeppelin's."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract

from scripts.bench.rival import Build, NodeProvider, Sender, compile_rival, deploy
from scripts.bench.table import Figure, Target, at_least
from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded_node import EmbeddedNode
from token_service.protocol.contract_build import contract_build
from token_service.protocol.hashing import keccak256
from token_service.units import EntryKind, Wei

ENTRIES: Final = 200
CHAIN_ID: Final = 7_000_001
NO_LIMIT: Final = 2**64 - 1
NO_DEADLINE: Final = 2**255
DAY_SECONDS: Final = 86_400
RULESET: Final = keccak256(b"the bench's ruleset")
OLD_WORD, NEW_WORD, TRANSFER, TRANSACTION = 5_000, 22_100, 1_756, 21_000
"""EIP-2929 and 3529: a storage word that is cold; LOG3 of 32 bytes; a transaction."""
BATCH_EVENT: Final = 2_387
RECOVER: Final = 3_100
POINTS: Final = 1_000


@dataclass(frozen=True)
class Spent:
    """Gas that was used, and the calldata that was sent for it."""

    gas: int
    calldata: bytes


@dataclass(frozen=True)
class PlainCosts:
    """Gas of one entry of the rival's, whose supply's word exists already: alone, and in a loop of ENTRIES."""

    mint_new: int
    mint: int
    burn: int
    mints_new: int
    mints: int
    burns: int


@dataclass
class Ours:
    """Our contract, with one signer in every role."""

    sender: Sender
    contract: Contract
    seq: int = 1

    def settle(self, words: Sequence[int]) -> Spent:
        call = self.contract.functions.settle(self.seq, RULESET, b"\x11" * 32, list(words))
        self.seq += 1
        return spend(self.sender, call)


def measure_gas(rival: Build) -> list[Figure]:
    """The lines of the table; some two seconds."""
    signer, member = (Account.from_key(keccak256(name)) for name in (b"bench signer", b"bench member"))
    with tempfile.TemporaryDirectory() as folder:
        funded = {bytes.fromhex(signer.address[2:]): Wei(10**24)}
        chain = EmbeddedChain.create(
            Path(folder) / "chain.db", chain_id=CHAIN_ID, funded=funded, clock=lambda: int(time.time()), is_instant=True
        )
        try:
            sender = Sender(Web3(NodeProvider(EmbeddedNode(chain))), signer)
            plain = _plain_costs(sender, rival)
            return [*_batches(sender, plain), *_signed_redemption(sender, rival, member, plain)]
        finally:
            chain.close()


def spend(sender: Sender, call: Any) -> Spent:
    return Spent(int(sender.send(call)["gasUsed"]), bytes.fromhex(call._encode_transaction_data()[2:]))


def calldata_gas(data: bytes) -> int:
    return sum(16 if byte else 4 for byte in data)


def floor(spent: Spent, entry: int, fixed: int, count: int = 1) -> int:
    """What the same calldata, `count` words and Transfers, and the fixed part cost at the least."""
    return TRANSACTION + calldata_gas(spent.calldata) + count * (entry + TRANSFER) + fixed


def member(number: int) -> str:
    """An address that looks like any other."""
    return Web3.to_checksum_address(keccak256(b"member %d" % number)[12:])


def _word(number: int, kind: EntryKind, party: int, points: int) -> int:
    return int(member(number), 16) << 96 | int(kind) << 88 | party << 64 | points


def _points(number: int) -> int:
    """1 … 100,000: two or three bytes, as points are."""
    return 1 + int.from_bytes(keccak256(b"points %d" % number)[:8]) % 100_000


def _deploy_ours(sender: Sender) -> Ours:
    build, own = contract_build(), sender.account.address
    contract = deploy(sender, build.abi, "0x" + build.bytecode.hex(), "Bench", "BENCH", own, 0, 0, 0)
    for role in (b"SETTLER", b"RULES", b"ISSUERS", b"GUARD"):
        sender.send(contract.functions.grantRole(keccak256(role), own))
    sender.send(contract.functions.setDebitLimit(own, NO_LIMIT))
    sender.send(contract.functions.registerParty(1, "Bench", NO_LIMIT, DAY_SECONDS))
    sender.send(contract.functions.publishRuleset(RULESET, "https://example.org/1", 0))
    return Ours(sender, contract)


def _batches(sender: Sender, plain: PlainCosts) -> list[Figure]:
    ours, numbers = _deploy_ours(sender), range(ENTRIES)
    ours.settle([])  # the words that every batch rewrites exist from here on; so do the totals of each kind
    kinds = (EntryKind.ISSUANCE, EntryKind.REDEMPTION, EntryKind.EXPIRY)
    ours.settle([_word(ENTRIES, kind, int(kind is not EntryKind.EXPIRY), POINTS) for kind in kinds])
    issue = [_word(n, EntryKind.ISSUANCE, 1, _points(n)) for n in numbers]
    redeem = [_word(n, EntryKind.REDEMPTION, 1, 1 + _points(n) // 2) for n in numbers]
    expire = [_word(n, EntryKind.EXPIRY, 0, 1 + _points(n) // 2) for n in numbers]
    new, existing, redeemed, expired = map(ours.settle, (issue, issue, redeem, expire))
    issued, burned = "issue to a member", f"OpenZeppelin burns in a loop of {ENTRIES}"
    return [
        _against_floor(issued, existing, OLD_WORD, 8_150),
        _against_floor("issue to a new member", new, NEW_WORD, 25_500),
        _against_floor("redeem", redeemed, OLD_WORD, 8_100),
        _against_floor("expire", expired, OLD_WORD, 8_100),
        _against_rival(issued, existing, plain.mint, "one OpenZeppelin mint"),
        _against_rival(issued, existing, plain.mints, f"OpenZeppelin mints in a loop of {ENTRIES}"),
        _against_rival("issue to a new member", new, plain.mint_new, "one OpenZeppelin mint"),
        _against_rival("issue to a new member", new, plain.mints_new, f"OpenZeppelin mints in a loop of {ENTRIES}"),
        _against_rival("redeem", redeemed, plain.burn, "one OpenZeppelin burn"),
        _against_rival("redeem", redeemed, plain.burns, burned),
        _against_rival("expire", expired, plain.burn, "one OpenZeppelin burn"),
        _against_rival("expire", expired, plain.burns, burned),
    ]


def _plain_costs(sender: Sender, rival: Build) -> PlainCosts:
    token, numbers = deploy(sender, rival.abi, rival.bytecode), range(ENTRIES)
    sender.send(token.functions.mint(member(ENTRIES), POINTS))
    one, burn = token.functions.mint(member(0), POINTS), token.functions.burnOf(member(0), 1)
    many = [member(n + 2 * ENTRIES) for n in numbers], [_points(n) for n in numbers]
    mints = token.functions.mintMany(*many)
    mint_new, mint, burned, mints_new, minted = (spend(sender, call).gas for call in (one, one, burn, mints, mints))
    burning = compile_rival("PlainBurns")
    token = deploy(sender, burning.abi, burning.bytecode)
    sender.send(token.functions.mintMany(*many))
    burns = spend(sender, token.functions.burnMany(many[0], [1 + points // 2 for points in many[1]])).gas
    return PlainCosts(mint_new, mint, burned, mints_new // ENTRIES, minted // ENTRIES, burns // ENTRIES)


def _against_floor(what: str, spent: Spent, word: int, most: int) -> Figure:
    """`most` gas an entry is the contract's own target, every rule on (docs/contract.md)."""
    least = floor(spent, word, 2 * OLD_WORD + BATCH_EVENT, ENTRIES)
    gas, target = spent.gas / ENTRIES, f"≤ {most:,} gas"
    beside = f"floor {least // ENTRIES:,}"
    return Figure(
        f"{what}, gas of the floor", spent.gas / least, f"{gas:,.0f} gas", beside, Target(target, gas <= most)
    )


def _against_rival(what: str, spent: Spent, gas: int, name: str) -> Figure:
    ours = spent.gas / ENTRIES
    ratio = gas / ours
    return Figure(f"{what}, cheaper than", ratio, f"{ours:,.0f} gas", f"{name} {gas:,}", at_least(1, ratio))


def _signed_redemption(sender: Sender, rival: Build, holder: LocalAccount, plain: PlainCosts) -> list[Figure]:
    """A member's own signature, relayed by another: ours in one transaction, OpenZeppelin's as permit and burnFrom."""
    deployed = _deploy_ours(sender)
    source = Account.from_key(keccak256(b"bench custody"))
    deployed.settle([int(source.address, 16) << 96 | int(EntryKind.ISSUANCE) << 88 | 1 << 64 | POINTS])
    fields = [("from", "address"), ("to", "address"), ("expiresAt", "uint40"), ("nonce", "uint64")]
    bound = {"from": source.address, "to": holder.address, "expiresAt": 0, "nonce": 0}
    signatures = [_sign(deployed.contract, one, "Bind", fields, bound) for one in (source, holder)]
    bind = deployed.contract.functions.bindSelfCustody
    sender.send(bind(source.address, holder.address, 0, NO_DEADLINE, *signatures))
    fields = [("account", "address"), ("amount", "uint64"), ("merchant", "uint24")]
    fields += [("reward", "bytes32"), ("nonce", "uint64")]
    values = {"account": holder.address, "amount": 10, "merchant": 1, "reward": b"\x22" * 32}
    spent = []
    for _ in range(2):  # the second one counts: the first makes words that stay
        nonce = deployed.contract.functions.nonces(holder.address).call()
        signature = _sign(deployed.contract, holder, "Redeem", fields, {**values, "nonce": nonce})
        call = deployed.contract.functions.redeemWithSignature(*values.values(), NO_DEADLINE, signature)
        spent.append(spend(sender, call))
    ours, theirs = spent[-1], _permit_and_burn(sender, rival, holder)
    what, told = "redeem by the member's signature", f"{ours.gas:,} gas"
    least = floor(ours, OLD_WORD, OLD_WORD + RECOVER)
    most = Target("≤ 48,000 gas", ours.gas <= 48_000)
    ratio = theirs / ours.gas
    unsigned = f"one OpenZeppelin mint {plain.mint:,}, in a loop {plain.mints:,}: no signature in either"
    return [
        Figure(f"{what}, gas of the floor", ours.gas / least, told, f"floor {least:,}", most),
        Figure(f"{what}, cheaper than", ratio, told, f"OpenZeppelin permit + burnFrom {theirs:,}", at_least(1, ratio)),
        Figure(f"{what}, gas of a mint", ours.gas / plain.mint, told, unsigned),
    ]


def _permit_and_burn(sender: Sender, rival: Build, holder: LocalAccount) -> int:
    plain, spender = deploy(sender, rival.abi, rival.bytecode), sender.account.address
    sender.send(plain.functions.mint(holder.address, POINTS))
    fields = [("owner", "address"), ("spender", "address"), ("value", "uint256"), ("nonce", "uint256")]
    gas = 0
    for nonce in range(2):
        values = {"owner": holder.address, "spender": spender, "value": 10, "nonce": nonce}
        signature = _sign(plain, holder, "Permit", fields, values)
        parts = signature[64], signature[:32], signature[32:64]
        permit = plain.functions.permit(holder.address, spender, 10, NO_DEADLINE, *parts)
        gas = spend(sender, permit).gas + spend(sender, plain.functions.burnFrom(holder.address, 10)).gas
    return gas


def _sign(
    contract: Contract, signer: LocalAccount, kind: str, fields: Sequence[tuple[str, str]], values: dict[str, Any]
) -> bytes:
    """An EIP-712 signature in the domain that the contract itself tells (EIP-5267), with no deadline."""
    _, name, version, chain_id, address, _, _ = contract.functions.eip712Domain().call()
    domain = {"name": name, "version": version, "chainId": chain_id, "verifyingContract": address}
    types = {kind: [{"name": one, "type": of} for one, of in (*fields, ("deadline", "uint256"))]}
    message = encode_typed_data(domain, types, {**values, "deadline": NO_DEADLINE})
    return bytes(signer.sign_message(message).signature)
