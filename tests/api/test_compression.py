"""Long answers of the API are sent as gzip, but nothing that a cookie opens or that is a secret."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.api.rest import V1, Rest

GZIP = {"Accept-Encoding": "gzip"}


def test_a_long_answer_is_compressed_for_who_takes_it(reader: Rest) -> None:
    plain = reader.get("/kinds")
    packed = reader.get("/kinds", headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
    for answer in (plain, packed):
        assert "Accept-Encoding" in answer.headers["Vary"]
    assert packed.headers["ETag"] == plain.headers["ETag"]


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br", "\x00", "gzip;q=x"])
def test_who_does_not_take_gzip_gets_none(reader: Rest, accepted: str) -> None:
    answer = reader.get("/kinds", headers={"Accept-Encoding": accepted.replace("\x00", "?")})
    assert json.loads(answer.data)["items"]
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("path", ["/projects/default/change-control", "/auth/me"])
def test_a_short_answer_stays_as_it_is(reader: Rest, path: str) -> None:
    answer = reader.get(path, headers=GZIP)
    assert answer.status_code == 200
    assert len(answer.data) < 1024 or path.startswith("/auth")
    assert "Content-Encoding" not in answer.headers


def test_answers_about_secrets_are_not_compressed(reader: Rest) -> None:
    (stack, *_) = reader.get("/stacks").json["items"]
    for _ in range(5):
        reader.post("/tokens", {"name": "t" * 60, "scopes": ["stack:read"]})
    for path in ("/auth/me", "/tokens", f"/stacks/{stack['id']}/outputs"):
        answer = reader.get(path, headers=GZIP)
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers
        assert "Vary" not in answer.headers or "Accept-Encoding" not in answer.headers["Vary"]
    assert len(reader.get("/tokens").data) > 1024


def test_a_page_of_the_console_is_not_compressed(reader: Rest) -> None:
    answer = reader.client.get("/sign-in", headers=GZIP)
    assert answer.status_code == 200
    assert len(answer.data) > 1024
    assert "Content-Encoding" not in answer.headers


def test_a_compressed_answer_is_not_sent_to_who_has_it(reader: Rest) -> None:
    etag = reader.get("/kinds").headers["ETag"]
    answer = reader.get("/kinds", headers={**GZIP, "If-None-Match": etag})
    assert (answer.status_code, answer.data) == (304, b"")
    assert "Content-Encoding" not in answer.headers


def test_head_tells_what_get_would_send(reader: Rest) -> None:
    told = reader.call("HEAD", "/kinds", headers=GZIP)
    assert told.headers["Content-Encoding"] == "gzip"
    assert told.data == b""


def test_a_long_problem_is_compressed_too(reader: Rest) -> None:
    body = {f"field-{number}": 1 for number in range(60)}
    answer = reader.call("POST", "/networks", json=body, headers=GZIP)
    assert answer.status_code == 422
    assert json.loads(gzip.decompress(answer.data))["code"] == "validation_failed"


def test_the_document_may_be_kept_and_is_compressed(reader: Rest) -> None:
    plain = reader.client.get(f"{V1}/openapi.json")
    packed = reader.client.get(f"{V1}/openapi.json", headers=GZIP)
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 8
    assert plain.headers["Cache-Control"] == "public, max-age=300"
    for headers in ({}, GZIP):
        sent = {**headers, "If-None-Match": plain.headers["ETag"]}
        again = reader.client.get(f"{V1}/openapi.json", headers=sent)
        assert (again.status_code, again.data) == (304, b"")
