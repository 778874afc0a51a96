"""The documents behind the published ruleset hashes."""

from __future__ import annotations

from token_service.audit.report import Finding, Findings
from token_service.audit.sources import DocumentSource, Unavailable
from token_service.audit.state import State
from token_service.errors import InvalidInput
from token_service.program.addendum import addendum_problems
from token_service.program.ruleset import parse_ruleset
from token_service.protocol.hashing import text_hash


def check_documents(source: DocumentSource, state: State, findings: Findings) -> None:
    """Every published hash has a document of that hash; an addendum equals its base plus additions."""
    texts = {hash_: text for hash_ in state.rulesets if (text := _document(source, hash_, findings)) is not None}
    for hash_, ruleset in state.rulesets.items():
        if ruleset.base is not None and hash_ in texts and ruleset.base in texts:
            _check_addendum(hash_, texts[hash_], ruleset.base, texts[ruleset.base], findings)


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


def _check_addendum(hash_: str, text: str, base_hash: str, base: str, findings: Findings) -> None:
    try:
        problems = addendum_problems(parse_ruleset(base), parse_ruleset(text))
    except InvalidInput as error:
        findings.add(Finding("ruleset_documents", f"the addendum {hash_} or its base is no ruleset: {error.detail}"))
        return
    for place in problems:
        detail = f"the addendum {hash_} does more than add to {base_hash} at {place.pointer}: {place.detail}"
        findings.add(Finding("ruleset_documents", detail))
