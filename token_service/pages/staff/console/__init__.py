"""The programme's console: members, rules, merchants and keys, settlement, people, and the trail of what staff did."""

from token_service.pages.staff.console import (
    adjusting,
    approvals,
    closing,
    correcting,
    drafting,
    keys,
    members,
    merchants,
    merging,
    owed,
    people,
    publishing,
    refused,
    rulesets,
    segmenting,
    settlement,
    trail,
    trying,
)

ROOMS = (
    members,
    adjusting,
    correcting,
    closing,
    merging,
    segmenting,
    approvals,
    rulesets,
    drafting,
    trying,
    publishing,
    merchants,
    owed,
    keys,
    settlement,
    people,
    trail,
    refused,
)

__all__ = ["ROOMS"]
