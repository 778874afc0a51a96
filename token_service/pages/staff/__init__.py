"""The pages of staff: signing in, the till of a shop, the programme's console. One blueprint, one rule beside each route."""

from token_service.pages.staff.blueprint import create_staff_pages

__all__ = ["create_staff_pages"]
