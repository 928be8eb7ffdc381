"""What never reaches the application is answered with a problem, as everything else."""

from __future__ import annotations

import json

import pytest
from gunicorn.http import errors

from app.web.http_errors import error_codes
from workers.refused_requests import refusal, status_of_refusal


def read(answer: bytes) -> tuple[list[str], dict[str, object]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert f"Content-Length: {len(body)}" in lines
    return lines, json.loads(body)


@pytest.mark.parametrize("status", [400, 403, 408, 414, 417, 431, 501])
def test_a_refusal_is_a_whole_problem(status: int) -> None:
    lines, body = read(refusal(status, "It is wrong."))
    assert lines[0].startswith(f"HTTP/1.1 {status} ")
    assert "Content-Type: application/problem+json" in lines
    assert "Connection: close" in lines
    assert f"X-Request-Id: {body['request_id']}" in lines
    assert body["status"] == status
    assert body["code"] in [item.code for item in error_codes()]
    assert body["detail"] == "It is wrong."


@pytest.mark.parametrize(
    "text", ["a\r\nSet-Cookie: x=1\r\n\r\n<script>", "\ud800", "x" * 10_000, ""]
)
def test_what_the_client_sent_makes_no_header_and_no_page(text: str) -> None:
    lines, body = read(refusal(400, text))
    assert len(lines) == 6
    assert 0 < len(str(body["detail"])) <= 300


def test_faults_of_this_side_are_not_blamed_on_the_client() -> None:
    assert status_of_refusal(errors.InvalidResponseHeader("x")) is None
    assert status_of_refusal(errors.ConfigurationProblem("x")) is None
    assert status_of_refusal(ValueError("x")) is None
    assert status_of_refusal(errors.LimitRequestLine(9000, 8190)) == 414
    assert status_of_refusal(errors.LimitRequestHeaders("x")) == 431
    assert status_of_refusal(errors.InvalidHeader("x")) == 400
