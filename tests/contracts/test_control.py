"""Who may do what and from when on: rulesets, ceilings, limits, the pause, the sunset, roles."""

from __future__ import annotations

import pytest
from contract_program import (
    DAY,
    NO_LIMIT,
    NOTICE,
    RULESET,
    SUNSET_NOTICE,
    Program,
    Refused,
    admin,
    alice,
    bob,
    charlie,
    entry,
    guard,
    issuers,
    rules,
    settler,
)
from eth_account.signers.local import LocalAccount

from token_service.protocol.hashing import keccak256

NEXT, ADDENDUM, SECOND_ADDENDUM = (keccak256(text) for text in (b"next", b"addendum", b"second addendum"))
ZERO = b"\0" * 32


def refusal(program: Program, signer: LocalAccount, function: str, *values: object) -> str:
    with pytest.raises(Refused) as refused:
        program.send(signer, function, *values)
    return refused.value.name


@pytest.mark.parametrize(
    ("function", "values"),
    [
        ("publishRuleset", (NEXT, "uri", 2**39)),
        ("publishAddendum", (RULESET, NEXT, "uri")),
        ("registerParty", (2, "Two", 5, 0)),
        ("setCeiling", (1, 5, 0)),
        ("setDebitLimit", (settler.address, 5)),
        ("pause", ()),
        ("unpause", ()),
        ("setFrozen", (alice.address, True)),
        ("announceSunset", (2**39,)),
        ("openTransfers", ()),
        ("raiseSelfCustodyExpiry", (alice.address, 0)),
        ("grantRole", (keccak256(b"SETTLER"), alice.address)),
        ("revokeRole", (keccak256(b"SETTLER"), settler.address)),
        ("beginDefaultAdminTransfer", (alice.address,)),
        ("cancelDefaultAdminTransfer", ()),
        ("changeDefaultAdminDelay", (5,)),
        ("rollbackDefaultAdminDelay", ()),
    ],
)
def test_a_stranger_may_not(program: Program, function: str, values: tuple[object, ...]) -> None:
    assert refusal(program, charlie, function, *values) == "AccessControlUnauthorizedAccount"


def test_the_first_ruleset_covers_everything_earlier(program: Program) -> None:
    assert program.ask("rulesetOf", RULESET)["effectiveAt"] == 0
    assert program.ask("rulesetAt", 0) == program.ask("rulesetAt", 2**40) == RULESET
    assert program.ask("rulesetOf", NEXT) == {"effectiveAt": 0, "publishedAt": 0, "base": ZERO}


def test_a_ruleset_acts_after_its_notice(program: Program) -> None:
    at = program.now + 1 + NOTICE
    assert refusal(program, rules, "publishRuleset", NEXT, "uri", at - 1) == "RulesetTooEarly"
    at = program.now + 1 + NOTICE
    done = program.send(rules, "publishRuleset", NEXT, "uri", at)
    assert done.named("RulesetPublished") == [{"rulesetHash": NEXT, "effectiveAt": at, "uri": "uri"}]
    with pytest.raises(Refused, match="RulesetNotInForce"):
        program.settle([], ruleset=NEXT)
    assert program.ask("rulesetAt", at - 1) == RULESET
    assert program.ask("rulesetAt", at) == NEXT
    program.wait(NOTICE)
    program.settle([], ruleset=NEXT)
    program.settle([], ruleset=RULESET)


def test_rulesets_follow_each_other(program: Program) -> None:
    at = program.now + 2 * NOTICE
    program.send(rules, "publishRuleset", NEXT, "uri", at)
    assert refusal(program, rules, "publishRuleset", ADDENDUM, "uri", at) == "RulesetTooEarly"
    assert refusal(program, rules, "publishRuleset", NEXT, "uri", at + 1) == "RulesetAlreadyPublished"
    assert refusal(program, rules, "publishRuleset", ZERO, "uri", at + 1) == "EmptyRulesetHash"
    program.send(rules, "publishRuleset", ADDENDUM, "uri", at + 1)


def test_the_first_ruleset_names_no_time(bare: Program) -> None:
    assert refusal(bare, rules, "publishRuleset", RULESET, "uri", 5) == "FirstRulesetNotZero"
    assert bare.ask("rulesetAt", 5) == ZERO


def test_an_addendum_acts_at_once_and_adds_to_the_newest(program: Program) -> None:
    done = program.send(rules, "publishAddendum", RULESET, ADDENDUM, "uri")
    published = {"base": RULESET, "rulesetHash": ADDENDUM, "effectiveAt": program.now, "uri": "uri"}
    assert done.named("AddendumPublished") == [published]
    program.settle([], ruleset=ADDENDUM)
    assert refusal(program, rules, "publishAddendum", RULESET, NEXT, "uri") == "NotNewestOfItsLine"
    assert refusal(program, rules, "publishAddendum", NEXT, SECOND_ADDENDUM, "uri") == "NotNewestOfItsLine"
    first = program.ask("rulesetOf", ADDENDUM)
    assert first["base"] == RULESET
    program.send(rules, "publishAddendum", ADDENDUM, SECOND_ADDENDUM, "uri")
    at = first["effectiveAt"]
    assert [program.ask("rulesetAt", t) for t in (at - 1, at, program.now)] == [RULESET, ADDENDUM, SECOND_ADDENDUM]


def test_an_addendum_to_a_coming_ruleset_waits_for_it(program: Program) -> None:
    at = program.now + 2 * NOTICE
    program.send(rules, "publishRuleset", NEXT, "uri", at)
    program.send(rules, "publishAddendum", NEXT, ADDENDUM, "uri")
    assert program.ask("rulesetOf", ADDENDUM)["effectiveAt"] == at
    assert program.ask("rulesetAt", at - 1) == RULESET
    assert program.ask("rulesetAt", at) == ADDENDUM


def test_a_party_gets_its_number_once(program: Program) -> None:
    done = program.send(admin, "registerParty", 2, "Two", 50, DAY)
    assert done.named("PartyRegistered") == [{"party": 2, "name": "Two"}]
    assert done.named("CeilingSet") == [{"party": 2, "ceiling": 50, "period": DAY, "effectiveAt": program.now}]
    assert refusal(program, admin, "registerParty", 2, "Two", 50, DAY) == "PartyAlreadyRegistered"
    assert refusal(program, admin, "registerParty", 0, "None", 50, DAY) == "InvalidParty"
    assert refusal(program, issuers, "setCeiling", 3, 50, DAY) == "PartyNotRegistered"
    done = program.settle([entry(alice, 1, 50, party=2), entry(alice, 7, 1, party=2)])
    assert [event["reason"] for event in done.named("EntrySkipped")] == [6]
    program.wait(DAY)
    program.settle([entry(alice, 1, 50, party=2)])
    assert program.balance(alice) == 100


def test_a_ceiling_that_issuers_give_waits(program: Program) -> None:
    program.send(issuers, "registerParty", 2, "Two", 50, 0)
    party = program.ask("partyOf", 2)
    assert party["isRegistered"]
    assert (party["ceiling"], party["nextCeiling"], party["raisesAt"]) == (0, 50, program.now + NOTICE)
    assert program.settle([entry(alice, 1, 1, party=2)]).named("EntrySkipped")[0]["reason"] == 6
    program.wait(NOTICE)
    program.settle([entry(alice, 1, 50, party=2)])
    program.wait(1000 * DAY)
    assert program.settle([entry(alice, 1, 1, party=2)]).named("EntrySkipped")[0]["reason"] == 6, "period 0 = for ever"


def test_a_lower_ceiling_acts_at_once_and_a_higher_one_after_notice(program: Program) -> None:
    program.send(issuers, "setCeiling", 1, 10, DAY)
    assert program.settle([entry(alice, 1, 11)]).named("EntrySkipped")
    program.send(issuers, "setCeiling", 1, 20, DAY)
    assert program.settle([entry(alice, 1, 11)]).named("EntrySkipped")
    program.wait(NOTICE)
    assert not program.settle([entry(alice, 1, 11)]).named("EntrySkipped")


def test_the_debit_limit_bounds_a_day(program: Program) -> None:
    done = program.send(issuers, "setDebitLimit", settler.address, 10)
    assert done.named("DebitLimitSet") == [{"operator": settler.address, "limit": 10, "effectiveAt": program.now}]
    done = program.settle([entry(alice, 1, 100), entry(alice, 2, 10), entry(alice, 9, 1)])
    assert [event["reason"] for event in done.named("EntrySkipped")] == [7]
    program.send(admin, "setDebitLimit", settler.address, NO_LIMIT)
    lane = program.ask("laneOf", settler.address)
    assert (lane["debitLimit"], lane["debited"], lane["nextDebitLimit"]) == (10, 10, NO_LIMIT)
    program.wait(DAY)
    assert not program.settle([entry(alice, 2, 10)]).named("EntrySkipped")
    program.wait(NOTICE)
    assert not program.settle([entry(alice, 2, 80)]).named("EntrySkipped")


def test_a_pause_stops_and_ends_by_itself(program: Program) -> None:
    done = program.send(guard, "pause")
    assert done.named("Paused") == [{"guard": guard.address, "until": program.now + 7 * DAY}]
    assert program.ask("paused") is True
    assert refusal(program, guard, "pause") == "EnforcedPause"
    with pytest.raises(Refused, match="EnforcedPause"):
        program.settle([])
    program.wait(7 * DAY)
    program.settle([])
    assert program.ask("paused") is False
    assert refusal(program, guard, "unpause") == "ExpectedPause"
    program.send(guard, "pause")
    assert program.send(guard, "unpause").named("Unpaused") == [{"guard": guard.address}]
    assert program.ask("pausedUntil") == 0


def test_the_sunset_ends_issuing_and_nothing_else(program: Program) -> None:
    program.settle([entry(alice, 1, 100)])
    assert refusal(program, admin, "announceSunset", program.now + SUNSET_NOTICE) == "SunsetTooEarly"
    at = program.now + 1 + SUNSET_NOTICE
    assert program.send(admin, "announceSunset", at).named("SunsetAnnounced") == [{"at": at}]
    assert program.ask("sunsetAnnouncedAt") == program.now
    assert refusal(program, admin, "announceSunset", at - 1) == "SunsetTooEarly"
    program.send(admin, "announceSunset", at + DAY)
    assert program.ask("sunsetAt") == at + DAY
    done = program.settle([entry(alice, 3, 1), entry(alice, 1, 1)])
    assert [(event["index"], event["reason"]) for event in done.named("EntrySkipped")] == [(0, 8)]
    program.wait(SUNSET_NOTICE + 2 * DAY)
    kinds = (1, 7, 2, 5, 9, 10, 6, 4, 8, 3)
    done = program.settle([entry(alice, kind, 1) for kind in kinds])
    assert [(event["index"], event["reason"]) for event in done.named("EntrySkipped")] == [(0, 8), (1, 8)]
    assert refusal(program, admin, "announceSunset", 2**39) == "SunsetPassed"


def test_the_admin_hands_over_in_two_steps(program: Program) -> None:
    done = program.send(admin, "beginDefaultAdminTransfer", alice.address)
    assert done.named("DefaultAdminTransferScheduled")[0]["newAdmin"] == alice.address
    assert refusal(program, alice, "acceptDefaultAdminTransfer") == "AccessControlEnforcedDefaultAdminDelay"
    assert refusal(program, bob, "acceptDefaultAdminTransfer") == "AccessControlInvalidDefaultAdmin"
    assert program.ask("pendingDefaultAdmin")["newAdmin"] == alice.address.lower()
    assert program.send(admin, "cancelDefaultAdminTransfer").named("DefaultAdminTransferCanceled") == [{}]
    program.send(admin, "beginDefaultAdminTransfer", alice.address)
    program.wait(4 * DAY)
    program.send(alice, "acceptDefaultAdminTransfer")
    assert program.ask("defaultAdmin") == program.ask("owner") == alice.address.lower()


def test_the_admins_delay_changes_after_a_delay(program: Program) -> None:
    done = program.send(admin, "changeDefaultAdminDelay", 9 * DAY)
    assert done.named("DefaultAdminDelayChangeScheduled")[0]["newDelay"] == 9 * DAY
    assert program.ask("pendingDefaultAdminDelay")["newDelay"] == 9 * DAY
    assert program.send(admin, "rollbackDefaultAdminDelay").named("DefaultAdminDelayChangeCanceled") == [{}]
    assert program.ask("defaultAdminDelay") == 3 * DAY
    assert program.ask("defaultAdminDelayIncreaseWait") == 5 * DAY


def test_roles_are_granted_revoked_and_laid_down(program: Program) -> None:
    role = program.ask("GUARD_ROLE")
    roles = ("SETTLER_ROLE", "RULES_ROLE", "ISSUERS_ROLE", "GUARD_ROLE")
    assert [program.ask(name) for name in roles] == [keccak256(name[:-5].encode()) for name in roles]
    assert program.ask("getRoleAdmin", role) == program.ask("DEFAULT_ADMIN_ROLE") == ZERO
    assert program.send(admin, "grantRole", role, bob.address).named("RoleGranted")
    assert program.ask("hasRole", role, bob.address) is True
    assert program.send(admin, "revokeRole", role, bob.address).named("RoleRevoked")
    program.send(guard, "renounceRole", role, guard.address)
    assert program.ask("hasRole", role, guard.address) is False
    assert refusal(program, bob, "renounceRole", role, alice.address) == "AccessControlBadConfirmation"
    assert refusal(program, admin, "grantRole", ZERO, bob.address) == "AccessControlEnforcedDefaultAdminRules"


def test_a_delay_beyond_48_bits_cannot_be_scheduled(program: Program) -> None:
    program.send(admin, "changeDefaultAdminDelay", 2**48 - 1)
    assert program.ask("pendingDefaultAdminDelay")["newDelay"] == 2**48 - 1


def test_it_says_which_interfaces_it_has(program: Program) -> None:
    erc165, erc20, nothing = bytes.fromhex("01ffc9a7"), bytes.fromhex("36372b07"), b"\xff" * 4
    assert [program.ask("supportsInterface", one) for one in (erc165, erc20, nothing)] == [True, True, False]
