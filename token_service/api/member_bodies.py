"""What is said of a member after enrolment, or of their verified contacts at any time."""

from __future__ import annotations

from pydantic import Field

from token_service.api.fields import Code, Day, Email, Locale, Name
from token_service.api.input import Body
from token_service.ledger import profiles
from token_service.ledger.inputs import MemberChange, NewContacts


class VerifiedBody(Body):
    """What you have verified of the person, by a code that they read back: one of them at least. Only keyed hashes are kept."""

    email: Email | None = None
    phone: Code | None = Field(default=None, examples=["+33 6 12 34 56 78"])

    def resolved(self) -> NewContacts:
        """What the ledger is asked."""
        return NewContacts(**dict(self))


class MemberChangeBody(Body):
    """What you know better now than at enrolment: one of these at least. What is left out stays; null: it is not known."""

    email: Email | None = Field(
        default=None,
        description="Where sign-in codes go from now on. The old address signs in no more, and is not verified.",
    )
    name: Name | None = None
    locale: Locale | None = None
    birth_date: Day | None = Field(default=None, description="Never brings a second birthday in one year.")
    verified: VerifiedBody | None = None

    def resolved(self) -> MemberChange:
        """What the ledger is asked."""
        said = {name: getattr(self, name) for name in self.model_fields_set & set(profiles.FIELDS)}
        verified = None if self.verified is None else self.verified.resolved()
        return MemberChange(frozenset(said), verified=verified, **said)
