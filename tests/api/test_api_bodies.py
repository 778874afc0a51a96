"""Bodies and queries that nobody should send: each gets a clear problem, echoes nothing and leaves nothing behind."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from api_callers import done, new_reference, purchase, refused
from api_town import Town

MARK = "s3cret-marker"
GOOD = {
    "reference": "r",
    "external_id": "c",
    "occurred_at": "2026-11-22T10:00:00Z",
    "total": {"amount": 1, "currency": "EUR"},
}


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


def with_(name: str, value: object) -> bytes:
    return json.dumps(GOOD | {name: value}).encode()


UNREADABLE = {
    "nothing": b"",
    "not JSON": b"{",
    "two values": b"{} {}",
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "a JSON string that holds JSON": json.dumps(json.dumps(GOOD)).encode(),
    "deep arrays": b'{"items": ' + b"[" * 100_000,
    "deep and closed": b'{"items": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "bad UTF-8": b'{"reference": "\xff\xfe"}',
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "NaN": with_("total", 0).replace(b"0}", b"NaN}"),
    "Infinity": with_("total", 0).replace(b"0}", b"-Infinity}"),
    "5,000 digits": with_("total", 0).replace(b": 0}", b": " + b"9" * 5_000 + b"}"),
    "the same field twice": b'{"reference": "a", "reference": "b"}',
    "the same field twice, deeper": b'{"total": {"amount": 1, "amount": 2, "currency": "EUR"}}',
    "U+0000": b'{"reference": "a\\u0000b"}',
    "U+0000 in a key": b'{"a\\u0000": 1}',
    "U+0000 in a list": b'{"items": ["\\u0000"]}',
    "half a surrogate pair": b'{"reference": "\\ud800"}',
    "a comment": b'{"reference": "a" /* no */}',
    "a trailing comma": b'{"reference": "a",}',
    "single quotes": b"{'reference': 'a'}",
    "a raw control character": b'{"reference": "a\x01b"}',
    "quotes that never end": b'{"a": "' + b'\\"' * 200_000 + b"[" * 100,
}

INVALID = {
    "an unknown field": (with_("loyalty", 1), ""),
    "no reference": (without("reference"), "/reference"),
    "no total": (without("total"), "/total"),
    "an empty reference": (with_("reference", ""), "/reference"),
    "a reference of 201 characters": (with_("reference", "x" * 201), "/reference"),
    "a line feed in a reference": (with_("reference", "a\nb"), "/reference"),
    "a reference that is a number": (with_("reference", 7), "/reference"),
    "a total without currency": (with_("total", {"amount": 1}), "/total/currency"),
    "a currency in small letters": (with_("total", {"amount": 1, "currency": "eur"}), "/total/currency"),
    "a negative total": (with_("total", {"amount": -1, "currency": "EUR"}), "/total/amount"),
    "a total beyond 2^53-1": (with_("total", {"amount": 2**53, "currency": "EUR"}), "/total/amount"),
    "a total of 30 digits": (with_("total", {"amount": 10**30, "currency": "EUR"}), "/total/amount"),
    "a total with a fraction": (with_("total", {"amount": 23.9, "currency": "EUR"}), "/total/amount"),
    "a whole total written with a point": (with_("total", {"amount": 10211.0, "currency": "EUR"}), "/total/amount"),
    "a total as text": (with_("total", {"amount": "23", "currency": "EUR"}), "/total/amount"),
    "a total that is true": (with_("total", {"amount": True, "currency": "EUR"}), "/total/amount"),
    "a time without an offset": (with_("occurred_at", "2026-11-22T10:00:00"), "/occurred_at"),
    "a time as a number": (with_("occurred_at", 1763805600), "/occurred_at"),
    "a time as text of a number": (with_("occurred_at", "1763805600"), "/occurred_at"),
    "a date alone": (with_("occurred_at", "2026-11-22"), "/occurred_at"),
    "a 30th of February": (with_("occurred_at", "2026-02-30T10:00:00Z"), "/occurred_at"),
    "the year 1": (with_("occurred_at", "0001-01-01T00:00:00+14:00"), "/occurred_at"),
    "the year 9999": (with_("occurred_at", "9999-12-31T23:59:59-14:00"), "/occurred_at"),
    "a member id of another shape": (with_("member_id", "mem_1"), "/member_id"),
    "items that are an object": (with_("items", {}), "/items"),
    "an item without a line": (with_("items", [{"amount": 1}]), "/items/0/line"),
    "a line of another type": (with_("items", [{"line": "1", "amount": 1}]), "/items/0/line"),
    "a quantity of 0": (with_("items", [{"line": 1, "amount": 1, "quantity": 0}]), "/items/0/quantity"),
    "1,001 items": (with_("items", [{"line": 1, "amount": 1}] * 1001), "/items"),
    "an unknown field in an item": (with_("items", [{"line": 1, "amount": 1, "x": 1}]), "/items/0"),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_it_refuses_what_is_not_one_json_object(town: Town, body: bytes) -> None:
    problem = refused(town.alice.send("/v1/purchases", body), 400, "invalid_request")
    assert problem["errors"] == []


@pytest.mark.parametrize(("body", "pointer"), INVALID.values(), ids=INVALID.keys())
def test_it_refuses_values_that_are_not_valid_and_names_the_place(town: Town, body: bytes, pointer: str) -> None:
    problem = refused(town.alice.send("/v1/purchases", body), 422, "invalid_input")
    assert pointer in [place["pointer"] for place in problem["errors"]]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_it_refuses_a_body_of_another_type(town: Town, content_type: str | None) -> None:
    refused(town.alice.send("/v1/purchases", json.dumps(GOOD).encode(), content_type), 415, "unsupported_media_type")


def test_it_reads_a_body_that_names_its_charset(town: Town) -> None:
    body = json.dumps({"external_id": new_reference()}).encode()
    done(town.alice.send("/v1/members", body, "application/json; charset=utf-8"), 201)


def test_a_body_beyond_one_mebibyte_is_too_large_and_a_batch_may_have_eight(town: Town) -> None:
    body = json.dumps({"external_id": "x", "name": "y" * 1024 * 1024}).encode()
    refused(town.alice.send("/v1/members", body), 413, "body_too_large")
    refused(town.alice.send("/v1/members:batch", body), 422, "invalid_input")
    refused(town.alice.send("/v1/members:batch", b" " * (8 * 1024 * 1024 + 1)), 413, "body_too_large")


def test_a_chunked_body_is_not_cut_but_refused(town: Town) -> None:
    body = json.dumps({"external_id": "x"}).encode() + b" " * 1024 * 1024
    response = town.app.test_client().post(
        "/v1/members",
        input_stream=BytesIO(body),
        environ_overrides={"wsgi.input_terminated": True},
        content_type="application/json",
        headers=town.alice.headers(),
    )
    refused(response, 413, "body_too_large")


def test_unknown_fields_are_answered_with_the_known_ones_and_never_by_name(town: Town) -> None:
    problem = refused(town.alice.post("/v1/members", {"external_id": "x", MARK: 1}), 422, "invalid_input")
    [place] = problem["errors"]
    assert place["pointer"] == ""
    assert "birth_date" in place["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"external_id": [MARK]},
        {"external_id": "x", "email": MARK},
        {"external_id": "x", "birth_date": MARK},
        {"external_id": "x", "merchant_id": MARK},
        {"external_id": "x", "locale": MARK * 10},
        {"external_id": "x", MARK: MARK},
        {"external_id": "x", "name": {MARK: MARK}},
        {"external_id": "x", "referral_code": MARK + "\n"},
    ],
)
def test_a_problem_never_echoes_what_was_sent(town: Town, body: dict[str, object]) -> None:
    response = town.alice.post("/v1/members", body)
    assert response.status_code == 422
    assert MARK not in response.get_data(as_text=True)
    assert MARK not in str(response.headers)


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/{MARK}",
        f"/v1/members/{MARK}",
        f"/v1/members?{MARK}=1",
        f"/v1/members?limit={MARK}",
        f"/v1/members?cursor={MARK}!",
        f"/v1/purchases?reference={MARK}%0A",
        f"/v1/batches/{MARK}/1/receipts",
        f"/v1/rulesets/{MARK}",
    ],
)
def test_an_address_is_not_echoed_either(town: Town, path: str) -> None:
    response = town.alice.get(path)
    assert response.status_code in (404, 422)
    assert response.mimetype == "application/problem+json"
    assert MARK not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=-1", 422),
        ("limit=1.5", 422),
        ("limit=", 422),
        ("limit=99999999999999999999999", 422),
        ("limit=1&limit=2", 422),
        ("unknown=1", 422),
        ("cursor=%00", 400),
        ("external_id=%00", 400),
        ("%00=1", 400),
        ("cursor=' OR 1=1 --", 422),
        ("external_id=" + "x" * 201, 422),
    ],
)
def test_it_refuses_queries_that_mean_nothing(town: Town, query: str, status: int) -> None:
    response = town.app.test_client().get(f"/v1/members?{query}", headers=town.alice.headers())
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"


@pytest.mark.parametrize("seq", ["-1", "x", str(2**63), str(10**40), "1.0"])
def test_it_refuses_sequences_that_are_none(town: Town, seq: str) -> None:
    response = town.nobody.get(f"/v1/batches/0x{'ab' * 20}/{seq}/receipts")
    assert response.status_code in (404, 422)


def test_a_refused_body_leaves_nothing_behind(town: Town) -> None:
    member = town.alice.enrol()
    body = purchase(member["id"]) | {"items": [{"line": 1, "amount": 1}, {"line": 2, "amount": "x"}]}
    refused(town.alice.post("/v1/purchases", body), 422, "invalid_input")
    assert done(town.alice.get(f"/v1/members/{member['id']}/entries"))["data"] == []
    assert done(town.alice.get("/v1/purchases", reference=body["reference"]))["data"] == []


def test_hostile_text_is_kept_as_text(town: Town) -> None:
    name = "Robert'); DROP TABLE members;-- <script>alert(1)</script> {{7*7}} é 日本 👩"
    member = town.alice.enrol(name=name)
    assert done(town.alice.get(f"/v1/members/{member['id']}"))["name"] == name


def test_many_mistakes_are_named_and_not_all_of_ten_thousand(town: Town) -> None:
    items = [{"line": 1, "amount": "x"}] * 900
    problem = refused(town.alice.post("/v1/purchases", GOOD | {"items": items}), 422, "invalid_input")
    assert len(problem["errors"]) == 20
