"""The till: a cashier finds a member, records purchases, takes points as payment, gives money back, sells memberships,
lets benefits be used, and sees the shop's day.

Every form that moves points carries the reference that it was made with (references.py): sent twice, by a double click, a reload
or a network that lost the answer, it is recorded once. Forms that only look are GET, those that record are POST and redirect.
"""

from __future__ import annotations

from flask import Blueprint

from token_service.pages.staff.till import (
    benefits,
    deliveries,
    finding,
    memberships,
    purchases,
    quotes,
    receipts,
    redemptions,
    refunds,
    vouchers,
)


def add_to(pages: Blueprint) -> None:
    """Adds everything below /till."""
    rooms = (finding, purchases, redemptions, quotes, refunds, deliveries, memberships, benefits, vouchers, receipts)
    for room in rooms:
        room.add_to(pages)
