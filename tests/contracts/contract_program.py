"""A deployed contract as the tests talk to it: names in, values out, whichever chain is below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contract_chains import START, CallReverted, Chain, Log, PyEvm, signer_named
from contract_model import DAY, NO_LIMIT, NOTICE, SUNSET_NOTICE
from eth_abi import decode, encode
from eth_account.signers.local import LocalAccount
from eth_utils import to_checksum_address

from token_service.protocol.contract_build import contract_build
from token_service.protocol.hashing import keccak256

RULESET = keccak256(b"the first ruleset")
ROLES = ("SETTLER", "RULES", "ISSUERS", "GUARD")

admin, settler, second_settler, rules, issuers, guard = map(
    signer_named, ("admin", "settler", "second settler", "rules", "issuers", "guard")
)
alice, bob, charlie = map(signer_named, ("alice", "bob", "charlie"))
SIGNERS = [admin, settler, second_settler, rules, issuers, guard, alice, bob, charlie]


class Refused(Exception):
    """A call or transaction reverted with this error of the ABI."""

    def __init__(self, name: str, values: tuple[object, ...]) -> None:
        super().__init__(f"{name}{values}")
        self.name = name
        self.values = values


@dataclass(frozen=True)
class Event:
    """One decoded log."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """An applied transaction."""

    gas_used: int
    events: tuple[Event, ...]

    def named(self, name: str) -> list[Mapping[str, Any]]:
        return [event.values for event in self.events if event.name == name]


@dataclass
class Program:
    """The contract on one chain, and the time of its next block."""

    chain: Chain
    address: bytes
    now: int
    seqs: dict[str, int] = field(default_factory=dict)

    def send(self, signer: LocalAccount, function: str, *values: object) -> Done:
        """One second later, `signer` sends the call. Raises Refused."""
        self.now += 1
        sent = self.chain.send(signer, self.address, calldata(function, *values), at=self.now)
        if not sent.is_applied:
            raise refusal_of(sent.output)
        return Done(sent.gas_used, tuple(map(decoded, sent.logs)))

    def ask(self, function: str, *values: object, sender: bytes = b"\0" * 20) -> Any:
        """What a view answers: the value, or a dict if there are several. Raises Refused."""
        try:
            output = self.chain.call(sender, self.address, calldata(function, *values))
        except CallReverted as reverted:
            raise refusal_of(reverted.data) from reverted
        item = FUNCTIONS[function]
        answers = decode([_type(one) for one in item["outputs"]], output)
        if len(answers) == 1:
            return answers[0]
        return dict(zip((one["name"] for one in item["outputs"]), answers, strict=True))

    def ask_as(self, sender: bytes, origin: bytes, function: str, *values: object) -> bytes:
        """A call by `sender` in a transaction of `origin`, as if through a contract. Raises Refused."""
        assert isinstance(self.chain, PyEvm)
        try:
            return self.chain.call(sender, self.address, calldata(function, *values), origin=origin)
        except CallReverted as reverted:
            raise refusal_of(reverted.data) from reverted

    def slot(self, name: str) -> int:
        """The storage slot at which a variable of the contract begins."""
        return next(item["slot"] for item in contract_build().storage_layout if item["name"] == name)

    def settle(
        self, words: Iterable[int], *, signer: LocalAccount = settler, ruleset: bytes = RULESET, seq: int | None = None
    ) -> Done:
        """The signer's next batch (or the one numbered `seq`)."""
        expected = self.ask("nextSeq", signer.address) if seq is None else seq
        return self.send(signer, "settle", expected, ruleset, b"\x11" * 32, list(words))

    def balance(self, account: LocalAccount | str) -> int:
        return int(self.ask("balanceOf", account if isinstance(account, str) else account.address))

    def wait(self, seconds: int) -> None:
        """The next block comes `seconds` later than it would."""
        self.now += seconds

    def snapshot(self) -> tuple[Any, int]:
        return self.chain.snapshot(), self.now

    def revert(self, snapshot: tuple[Any, int]) -> None:
        self.chain.revert(snapshot[0])
        self.now = snapshot[1]


def deploy(
    chain: Chain, *, notice: int = NOTICE, sunset_notice: int = SUNSET_NOTICE, code: bytes | None = None
) -> Program:
    """A contract with its roles granted, one ruleset, party 1 without bound and two operators without debit limit."""
    program = deploy_bare(chain, notice=notice, sunset_notice=sunset_notice, code=code)
    for operator in (settler, second_settler):
        program.send(admin, "setDebitLimit", operator.address, NO_LIMIT)
    program.send(admin, "registerParty", 1, "Les Halles", NO_LIMIT, DAY)
    program.send(rules, "publishRuleset", RULESET, "https://example.org/rulesets/1", 0)
    return program


def deploy_bare(
    chain: Chain, *, notice: int = NOTICE, sunset_notice: int = SUNSET_NOTICE, code: bytes | None = None
) -> Program:
    """A contract with its roles granted and nothing else."""
    types = ["string", "string", "address", "uint48", "uint40", "uint40"]
    arguments = encode(types, ["Les Halles", "HALLES", admin.address, 3 * DAY, notice, sunset_notice])
    sent = chain.send(admin, None, (code or contract_build().bytecode) + arguments, at=START)
    assert sent.is_applied
    assert sent.contract is not None
    program = Program(chain, sent.contract, START)
    for role, holder in zip(ROLES, (settler, rules, issuers, guard), strict=True):
        program.send(admin, "grantRole", keccak256(role.encode()), holder.address)
    program.send(admin, "grantRole", keccak256(b"SETTLER"), second_settler.address)
    return program


def entry(account: LocalAccount | str, kind: int, amount: int, *, party: int | None = None) -> int:
    """One word of a batch; issuances and adjustments up come from party 1 unless told otherwise."""
    address = account if isinstance(account, str) else account.address
    number = (1 if kind in (1, 7) else 0) if party is None else party
    return int(address, 16) << 96 | kind << 88 | number << 64 | amount


def sign(program: Program, signer: LocalAccount, kind: str, fields: str, *values: object) -> bytes:
    """An EIP-712 signature of `kind(fields)` in the contract's domain, computed here from the standard's text."""
    types = [one.split(" ")[0] for one in fields.split(",")]
    struct = keccak256(keccak256(f"{kind}({fields})".encode()) + encode(types, values))
    domain_type = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    domain_values = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"],
        [
            domain_type,
            keccak256(b"LoyaltyPoints"),
            keccak256(b"1"),
            program.chain.chain_id,
            "0x" + program.address.hex(),
        ],
    )
    digest = keccak256(b"\x19\x01" + keccak256(domain_values) + struct)
    return bytes(signer.unsafe_sign_hash(digest).signature)


BIND = "address from,address to,uint40 expiresAt,uint64 nonce,uint256 deadline"
RETURN = "address from,address to,uint64 nonce,uint256 deadline"
REDEEM = "address account,uint64 amount,uint24 merchant,bytes32 reward,uint64 nonce,uint256 deadline"
NO_DEADLINE = 2**255


def bind(program: Program, source: LocalAccount, target: LocalAccount, *, expires_at: int = 0) -> Done:
    """All points of `source` go under the own key of `target`, signed by both."""
    nonce = program.ask("nonces", source.address)
    values = (source.address, target.address, expires_at, nonce, NO_DEADLINE)
    signatures = [sign(program, signer, "Bind", BIND, *values) for signer in (source, target)]
    return program.send(charlie, "bindSelfCustody", *values[:3], NO_DEADLINE, *signatures)


def give_back(program: Program, source: LocalAccount, target: LocalAccount) -> Done:
    """All points of `source` go back into custody at `target`."""
    nonce = program.ask("nonces", source.address)
    signature = sign(program, source, "Return", RETURN, source.address, target.address, nonce, NO_DEADLINE)
    return program.send(charlie, "returnToCustody", source.address, target.address, NO_DEADLINE, signature)


def redeem(program: Program, account: LocalAccount, amount: int, *, merchant: int = 7) -> Done:
    """A signed redemption, relayed by charlie."""
    nonce = program.ask("nonces", account.address)
    values = (account.address, amount, merchant, b"\x22" * 32)
    signature = sign(program, account, "Redeem", REDEEM, *values, nonce, NO_DEADLINE)
    return program.send(charlie, "redeemWithSignature", *values, NO_DEADLINE, signature)


# --- The ABI ---------------------------------------------------------------------------------------------------------


def _type(item: Mapping[str, Any]) -> str:
    kind = str(item["type"])
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(_type(one) for one in item["components"]) + ")" + kind[5:]


def _signature(item: Mapping[str, Any]) -> str:
    return f"{item['name']}({','.join(_type(one) for one in item['inputs'])})"


def _items(kind: str) -> list[Mapping[str, Any]]:
    return [item for item in contract_build().abi if item["type"] == kind]


FUNCTIONS = {str(item["name"]): item for item in _items("function")}
EVENTS = {keccak256(_signature(item).encode()): item for item in _items("event")}
ERRORS = {keccak256(_signature(item).encode())[:4]: item for item in _items("error")}


def calldata(function: str, *values: object) -> bytes:
    """The call's bytes."""
    item = FUNCTIONS[function]
    types = [_type(one) for one in item["inputs"]]
    return keccak256(_signature(item).encode())[:4] + encode(types, values)


def decoded(log: Log) -> Event:
    """The event of a log, by the names of the ABI; addresses as checksummed text."""
    item = EVENTS[log.topics[0]]
    indexed = [one for one in item["inputs"] if one["indexed"]]
    plain = [one for one in item["inputs"] if not one["indexed"]]
    values = {
        str(one["name"]): decode([_type(one)], topic)[0] for one, topic in zip(indexed, log.topics[1:], strict=True)
    }
    answers = decode([_type(one) for one in plain], log.data)
    values |= {str(one["name"]): answer for one, answer in zip(plain, answers, strict=True)}
    kinds = {str(one["name"]): str(one["type"]) for one in item["inputs"]}
    return Event(
        str(item["name"]),
        {name: to_checksum_address(value) if kinds[name] == "address" else value for name, value in values.items()},
    )


def refusal_of(data: bytes) -> Refused:
    """The error that revert data spells."""
    item = ERRORS.get(data[:4])
    if item is None:
        return Refused("unknown", (data,))
    return Refused(str(item["name"]), decode([_type(one) for one in item["inputs"]], data[4:]))
