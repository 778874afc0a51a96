"""The roles of staff in the page's language."""

from __future__ import annotations

from token_service.pages.translation import gettext


def role_names() -> dict[str, str]:
    """Every role's name, in the order in which they are offered."""
    return {
        "owner": gettext("Owner"),
        "manager": gettext("Manager"),
        "support": gettext("Support"),
        "auditor": gettext("Auditor"),
        "cashier": gettext("Cashier"),
    }


def role_name(role: str) -> str:
    """One role's name."""
    return role_names().get(role, role)
