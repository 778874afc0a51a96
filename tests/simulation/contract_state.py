"""What the points contract remembers: the model of its points, and what that leaves out. A block keeps it, the next copies it."""

from __future__ import annotations

from dataclasses import dataclass, field

from contract_model import Account, Lane, Model

from token_service.protocol.hashing import checksum_address


def points() -> Model:
    """Nothing yet. The programme of the simulation has no notice periods."""
    return Model(notice=0, parties={})


@dataclass(slots=True)
class ContractState:
    """The contract after some block. `roles` holds pairs of (role's hash, address); addresses are EIP-55 text."""

    roles: set[tuple[str, str]] = field(default_factory=set)
    rulesets: dict[str, int] = field(default_factory=dict)  # hash → in force from
    points: Model = field(default_factory=points)

    def copy(self) -> ContractState:
        return ContractState(set(self.roles), dict(self.rulesets), self.points.copy())

    def account(self, address: str) -> Account:
        return self.points.account(address.lower())

    def lane(self, operator: str) -> Lane:
        """An operator's; one that was given no limit may take nothing."""
        return self.points.lanes.setdefault(operator, Lane(limit=0))

    def balances(self) -> dict[str, int]:
        """Whoever has points, and how many."""
        accounts = self.points.accounts.items()
        return {checksum_address(address): account.balance for address, account in accounts if account.balance}

    def frozen(self) -> list[str]:
        """Accounts that are, in order."""
        return sorted(checksum_address(address) for address, one in self.points.accounts.items() if one.is_frozen)
