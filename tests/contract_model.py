"""The contract in plain Python: integers and dictionaries, no packing, no gas. The state machine compares the two; the simulation
of settlement settles by it.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field

DAY = 86_400
NOTICE = 14 * DAY
SUNSET_NOTICE = 90 * DAY
NO_LIMIT = 2**64 - 1
CREDITS = (1, 5, 7, 10)
ISSUING = (1, 7)
SIGNED = 11
AMOUNT_MAX = 2**53 - 1
ZERO = "0x" + "0" * 40


class Refusal(Exception):
    """The model refuses with an error of this name."""


@dataclass
class Account:
    balance: int = 0
    nonce: int = 0
    expires_at: int = 0
    is_self_custody: bool = False
    is_frozen: bool = False


@dataclass
class Party:
    ceiling: int
    period: int
    issued: int = 0
    window: int = 0
    raise_to: tuple[int, int, int] | None = None  # ceiling, period, from when on

    def roll(self, now: int) -> None:
        if self.raise_to and now >= self.raise_to[2]:
            ceiling, period, at = self.raise_to
            self._enter(at)
            self.ceiling, self.period, self.raise_to = ceiling, period, None
            self.window = at // period if period else 0
        self._enter(now)

    def change(self, ceiling: int, period: int, now: int, notice: int) -> None:
        self.roll(now)
        if (period in (self.period, 0) and ceiling <= self.ceiling) or notice == 0:
            self.ceiling, self.period, self.raise_to = ceiling, period, None
            self.window = now // period if period else 0
        else:
            self.raise_to = (ceiling, period, now + notice)

    def _enter(self, at: int) -> None:
        window = at // self.period if self.period else 0
        if window != self.window:
            self.window, self.issued = window, 0


@dataclass
class Lane:
    limit: int = NO_LIMIT
    seq: int = 0
    debited: int = 0
    day: int = 0
    raise_to: tuple[int, int] | None = None  # limit, from which day on

    def roll(self, now: int) -> None:
        if self.raise_to and now // DAY >= self.raise_to[1]:
            self.limit, self.raise_to = self.raise_to[0], None
        if self.day != now // DAY:
            self.day, self.debited = now // DAY, 0

    def change(self, limit: int, now: int, notice: int, *, is_admin: bool) -> None:
        self.roll(now)
        if limit <= self.limit or notice == 0 or (is_admin and self.seq == 0):
            self.limit, self.raise_to = limit, None
        else:
            self.raise_to = (limit, -(-(now + notice) // DAY))


@dataclass
class Model:
    """Everything the contract remembers."""

    notice: int = NOTICE
    accounts: dict[str, Account] = field(default_factory=dict)
    parties: dict[int, Party] = field(default_factory=lambda: {1: Party(NO_LIMIT, DAY)})
    lanes: dict[str, Lane] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(1, 12), 0))
    paused_until: int = 0
    announced_at: int = 0
    sunset_at: int = 0
    open_at: int = 0

    def copy(self) -> Model:
        """Another with the same in it; what either does from now on, the other does not."""
        other = copy(self)
        other.accounts = {address: copy(one) for address, one in self.accounts.items()}
        other.parties = {number: copy(one) for number, one in self.parties.items()}
        other.lanes = {operator: copy(one) for operator, one in self.lanes.items()}
        other.totals = dict(self.totals)
        return other

    def account(self, address: str) -> Account:
        return self.accounts.setdefault(address, Account())

    def lane(self, operator: str) -> Lane:
        return self.lanes.setdefault(operator, Lane())

    @property
    def supply(self) -> int:
        return sum(points if kind in CREDITS else -points for kind, points in self.totals.items())

    def settle(self, operator: str, words: list[int], now: int) -> dict[int, int]:
        """Applies a batch; index => reason for each entry skipped."""
        self._running(now)
        lane = self.lane(operator)
        lane.roll(now)
        lane.seq += 1
        skipped = {}
        for index, word in enumerate(words):
            reason = self._apply(lane, word, now)
            if reason:
                skipped[index] = reason
        return skipped

    def _apply(self, lane: Lane, word: int, now: int) -> int:
        amount, party_number, kind = word & NO_LIMIT, word >> 64 & 0xFFFFFF, word >> 88 & 0xFF
        address = f"0x{word >> 96:040x}"
        if not 1 <= amount <= AMOUNT_MAX or not 1 <= kind <= 10 or address == ZERO:
            return 1
        if self.sunset_at and (kind == 3 if now < self.sunset_at else kind in ISSUING):
            return 8
        account = self.account(address)
        if account.is_frozen:
            return 2
        reason = (
            self._credit(lane, kind, party_number, amount, now)
            if kind in CREDITS
            else self._debit(lane, account, kind, amount, now)
        )
        if not reason:
            account.balance += amount if kind in CREDITS else -amount
            self.totals[kind] += amount
        return reason

    def _credit(self, lane: Lane, kind: int, party_number: int, amount: int, now: int) -> int:
        totals = self.totals
        if kind in ISSUING:
            party = self.parties.get(party_number)
            if party is None:
                return 5
            party.roll(now)
            if party.issued + amount > party.ceiling:
                return 6
            party.issued += amount
        elif kind == 5:
            if lane.debited + amount > lane.limit:
                return 7
            if totals[5] + amount > totals[2] + totals[SIGNED] + totals[6]:
                return 9
            lane.debited += amount
        elif kind == 10 and totals[10] + amount > totals[9]:
            return 10
        return 0

    def _debit(self, lane: Lane, account: Account, kind: int, amount: int, now: int) -> int:
        is_due = kind == 3 and account.expires_at != 0 and now >= account.expires_at
        if account.is_self_custody and not is_due:
            return 3
        if account.balance < amount:
            return 4
        if not account.is_self_custody:
            if lane.debited + amount > lane.limit:
                return 7
            lane.debited += amount
        return 0

    def bind(self, source: str, target: str, expires_at: int) -> None:
        origin, goal = self.account(source), self.account(target)
        if origin.is_self_custody:
            if source == target:
                raise Refusal("AlreadySelfCustody")
            if expires_at != origin.expires_at:
                raise Refusal("ExpiryMismatch")
        if source != target:
            self._take_over(origin, goal)
            goal.nonce += 1
            goal.is_frozen = origin.is_frozen
        else:
            origin.nonce += 1
        goal.is_self_custody, goal.expires_at = True, expires_at

    def give_back(self, source: str, target: str) -> None:
        origin, goal = self.account(source), self.account(target)
        if not origin.is_self_custody:
            raise Refusal("NotSelfCustody")
        if source == target:
            origin.nonce += 1
            origin.is_self_custody, origin.expires_at = False, 0
        else:
            if origin.is_frozen:
                raise Refusal("AccountFrozen")
            self._take_over(origin, goal)

    def _take_over(self, origin: Account, goal: Account) -> None:
        if goal.balance or goal.is_self_custody or goal.is_frozen:
            raise Refusal("DestinationNotEmpty")
        goal.balance, origin.balance = origin.balance, 0
        origin.nonce += 1
        origin.is_self_custody, origin.expires_at = False, 0

    def raise_expiry(self, address: str, expires_at: int) -> None:
        account = self.account(address)
        if not account.is_self_custody:
            raise Refusal("NotSelfCustody")
        if account.expires_at == 0 or (expires_at != 0 and expires_at <= account.expires_at):
            raise Refusal("ExpiryNotRaised")
        account.expires_at = expires_at

    def redeem(self, address: str, amount: int, now: int) -> None:
        self._running(now)
        account = self.account(address)
        if not account.is_self_custody:
            raise Refusal("NotSelfCustody")
        if not 1 <= amount <= AMOUNT_MAX:
            raise Refusal("InvalidAmount")
        if account.balance < amount:
            raise Refusal("ERC20InsufficientBalance")
        account.balance -= amount
        account.nonce += 1
        self.totals[SIGNED] += amount

    def restriction(self, source: str, target: str, amount: int, now: int) -> int:
        """The ERC-1404 code."""
        sender, receiver = self.account(source), self.account(target)
        stops = [
            self.open_at == 0 or now < self.open_at,
            now < self.paused_until,
            target == ZERO,
            not sender.is_self_custody,
            not receiver.is_self_custody,
            sender.is_frozen,
            receiver.is_frozen,
            sender.balance < amount,
        ]
        return next((code for code, stops_it in enumerate(stops, 1) if stops_it), 0)

    def transfer(self, source: str, target: str, amount: int) -> None:
        self.account(source).balance -= amount
        self.account(target).balance += amount

    def pause(self, now: int) -> None:
        self._running(now)
        self.paused_until = now + 7 * DAY

    def unpause(self, now: int) -> None:
        if now >= self.paused_until:
            raise Refusal("ExpectedPause")
        self.paused_until = 0

    def announce_sunset(self, at: int, now: int) -> None:
        if self.sunset_at and now >= self.sunset_at:
            raise Refusal("SunsetPassed")
        if at < (self.sunset_at or now + SUNSET_NOTICE):
            raise Refusal("SunsetTooEarly")
        self.announced_at = self.announced_at or now
        self.sunset_at = at

    def open_transfers(self, now: int) -> None:
        if self.open_at:
            raise Refusal("TransfersAlreadyOpening")
        self.open_at = now + self.notice

    def _running(self, now: int) -> None:
        if now < self.paused_until:
            raise Refusal("EnforcedPause")
