"""Where receipts and ruleset documents come from: the service's public URLs, or a folder of files."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

import requests
from requests import PreparedRequest
from requests.auth import AuthBase

from token_service.audit.fetching import AnswerTooLarge, fetch
from token_service.errors import InvalidInput, MereauError
from token_service.protocol import fields, json_text, receipt_files, receipts
from token_service.protocol.hashing import text_hash
from token_service.protocol.receipt_files import BatchReceipts

DOCUMENT_BYTES_MAX: Final = 64 * 1024 * 1024
RULESET_BYTES_MAX: Final = 4 * 1024 * 1024


class Unavailable(MereauError):
    """What was asked for is not there or cannot be read; nothing can be said about it."""

    code = "unavailable"
    title = "This cannot be read"


class ReceiptSource(Protocol):
    """Leaves of batches."""

    def batch(self, operator: str, seq: int) -> BatchReceipts:
        """All leaves of one batch. Raises Unavailable when they are not there, InvalidInput when they are malformed."""


class DocumentSource(Protocol):
    """Ruleset documents."""

    def document(self, ruleset_hash: str) -> str:
        """The RFC 8785 text of the document that is said to have this hash. Raises Unavailable or InvalidInput."""


def receipt_source(place: str) -> ReceiptSource:
    """A service's base URL (https://points.example), or a folder that holds `{operator}/{seq}`."""
    return _ReceiptUrl(place) if is_url(place) else _ReceiptFolder(Path(place))


def document_source(place: str) -> DocumentSource:
    """A service's base URL, or a folder of JSON files with any names."""
    return _DocumentUrl(place) if is_url(place) else _DocumentFolder(Path(place))


def is_url(place: str) -> bool:
    """Whether a place is a URL and not a folder."""
    return place.startswith(("http://", "https://"))


class _Bearer(AuthBase):
    """As `auth` and not as a header: else an entry for the host in ~/.netrc would take the key's place."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Http:
    """GET of a service's paths, with an API key if there is one. Redirects are not followed: the key stays with its host."""

    def __init__(self, base: str, key: str | None = None) -> None:
        self._base = base.rstrip("/").removesuffix("/v1")
        self._session = requests.Session()
        if key is not None:
            self._session.auth = _Bearer(key)

    def get(self, path: str, bytes_max: int = DOCUMENT_BYTES_MAX) -> str:
        """The answer's text. Raises Unavailable or InvalidInput."""
        try:
            status, content = fetch(self._session, "GET", self._base + path, bytes_max=bytes_max)
        except AnswerTooLarge as error:
            raise InvalidInput(f"GET {path} answered more than {bytes_max} bytes") from error
        except requests.RequestException as error:
            raise Unavailable(f"GET {path} failed ({type(error).__name__})") from error
        if status != 200:
            raise Unavailable(f"GET {path} answered {status}")
        return content.decode("utf-8", errors="replace")


class _ReceiptUrl:
    def __init__(self, base: str) -> None:
        self._http = Http(base)

    def batch(self, operator: str, seq: int) -> BatchReceipts:
        return receipt_files.parse(self._http.get(f"/v1/batches/{operator}/{seq}/receipts"))


class _ReceiptFolder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def batch(self, operator: str, seq: int) -> BatchReceipts:
        for name in (receipt_files.relative_path(operator, seq), f"{operator}/{seq}"):
            path = self._folder / name
            if path.is_file():
                return receipt_files.parse(_read(path))
        raise Unavailable(f"there is no file {receipt_files.relative_path(operator, seq)}")


class _DocumentUrl:
    def __init__(self, base: str) -> None:
        self._http = Http(base)

    def document(self, ruleset_hash: str) -> str:
        text = self._http.get(f"/v1/rulesets/{ruleset_hash}", RULESET_BYTES_MAX)
        answer = fields.mapping(json_text.load(text), "ruleset")
        return receipts.jcs(answer.get("document"))


class _DocumentFolder:
    """Files are known by what they hash to, whatever their names."""

    def __init__(self, folder: Path) -> None:
        self._texts: dict[str, str] = {}
        for path in sorted(folder.glob("**/*.json")):
            if not path.is_file():  # a pipe or a device would never end
                continue
            try:
                text = receipts.jcs(json_text.load(_read(path, RULESET_BYTES_MAX)))
            except (InvalidInput, Unavailable):
                continue
            self._texts[text_hash(text)] = text

    def document(self, ruleset_hash: str) -> str:
        if ruleset_hash not in self._texts:
            raise Unavailable(f"no file hashes to {ruleset_hash}")
        return self._texts[ruleset_hash]


def _read(path: Path, bytes_max: int = DOCUMENT_BYTES_MAX) -> str:
    try:
        if path.stat().st_size > bytes_max:
            raise InvalidInput(f"{path.name} is larger than {bytes_max} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be read") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not UTF-8") from error
