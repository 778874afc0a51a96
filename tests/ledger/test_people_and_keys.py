"""Members, merchants, stores, keys, rulesets, statements, idempotency: what is not a movement of points."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_town import ADMIN, DAY, START, Make, Town, accept_by_chain, rules
from sqlalchemy import select

from token_service.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InsufficientBalance,
    InvalidInput,
    MemberFrozen,
    MereauError,
    NotFound,
    TooLate,
    Unauthorized,
)
from token_service.ledger import known_keys, tables
from token_service.ledger.adjustments import adjust
from token_service.ledger.api_keys import authenticate, create_api_key, list_api_keys, revoke_api_key
from token_service.ledger.balances import get_balance
from token_service.ledger.context import ADMIN_SCOPES, SCOPES, Actor
from token_service.ledger.idempotency import once
from token_service.ledger.inputs import NewAdjustment, NewApiKey, NewMember, NewMerchant, NewStore
from token_service.ledger.known_keys import KNOWN_FOR, KnownKeys
from token_service.ledger.members import EnrolOutcome, enrol, enrol_batch, find_member, freeze, get_member, list_members
from token_service.ledger.merchants import create_merchant, create_store, get_merchant, list_merchants, set_ceiling
from token_service.ledger.program_setup import get_books
from token_service.ledger.receipts import get_receipt
from token_service.ledger.rulesets import draft, get_ruleset, next_ruleset, publish
from token_service.ledger.settlement_tables import admin_operations
from token_service.ledger.statements import list_entries


def orders(town: Town) -> list[tuple[str, dict[str, object]]]:
    """Kind and arguments of every administrative operation."""
    with town.context.store.read() as connection:
        query = select(admin_operations.c.kind, admin_operations.c.arguments).order_by(admin_operations.c.seq)
        return [(row.kind, row.arguments) for row in connection.execute(query)]


class TestMembers:
    def test_enrolling_twice_is_once_and_other_data_is_a_conflict(self, town: Town) -> None:
        new = NewMember(external_id="card-1", email="ada@example.com", name="Ada")
        first = enrol(town.context, town.alice, new)
        assert first.created
        again = enrol(town.context, town.alice, new)
        assert (again.created, again.member) == (False, first.member)
        with pytest.raises(Conflict) as refusal:
            enrol(town.context, town.alice, replace(new, name="Eve"))
        assert refusal.value.facts["existing_id"] == first.member.id

    def test_external_ids_are_each_merchants_own(self, town: Town) -> None:
        mine = enrol(town.context, town.alice, NewMember(external_id="1")).member
        theirs = enrol(town.context, town.charlie, NewMember(external_id="1")).member
        assert mine.id != theirs.id
        assert find_member(town.context, town.charlie, "1").id == theirs.id
        with pytest.raises(NotFound):
            get_member(town.context, town.charlie, mine.id)
        with pytest.raises(NotFound):
            get_balance(town.context, town.charlie, mine.id)
        with pytest.raises(NotFound):
            freeze(town.context, town.charlie, mine.id, "mine!")

    def test_a_birth_date_in_the_future_is_refused_but_not_today_in_the_first_time_zone(self, town: Town) -> None:
        town.clock.at = START.replace(hour=11)  # it is the next day already on the Line Islands
        tomorrow = START.date() + DAY
        with pytest.raises(InvalidInput) as refusal:
            enrol(town.context, town.alice, NewMember("x", birth_date=tomorrow + DAY))
        assert [place.pointer for place in refusal.value.places] == ["/birth_date"]
        assert enrol(town.context, town.alice, NewMember("x", birth_date=tomorrow)).created

    def test_a_batch_keeps_the_good_ones(self, town: Town) -> None:
        news = [NewMember("a"), NewMember(""), NewMember("a"), NewMember("a", name="other"), NewMember("b", email="no")]
        answers = enrol_batch(town.context, town.alice, news)
        kinds = [one.created if isinstance(one, EnrolOutcome) else type(one).__name__ for one in answers]
        assert kinds == [True, "InvalidInput", False, "Conflict", "InvalidInput"]
        unstorable, fine = enrol_batch(town.context, town.alice, [NewMember("nu\0l"), NewMember("fine")])
        assert isinstance(unstorable, InvalidInput)
        assert isinstance(fine, EnrolOutcome)
        with pytest.raises(InvalidInput):
            enrol_batch(town.context, town.alice, [NewMember(str(number)) for number in range(1_001)])

    def test_lists_go_on_where_they_stopped(self, town: Town) -> None:
        ids = sorted(town.member() for _ in range(5))
        town.member(town.charlie)
        found, cursor = [], None
        for _ in range(3):
            page = list_members(town.context, town.alice, limit=2, cursor=cursor)
            found += [member.id for member in page.data]
            cursor = page.next_cursor
        assert (found, cursor) == (ids, None)
        for wrong in ("!", "AAAA====", "éé", "x" * 300):
            with pytest.raises(InvalidInput):
                list_members(town.context, town.alice, cursor=wrong)
        with pytest.raises(InvalidInput):
            list_members(town.context, town.alice, limit=101)

    def test_freezing_is_recorded_and_ordered_on_the_chain(self, town: Town) -> None:
        member = town.member()
        town.issue(member, 10)
        assert freeze(town.context, town.alice, member, "a doubt").frozen
        assert freeze(town.context, town.alice, member, "a doubt").frozen
        with pytest.raises(MemberFrozen):
            town.redeem(member, 1)
        address = get_member(town.context, town.alice, member).address
        assert orders(town)[-1] == ("set_frozen", {"account": address, "frozen": True})
        assert sum(kind == "set_frozen" for kind, _ in orders(town)) == 1

    def test_the_statement_sums_to_the_balance_at_every_line(self, town: Town) -> None:
        member = town.member()
        for total in (1_000, 2_000, 3_000):
            town.buy(member, total)
        town.redeem(member, 25)
        running = 0
        for entry in town.statement(member):
            running += entry.points
            assert entry.balance_after == running
            assert entry.settlement.state == "accepted"
        newest = list_entries(town.context, town.alice, member, limit=1).data[0]
        assert (newest.kind, newest.points, newest.merchant_name) == ("redemption", -25, "Alice")
        with pytest.raises(NotFound):
            get_receipt(town.context, town.alice, newest.id)

    def test_a_member_reads_their_own_account_only(self, town: Town) -> None:
        member, other = town.member(), town.member()
        assert get_member(town.context, Actor.member(member), member).id == member
        with pytest.raises((NotFound, Forbidden)):
            get_member(town.context, Actor.member(member), other)

    def test_what_is_final_is_on_the_chain(self, town: Town) -> None:
        member = town.member()
        town.issue(member, 10)
        on_chain = town.balance(member).on_chain
        assert (on_chain.points, on_chain.settled) == (0, False)
        town.settle_all()
        on_chain = town.balance(member).on_chain
        assert (on_chain.points, on_chain.settled) == (10, True)


class TestMerchants:
    def test_each_has_a_party_and_is_registered_on_the_chain(self, town: Town) -> None:
        made = create_merchant(town.context, ADMIN, NewMerchant("Bakery", ceiling_points=5, ceiling_period_seconds=0))
        assert (made.party, made.ceiling.points, made.ceiling.used) == (4, 5, 0)
        arguments = {"party": 4, "name": "Bakery", "ceiling_points": 5, "period_seconds": 0}
        assert orders(town)[-1] == ("register_party", arguments)
        with pytest.raises(Conflict):
            create_merchant(town.context, ADMIN, NewMerchant("Bakery"))
        with pytest.raises(Forbidden):
            create_merchant(town.context, town.alice, NewMerchant("Own"))

    def test_a_lower_ceiling_acts_at_once_and_a_higher_one_after_the_notice(self, town: Town) -> None:
        with town.context.store.write() as connection:
            connection.execute(tables.program.update().values(notice_period_seconds=86_400))
        merchant_id = str(town.alice.merchant_id)
        assert set_ceiling(town.context, ADMIN, merchant_id, 50, 86_400).ceiling.points == 50
        raised = set_ceiling(town.context, ADMIN, merchant_id, 90, 86_400).ceiling
        assert (raised.points, raised.next_points, raised.next_at) == (50, 90, START + DAY)
        town.clock.forward(DAY)
        assert get_merchant(town.context, town.alice, merchant_id).ceiling.points == 90
        longer = set_ceiling(town.context, ADMIN, merchant_id, 90, 90_000).ceiling
        assert (longer.period_seconds, longer.next_period_seconds) == (86_400, 90_000), "its window could begin at once"
        assert set_ceiling(town.context, ADMIN, merchant_id, 90, 0).ceiling.period_seconds == 0
        assert [kind for kind, _ in orders(town)][-4:] == ["set_ceiling"] * 4

    def test_a_merchant_sees_itself_alone(self, town: Town) -> None:
        assert [one.name for one in list_merchants(town.context, town.alice).data] == ["Alice"]
        assert [one.party for one in list_merchants(town.context, ADMIN).data] == [1, 2, 3]
        with pytest.raises(NotFound):
            get_merchant(town.context, town.charlie, str(town.alice.merchant_id))

    def test_a_store_is_made_once(self, town: Town) -> None:
        first = create_store(town.context, town.alice, NewStore("7", "Rue Oberkampf"))
        assert create_store(town.context, town.alice, NewStore("7", "Rue Oberkampf")) == first
        with pytest.raises(Conflict):
            create_store(town.context, town.alice, NewStore("7", "Elsewhere"))


class TestKeys:
    def test_the_secret_is_shown_once_and_only_its_hash_is_kept(self, town: Town) -> None:
        made = create_api_key(town.context, ADMIN, NewApiKey("till", town.alice.merchant_id))
        assert made.secret not in repr(made)
        actor = authenticate(town.context, made.secret)
        assert (actor.merchant_id, actor.is_admin, actor.scopes) == (town.alice.merchant_id, False, frozenset(SCOPES))
        with town.context.store.read() as connection:
            row = connection.execute(select(tables.api_keys)).one()
        assert row.key_hash == hashlib.sha256(made.secret.encode()).hexdigest()
        assert made.secret not in str(row)

    def test_a_revoked_or_unknown_key_opens_nothing(self, town: Town) -> None:
        made = create_api_key(town.context, ADMIN, NewApiKey("old"))
        assert authenticate(town.context, made.secret).scopes == frozenset(ADMIN_SCOPES)
        revoke_api_key(town.context, ADMIN, made.api_key.id)
        for secret in (made.secret, "mk_", "mk_" + "a" * 43, "é", ""):
            with pytest.raises(Unauthorized):
                authenticate(town.context, secret)
        assert list_api_keys(town.context, ADMIN).data[0].revoked_at == START

    def test_a_key_that_another_process_revoked_opens_nothing_a_second_later(self, town: Town) -> None:
        here, there = town.context, replace(town.context, known_keys=KnownKeys())
        made = create_api_key(here, ADMIN, NewApiKey("old"))
        authenticate(here, made.secret)
        revoke_api_key(there, ADMIN, made.api_key.id)
        with pytest.raises(Unauthorized):
            authenticate(there, made.secret)
        town.clock.at += KNOWN_FOR - timedelta(microseconds=1)
        assert authenticate(here, made.secret).is_admin, "it was asked less than a second ago"
        town.clock.at += timedelta(microseconds=1)
        with pytest.raises(Unauthorized):
            authenticate(here, made.secret)

    def test_a_key_is_asked_for_once_a_second_and_again_when_the_clock_goes_back(self, town: Town) -> None:
        made = create_api_key(town.context, ADMIN, NewApiKey("till"))
        holder = authenticate(town.context, made.secret)
        found = town.context.known_keys.find(hashlib.sha256(made.secret.encode()).hexdigest(), START)
        assert found is holder is authenticate(town.context, made.secret)
        key_hash = hashlib.sha256(made.secret.encode()).hexdigest()
        assert town.context.known_keys.find(key_hash, START - timedelta(seconds=1)) is None

    def test_known_keys_do_not_grow_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(known_keys, "KNOWN_MAX", 3)
        known = KnownKeys()
        for number in range(5):
            known.remember(f"hash-{number}", Actor.admin(f"key-{number}"), START)
        assert [known.find(f"hash-{number}", START) is not None for number in range(5)] == [
            False,
            False,
            True,
            True,
            True,
        ]

    def test_scopes_are_as_asked_and_never_an_admins_for_a_merchant(self, town: Town) -> None:
        merchant_id = town.alice.merchant_id
        made = create_api_key(town.context, ADMIN, NewApiKey("read", merchant_id, ("members:read",)))
        with pytest.raises(Forbidden):
            authenticate(town.context, made.secret).need("purchases:write")
        for scopes in (("rulesets:write",), ("nonsense",)):
            with pytest.raises(InvalidInput):
                create_api_key(town.context, ADMIN, NewApiKey("x", merchant_id, scopes))
        with pytest.raises(Forbidden):
            create_api_key(town.context, town.alice, NewApiKey("x", merchant_id))


class TestAdjustments:
    def test_they_need_an_admin_a_reason_and_enough_points(self, town: Town) -> None:
        member = town.member()
        done = town.adjust(member, 30)
        assert (done.entries[0].kind, done.entries[0].facts["actor"], done.value.points) == ("adjustment", "alma", 30)
        assert town.adjust(member, -10).balance.available == 20
        with pytest.raises(InsufficientBalance) as refusal:
            town.adjust(member, -21)
        assert refusal.value.facts == {"available": 20, "missing_points": 1}
        with pytest.raises(InvalidInput):
            town.adjust(member, 5, reason="")
        with pytest.raises(InvalidInput):
            town.adjust(member, 0)
        with pytest.raises(Forbidden):
            adjust(town.context, town.alice, NewAdjustment("r", member, 5, "for me"))
        town.check()


class TestRulesets:
    def test_one_is_drafted_published_with_notice_and_in_force_from_then_on(self, make: Make) -> None:
        town = make(rules(accept_late="P3D"))
        member = town.member()
        double = rules(accept_late="P3D").replace("points: 1, per", "points: 2, per")
        drafted = draft(town.context, ADMIN, double)
        assert drafted.state == "draft"
        with pytest.raises(InvalidInput):
            publish(town.context, ADMIN, drafted.hash, START - DAY)
        with pytest.raises(InvalidInput):  # nothing else could be published before it
            publish(town.context, ADMIN, drafted.hash, START + 367 * DAY)
        published = publish(town.context, ADMIN, drafted.hash, START + DAY)
        assert (published.state, orders(town)[-1][0]) == ("publishing", "publish_ruleset")
        assert publish(town.context, ADMIN, drafted.hash, START + DAY) == published
        following = next_ruleset(town.context)
        assert following is not None
        assert following.hash == drafted.hash
        assert town.buy(member, 1_000).value.points == 10
        town.clock.forward(2 * DAY)
        assert town.buy(member, 1_000).value.points == 10  # the chain has not said yes
        accept_by_chain(town, drafted.hash)
        assert town.buy(member, 1_000).value.points == 20
        assert town.buy(member, 1_000, occurred_at=START + timedelta(hours=2)).value.points == 10
        program = get_books(town.context)
        assert program.ruleset is not None
        assert (program.ruleset.hash, program.totals.outstanding, program.liability.amount) == (drafted.hash, 50, 500)
        with pytest.raises(TooLate):
            town.buy(member, 1_000, occurred_at=START - 2 * DAY)
        town.check()

    def test_another_currency_a_contradiction_and_a_stranger_are_refused(self, town: Town) -> None:
        with pytest.raises(InvalidInput):
            draft(town.context, ADMIN, rules().replace("EUR", "USD"))
        with pytest.raises(InvalidInput):
            draft(town.context, ADMIN, rules() + "nonsense: 1\n")
        with pytest.raises(Forbidden):
            draft(town.context, town.alice, rules())
        with pytest.raises(NotFound):
            get_ruleset(town.context, "0x" + "00" * 32)


class TestIdempotencyKeys:
    def run(self, town: Town, key: str, points: int, member: str, *, fails: bool = False) -> object:
        def use_case(context: object) -> list[str]:
            inner = replace(town, context=context)
            done = inner.issue(member, points)
            if fails:
                raise InvalidInput("after all")
            return [done.value.id]

        content = {"member": member, "points": points}
        return once(town.context, "alice", key, content, lambda _: 201, use_case, lambda ids: ids, lambda _, ids: ids)

    def test_the_same_request_runs_once(self, town: Town) -> None:
        member = town.member()
        first, again = self.run(town, "k", 10, member), self.run(town, "k", 10, member)
        assert (first.value, first.status, first.replayed) == (again.value, again.status, not again.replayed)  # type: ignore[attr-defined]
        assert town.balance(member).available == 10

    def test_another_request_under_the_same_key_is_refused(self, town: Town) -> None:
        member = town.member()
        self.run(town, "k", 10, member)
        with pytest.raises(IdempotencyKeyReused):
            self.run(town, "k", 11, member)
        assert town.balance(member).available == 10

    def test_a_refused_request_is_not_remembered_and_leaves_nothing(self, town: Town) -> None:
        member = town.member()
        with pytest.raises(MereauError):
            self.run(town, "k", 10, member, fails=True)
        assert town.balance(member).available == 0
        self.run(town, "k", 11, member)
        assert town.balance(member).available == 11
