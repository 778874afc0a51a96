"""The documents behind the published ruleset hashes."""

from __future__ import annotations

from token_service.audit.report import Finding, Findings
from token_service.audit.sources import DocumentSource, Unavailable
from token_service.audit.state import State
from token_service.errors import InvalidInput
from token_service.program.addendum import addendum_problems
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.protocol.hashing import text_hash


def check_documents(source: DocumentSource, state: State, findings: Findings) -> None:
    """Every published hash has a document of that hash, which is a ruleset; an addendum equals its base plus additions."""
    read = {hash_: found for hash_ in state.rulesets if (found := _ruleset(source, hash_, findings)) is not None}
    for hash_, published in state.rulesets.items():
        if published.base is not None and hash_ in read and published.base in read:
            _check_addendum(hash_, read[hash_], published.base, read[published.base], findings)


def _ruleset(source: DocumentSource, hash_: str, findings: Findings) -> Ruleset | None:
    text = _document(source, hash_, findings)
    if text is None:
        return None
    try:
        return parse_ruleset(text)
    except InvalidInput as error:
        findings.add(Finding("ruleset_documents", f"the document of {hash_} is no ruleset: {error.detail}"))
        return None


def _document(source: DocumentSource, ruleset_hash: str, findings: Findings) -> str | None:
    try:
        text = source.document(ruleset_hash)
    except Unavailable as error:
        findings.doubt("ruleset_documents", f"ruleset {ruleset_hash}: {error.detail}")
        return None
    except InvalidInput as error:
        findings.add(Finding("ruleset_documents", f"the document of {ruleset_hash} is malformed: {error.detail}"))
        return None
    found = text_hash(text)
    if found != ruleset_hash:
        detail = "a ruleset's document does not hash to what was published"
        findings.add(Finding("ruleset_documents", detail, expected=ruleset_hash, found=found))
        return None
    return text


def _check_addendum(hash_: str, addendum: Ruleset, base_hash: str, base: Ruleset, findings: Findings) -> None:
    for place in addendum_problems(base, addendum):
        detail = f"the addendum {hash_} does more than add to {base_hash} at {place.pointer}: {place.detail}"
        findings.add(Finding("ruleset_documents", detail))
