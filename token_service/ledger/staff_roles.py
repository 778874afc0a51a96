"""The five roles of staff and what each may do: one table, read by every page of staff and printed by docs/console.md.

A permission is `thing:act`. Whoever has none of a page's is told that the page is not theirs; a page without a rule is closed.
"""

from __future__ import annotations

from typing import Final

READS: Final = frozenset(
    {"members:read", "rulesets:read", "merchants:read", "settlement:read", "staff:read", "trail:read"}
)
WRITES: Final = frozenset({"members:adjust", "members:freeze", "rulesets:write", "merchants:write", "keys:write"})

PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "owner": READS | WRITES | {"staff:write", "admin_keys:write"},
    "manager": READS | WRITES,
    "support": frozenset(
        {"members:read", "members:adjust", "members:freeze", "rulesets:read", "merchants:read", "settlement:read"}
    ),
    "auditor": READS,
    "cashier": frozenset({"till:use"}),
}
"""By role. An auditor reads everything and changes nothing; a cashier has the till of one merchant and nothing else. Keys of the
whole programme are the owner's: whoever holds one acts without a name in the trail."""

ROLES: Final = tuple(PERMISSIONS)
MERCHANT_ROLES: Final = frozenset({"cashier"})
"""Roles that work for one merchant; the others work for the programme."""


def may(role: str, permission: str) -> bool:
    """Whether the role has the permission."""
    return permission in PERMISSIONS[role]
