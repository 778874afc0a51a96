"""The year's coupons as completejourney has them: who was sent each campaign, and who used which of its coupons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from token_service.cli.completejourney import data_folder
from token_service.program.told import Occurred, Person

USED = "coupon.redeemed"
NOON = timedelta(hours=12)
"""The data know the day of a coupon's use only."""


@dataclass(frozen=True)
class Campaign:
    """One of the 27: `sent` and `used` are households, `coupons` how many they used."""

    number: int
    kind: str
    sent: frozenset[str]
    used: frozenset[str]
    coupons: int

    @property
    def segment(self) -> str:
        """What the ruleset calls those whom it was sent to."""
        return f"campaign-{self.number:02d}"


def read_campaigns(households: Iterable[str]) -> list[Campaign]:
    """Every campaign, as far as these households are concerned."""
    some = set(households)
    sent = [(row["campaign_id"], str(row["household_id"])) for row in _rows("campaigns")]
    used = [(row["campaign_id"], str(row["household_id"])) for row in _rows("coupon_redemptions")]
    return [
        Campaign(
            number=(number := int(row["campaign_id"])),
            kind=row["campaign_type"].removeprefix("Type "),
            sent=frozenset(one for campaign, one in sent if campaign == number and one in some),
            used=frozenset(one for campaign, one in used if campaign == number and one in some),
            coupons=sum(campaign == number and one in some for campaign, one in used),
        )
        for row in sorted(_rows("campaign_descriptions"), key=lambda row: row["campaign_id"])
    ]


def people_of(campaigns: Iterable[Campaign]) -> Mapping[str, Person]:
    """Each household with the campaigns that it was sent, as segments."""
    found: dict[str, list[str]] = {}
    for campaign in campaigns:
        for household in campaign.sent:
            found.setdefault(household, []).append(campaign.segment)
    return {name: Person(segments=tuple(segments)) for name, segments in found.items()}


def read_used(households: Iterable[str], time_zone: str) -> list[Occurred]:
    """Each coupon that one of these households used, as the event that a shop would send."""
    some, zone = set(households), ZoneInfo(time_zone)
    return [
        Occurred(
            member=str(row["household_id"]),
            occurred_at=_day(row["redemption_date"], zone) + NOON,
            event=USED,
            subject=f"{row['campaign_id']}/{row['coupon_upc']}",
        )
        for row in _rows("coupon_redemptions")
        if str(row["household_id"]) in some
    ]


def _day(at: Any, zone: ZoneInfo) -> datetime:
    return datetime(at.year, at.month, at.day, tzinfo=zone)


def _rows(name: str) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(data_folder() / f"{name}.parquet")
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):  # of nanoseconds, which Python has no datetime for without pandas
            table = table.set_column(index, field.name, table[index].cast("timestamp[us]"))
    return list(table.to_pylist())
