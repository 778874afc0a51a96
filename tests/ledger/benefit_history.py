"""Members of a random history use benefits, and undo that."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ledger_town import Town

from token_service.ledger.benefit_using import reverse_use, use_benefit
from token_service.ledger.inputs import NewBenefitUse, NewUseReversal
from token_service.ledger.views import BenefitUsed


@dataclass
class BenefitHistory:
    """`members` are those of the history that it is part of."""

    town: Town
    luck: random.Random
    members: list[str]
    uses: list[BenefitUsed] = field(default_factory=list)

    def act(self) -> None:
        (self.undo if self.uses and self.luck.random() < 0.4 else self.use)()

    def use(self) -> None:
        new = NewBenefitUse(self.town.reference(), note="at the door")
        done = use_benefit(self.town.context, self.town.alice, self.luck.choice(self.members), "lounge", new)
        self.uses.append(done.use)

    def undo(self) -> None:
        used = self.luck.choice(self.uses)
        where = {"use_id": used.id, "member_id": used.member_id, "benefit": used.benefit}
        reverse_use(self.town.context, self.town.alice, NewUseReversal(self.town.reference()), **where)
