"""Signatures as Standard Webhooks has them."""

from __future__ import annotations

import base64
import re

import pytest

from app.domain.webhook_signature import new_secret, sign


def test_the_example_of_the_standard_is_signed_as_it_says() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, "Verifying webhooks manually"
    signature = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_sign_side_by_side() -> None:
    one, two = new_secret(), new_secret()
    both = sign([one, two], "msg_1", 1, b"x").split(" ")
    assert both == [sign([one], "msg_1", 1, b"x"), sign([two], "msg_1", 1, b"x")]


@pytest.mark.parametrize(
    ("message", "time", "body"), [("msg_2", 1, b"x"), ("msg_1", 2, b"x"), ("msg_1", 1, b"y")]
)
def test_a_signature_covers_id_time_and_body(message: str, time: int, body: bytes) -> None:
    key = new_secret()
    assert sign([key], message, time, body) != sign([key], "msg_1", 1, b"x")


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    for secret in made:
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
