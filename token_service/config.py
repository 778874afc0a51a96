"""Every setting of Méreau: name, default, meaning. Only this file reads the environment; a bad value stops the start.

A setting is read from `MEREAU_<NAME>`; a secret also from the file named by `MEREAU_<NAME>_FILE`.
docs/operators.md lists them all (a test compares).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from token_service.errors import BadSettings
from token_service.units import GWEI_PER_ETHER, WEI_PER_GWEI

SECRETS: Final = ("database_url", "smtp_url", "keys_passphrase")


class Settings(BaseSettings):
    """One frozen set of settings."""

    model_config = SettingsConfigDict(env_prefix="MEREAU_", frozen=True, extra="ignore")

    data_dir: Path = Field(Path("var"), description="Folder that holds everything: ledger, chain, keys, receipts")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL for the ledger (postgresql://…); default: SQLite in the data folder"
    )
    rpc_url: str | None = Field(None, description="JSON-RPC address of an EVM node; default: the embedded chain")
    public_rpc_url: str | None = Field(
        None, description="A node that anybody may audit from, told by /v1/program; MEREAU_RPC_URL may hold a key"
    )
    public_url: str | None = Field(
        None, description="The service's own address as members and auditors reach it; default: as the request says"
    )
    clock: str | None = Field(
        None, description="file:PATH moves all clocks to the time in that file (embedded chain only)"
    )
    settle_within: timedelta = Field(timedelta(hours=1), description="What a promise says: settled at the latest after")
    batch_entries: int = Field(200, ge=1, le=500, description="A batch closes at this many entries …")
    batch_wait: timedelta = Field(timedelta(seconds=1), description="… or after this long")
    reconcile_every: timedelta = Field(
        timedelta(minutes=5), gt=timedelta(0), description="How often the worker compares ledger and chain"
    )
    confirmations: int | None = Field(
        None, ge=0, description="How many blocks deep counts as final; default: the node's `finalized` block"
    )
    max_fee_gwei: Decimal = Field(
        Decimal(500), gt=0, le=1_000_000, description="What a unit of gas may cost at most, in gwei"
    )
    gas_budget_per_day: Decimal | None = Field(
        None, gt=0, le=1_000_000, description="What gas may cost in a UTC day, in the chain's own currency (ether)"
    )
    stale_after: timedelta = Field(
        timedelta(minutes=3),
        gt=timedelta(0),
        description="Lanes with something sent wait when no block was read for as long",
    )
    finality_witnesses: int = Field(
        1, ge=1, le=9, description="How many nodes of MEREAU_RPC_URL must agree at least on what is final"
    )
    backlog_max: int = Field(100_000, ge=1, description="Unsettled entries above which new ones are refused (429)")
    requests_per_second: int = Field(2000, ge=1, description="Limit of one API key")
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="How many reverse proxies stand in front and name the client in X-Forwarded-For"
    )
    smtp_url: SecretStr | None = Field(None, description="smtp://user:password@host:port for sign-in codes")
    mail_from: str = Field("no-reply@localhost", description="Sender of the sign-in codes")
    demo: bool = Field(False, description="Shows mails on /mailbox instead of sending them: for demos only")
    keys_passphrase: SecretStr | None = Field(None, description="Opens the key files that are encrypted")
    signer_socket: Path | None = Field(
        None, description="Unix socket of `mereau signer`; default: the worker signs by itself"
    )
    signer_peers: str | None = Field(
        None, description="User ids that may ask the signer, with commas; default: its own user only"
    )
    signer_points_per_day: int | None = Field(
        None, ge=1, description="Points that one operator may credit in a UTC day; default: what the contract allows"
    )
    signer_per_minute: int = Field(1200, ge=1, description="Signatures a minute of one key")
    signer_member_keys_per_day: int = Field(
        200, ge=1, description="Members' keys that the signer opens in a UTC day for those who leave"
    )
    export_cooling_off: timedelta = Field(
        timedelta(days=1),
        ge=timedelta(0),
        description="How long a member who wants the key of their points waits for it",
    )
    log_level: str = Field("info", description="debug, info, warning or error")
    failpoint: str | None = Field(
        None, description="NAME:N, for tests only: the process is killed when it passes that place for the N-th time"
    )

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value not in {"debug", "info", "warning", "error"}:
            raise ValueError("debug, info, warning or error")
        return value

    @field_validator("failpoint")
    @classmethod
    def _failpoint_is_name_and_number(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[a-z_]+\.[a-z_]+:[1-9][0-9]{0,6}", value):
            raise ValueError("NAME:N")
        return value

    @field_validator("clock")
    @classmethod
    def _clock_is_a_file(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("file:"):
            raise ValueError("file:PATH")
        return value

    @field_validator("signer_peers")
    @classmethod
    def _peers_are_numbers(cls, value: str | None) -> str | None:
        if value is not None and not all(part.strip().isdecimal() for part in value.split(",")):
            raise ValueError("user ids with commas between them")
        return value

    @property
    def signer_peer_ids(self) -> frozenset[int]:
        return frozenset(int(part) for part in (self.signer_peers or "").split(",") if part)

    @property
    def passphrase(self) -> bytes | None:
        return None if self.keys_passphrase is None else self.keys_passphrase.get_secret_value().encode()

    @property
    def embedded(self) -> bool:
        return self.rpc_url is None

    @property
    def rpc_urls(self) -> list[str]:
        """Every endpoint of the node; none for the embedded chain."""
        return [] if self.rpc_url is None else [url.strip() for url in self.rpc_url.split(",") if url.strip()]

    @property
    def max_fee_wei(self) -> int:
        return int(self.max_fee_gwei * WEI_PER_GWEI)

    @property
    def gas_budget_wei(self) -> int | None:
        return None if self.gas_budget_per_day is None else int(self.gas_budget_per_day * GWEI_PER_ETHER * WEI_PER_GWEI)

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger."""
        if self.database_url is None:
            return f"sqlite:///{self.data_dir / 'ledger.db'}"
        url = self.database_url.get_secret_value()
        for scheme in ("postgresql://", "postgres://"):
            if url.startswith(scheme):
                return "postgresql+psycopg://" + url.removeprefix(scheme)
        return url


def load_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """The settings of this process. Raises BadSettings naming each wrong variable, never its value."""
    given = dict(os.environ if environment is None else environment)
    values: dict[str, Any] = {
        name: given[key] for name in Settings.model_fields if (key := f"MEREAU_{name.upper()}") in given
    }
    for name in SECRETS:
        path = given.get(f"MEREAU_{name.upper()}_FILE")
        if path is not None:
            values[name] = _read_secret(name, Path(path))
    try:
        settings = Settings(**{**values, **overrides})
    except ValidationError as error:
        wrong = "; ".join(
            f"MEREAU_{str(e['loc'][0]).upper()}: {e['msg']}"
            for e in error.errors(include_input=False, include_url=False)
        )
        raise BadSettings(f"A setting is wrong. {wrong}") from None
    if not settings.embedded and not settings.rpc_urls:
        raise BadSettings("MEREAU_RPC_URL is empty: name a node, or unset it for the embedded chain")
    if not settings.embedded and settings.finality_witnesses > len(settings.rpc_urls):
        raise BadSettings(
            "MEREAU_FINALITY_WITNESSES is more than MEREAU_RPC_URL has nodes: nothing would ever be final"
        )
    if settings.clock is not None and not settings.embedded:
        raise BadSettings("MEREAU_CLOCK moves only the embedded chain: unset it, or unset MEREAU_RPC_URL")
    return settings


def _read_secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadSettings(f"MEREAU_{name.upper()}_FILE cannot be read: {error.strerror}") from None
