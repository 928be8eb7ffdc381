"""Endpoints of cloud accounts: judged as webhooks are, and some that the operator vouches for."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from app.domain.cloud_endpoint import EndpointRules

RULES = EndpointRules([ip_network("10.1.0.0/16")], frozenset({"http://localstack:4566"}))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://cloud.example.com",
        "https://cloud.example.com/v1/",
        "http://8.8.8.8:8080/v1",
        "http://10.1.2.3:9000",
        "http://localstack:4566",
        "http://localstack:4566/",
    ],
)
def test_what_is_public_allowed_or_vouched_for_is_taken(endpoint: str) -> None:
    assert RULES.check(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("http://10.2.0.1:9000", "private"),
        ("http://127.0.0.1:8090/v1", "loopback"),
        ("http://cloud.example.com", "https://"),
        ("http://localstack:4567", "https://"),
        ("http://localstack:4566/other", "https://"),
        ("https://a@cloud.example.com", "user name"),
        ("https://cloud.example.com/?a=b", "query"),
        ("https://cloud.example.com/#a", "fragment"),
        ("ftp://cloud.example.com", "begin with"),
        ("", "characters"),
    ],
)
def test_all_else_is_refused_with_the_reason(endpoint: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RULES.check(endpoint)


def test_only_what_is_vouched_for_may_lead_anywhere() -> None:
    assert ip_network("0.0.0.0/0") in RULES.networks_of("http://localstack:4566/")
    assert [*RULES.networks_of("https://localstack:4566")] == [ip_network("10.1.0.0/16")]
