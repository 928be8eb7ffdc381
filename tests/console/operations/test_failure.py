"""What a failure probably means, in plain words."""

from __future__ import annotations

import pytest

from app.console.operations.failure import cause_of


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("The account's quota in the sandbox cloud is used up", "quota or limit"),
        ("VpcLimitExceeded: the maximum number of VPCs has been reached", "quota or limit"),
        ("api error Throttling: Rate exceeded", "rate limit"),
        ("api error InvalidClientTokenId: the security token is bad", "credentials"),
        ("StatusCode: 403, api error UnauthorizedOperation: You are not authorized", "credentials"),
        ("AccessDenied: User may not", "do not allow"),
        ("BucketAlreadyExists: a bucket with that name already exists", "exists in the cloud"),
        ("dial tcp 127.0.0.1:9: connect: connection refused", "could not be reached"),
    ],
)
def test_a_usual_failure_is_put_in_plain_words(detail: str, said: str) -> None:
    cause = cause_of({"detail": "Terraform failed", "diagnostics": [{"summary": detail}]})
    assert cause is not None
    assert said in cause.text


def test_a_failure_that_is_not_known_is_shown_as_it_is() -> None:
    assert cause_of({"detail": "Something odd"}) is None
    assert cause_of({}) is None
