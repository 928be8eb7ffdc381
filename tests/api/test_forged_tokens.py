"""No token but our own is taken for an access token, and none makes the server stumble."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.clock import utc_now
from app.models import User
from tests.api.rest import Rest, problem
from tests.conftest import SECRET_KEY

Forge = Callable[["Forger"], str]
OTHER_KEY = "another key of thirty-two bytes or more!!"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


class Forger:
    """Makes tokens like ours, with our key by default."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.whole = rest.access_token()
        self.header: dict[str, Any] = jwt.get_unverified_header(self.whole)
        self.claims: dict[str, Any] = jwt.decode(self.whole, options={"verify_signature": False})
        self.parts = self.whole.split(".")

    def signed(self, key: str = SECRET_KEY, **claims: Any) -> str:
        """A token with other claims; one that is ``None`` is left out."""
        return self.raw(self.header, self._changed(self.claims, claims), key)

    def headed(self, key: str = SECRET_KEY, **header: Any) -> str:
        """A token with another header; an entry that is ``None`` is left out."""
        return self.raw(self._changed(self.header, header), self.claims, key)

    def raw(self, header: Any, claims: Any, key: str = SECRET_KEY) -> str:
        """Sign anything at all with HMAC-SHA256, as no library would."""
        texts = [part if isinstance(part, bytes) else json.dumps(part).encode()
                 for part in (header, claims)]  # fmt: skip
        body = ".".join(_b64(text) for text in texts)
        return f"{body}.{_b64(hmac.digest(key.encode(), body.encode(), hashlib.sha256))}"

    def other_algorithm(self, name: str, key: Any) -> str:
        return jwt.encode(self.claims, key, name, headers={"kid": self.header["kid"]})

    def public_key_as_secret(self) -> str:
        """The classic: an RSA public key taken for an HMAC secret."""
        public = RSA.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return self.headed(public.decode())

    @staticmethod
    def _changed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in (old | new).items() if value is not None}


NOW = int(time.time())  # when the tests are collected, up to hours before one runs
DAY = 24 * 3600
FORGERIES: dict[str, Forge] = {
    "empty": lambda f: "",
    "garbage": lambda f: "garbage",
    "three garbage parts": lambda f: "a.b.c",
    "only dots": lambda f: "..",
    "unicode": lambda f: "é.é.é",
    "emoji": lambda f: "\U0001f4a9" * 20,
    "nul": lambda f: f"{f.parts[0]}.{f.parts[1]}%00.{f.parts[2]}",
    "five parts": lambda f: f"{f.whole}.a.b",
    "cut": lambda f: f.whole[:-4],
    "no signature": lambda f: f"{f.parts[0]}.{f.parts[1]}.",
    "no payload": lambda f: f"{f.parts[0]}..{f.parts[2]}",
    "no header": lambda f: f".{f.parts[1]}.{f.parts[2]}",
    "twice": lambda f: f.whole + f.whole,
    "huge": lambda f: "a" * 1_000_000,
    "huge payload": lambda f: f.signed(OTHER_KEY, name="a" * 1_000_000),
    "header is a list": lambda f: f.raw([], f.claims),
    "header is text": lambda f: f.raw("HS256", f.claims),
    "payload is a list": lambda f: f.raw(f.header, []),
    "payload is a number": lambda f: f.raw(f.header, 7),
    "payload is no JSON": lambda f: f.raw(f.header, b"\xff\xfe"),
    "very deep header": lambda f: f.raw(b"[" * 5_000, f.claims),
    "very deep payload": lambda f: f.raw(f.header, b'{"a":' * 5_000),
    "a number without end": lambda f: f.raw(f.header, b'{"exp": ' + b"9" * 5_000 + b"}"),
    "a changed payload": lambda f: ".".join(
        [f.parts[0], f.raw(f.header, f.claims | {"sub": "usr_x"}).split(".")[1], f.parts[2]]
    ),
    # --- the algorithm
    "alg none": lambda f: f.headed(alg="none"),
    "alg none unsigned": lambda f: f.headed(alg="none").rpartition(".")[0] + ".",
    "alg None": lambda f: f.headed(alg="None"),
    "alg hs256": lambda f: f.headed(alg="hs256"),
    "alg missing": lambda f: f.headed(alg=None),
    "alg is a list": lambda f: f.headed(alg=["HS256"]),
    "alg is a number": lambda f: f.headed(alg=256),
    "HS384": lambda f: f.other_algorithm("HS384", SECRET_KEY),
    "HS512": lambda f: f.other_algorithm("HS512", SECRET_KEY * 2),
    "RS256": lambda f: f.other_algorithm("RS256", RSA),
    "ES256": lambda f: f.other_algorithm("ES256", EC),
    "RS256 in name only": lambda f: f.headed(alg="RS256"),
    "a public key as secret": lambda f: f.public_key_as_secret(),
    # --- the key
    "another key": lambda f: f.signed(OTHER_KEY),
    "an empty key": lambda f: f.signed(""),
    "the kid as key": lambda f: f.signed(f.header["kid"]),
    "no kid": lambda f: f.headed(kid=None),
    "an unknown kid": lambda f: f.headed(kid="0" * 16),
    "an empty kid": lambda f: f.headed("", kid=""),
    "a kid that is a path": lambda f: f.headed("", kid="../../../../dev/null"),
    "a kid that is SQL": lambda f: f.headed("x", kid="' UNION SELECT 'x' --"),
    "a kid that is a command": lambda f: f.headed(kid="|id"),
    "a kid that is a number": lambda f: f.headed(kid=7),
    "a kid that is a list": lambda f: f.headed(kid=[f.header["kid"]]),
    "a kid that is an object": lambda f: f.headed(kid={"a": 1}),
    "a kid with NUL": lambda f: f.headed(kid=f.header["kid"] + "\x00"),
    "a key of its own": lambda f: f.headed(
        OTHER_KEY, jwk={"kty": "oct", "k": _b64(OTHER_KEY.encode())}
    ),
    "a key from elsewhere": lambda f: f.headed(
        OTHER_KEY, jku="https://evil.example/jwks.json", x5u="https://evil.example/x.pem"
    ),
    "a critical extension": lambda f: f.headed(crit=["exp", "unknown"], unknown=True),
    # --- the claims
    "another issuer": lambda f: f.signed(iss="elsewhere"),
    "an issuer in a list": lambda f: f.signed(iss=["landform"]),
    "no issuer": lambda f: f.signed(iss=None),
    "another audience": lambda f: f.signed(aud="elsewhere"),
    "other audiences": lambda f: f.signed(aud=["a", "b"]),
    "no audience": lambda f: f.signed(aud=None),
    "an audience that is a number": lambda f: f.signed(aud=7),
    "expired": lambda f: f.signed(exp=NOW - 3600),
    "no expiry": lambda f: f.signed(exp=None),
    "an expiry that is text": lambda f: f.signed(exp="tomorrow"),
    "an expiry that is a list": lambda f: f.signed(exp=[NOW + 900]),
    "not valid yet": lambda f: f.signed(nbf=NOW + DAY),
    "no start": lambda f: f.signed(nbf=None),
    "a start that is text": lambda f: f.signed(nbf="now"),
    "issued in the future": lambda f: f.signed(iat=NOW + DAY),
    "issued never": lambda f: f.signed(iat=None),
    "issued in words": lambda f: f.signed(iat="today"),
    "no subject": lambda f: f.signed(sub=None),
    "a subject that is a number": lambda f: f.signed(sub=7),
    "no session": lambda f: f.signed(sid=None),
    "a session that is a number": lambda f: f.signed(sid=7),
    "a session that is a list": lambda f: f.signed(sid=["ses_x"]),
    "an unknown session": lambda f: f.signed(sid="ses_none"),
    "a session with NUL": lambda f: f.signed(sid="ses_\x00"),
    "half a surrogate": lambda f: f.raw(
        f.header, json.dumps(f.claims | {"sid": "\ud800"}).encode()
    ),
    "a refresh token": lambda f: f.rest.refresh_token(),
    "a token of another type": lambda f: f.signed(type="id"),
    "a type that is a list": lambda f: f.signed(type=["access"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def forger(make_reader: Callable[[], Rest]) -> Forger:
    return Forger(make_reader())


def _me(rest: Rest, token: str, path: str = "/api/v1/auth/me") -> Any:
    return rest.client.get(path, headers={"Authorization": f"Bearer {token}"})


def test_what_the_forger_signs_unchanged_is_good(forger: Forger) -> None:
    """Without this, each refusal below might have a reason that nobody meant."""
    assert _me(forger.rest, forger.signed()).status_code == 200
    assert _me(forger.rest, forger.headed()).status_code == 200


@pytest.mark.parametrize(
    ("shifted", "status"),
    [
        ({"iat": 1, "nbf": 1}, 200),
        ({"iat": 50, "nbf": 50}, 200),
        ({"iat": 600}, 401),
        ({"nbf": 600}, 401),
        ({"exp": -1}, 200),
        ({"exp": -20}, 200),
        ({"exp": -90}, 401),
    ],
    ids=str,
)
def test_clocks_may_be_a_minute_apart(forger: Forger, shifted: dict[str, int], status: int) -> None:
    now = int(time.time())  # the tokens are judged within seconds; none is near the minute
    token = forger.signed(**{claim: now + seconds for claim, seconds in shifted.items()})
    assert _me(forger.rest, token).status_code == status


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forged_token_is_refused(forger: Forger, what: str) -> None:
    token = FORGERIES[what](forger)
    for path in ("/api/v1/auth/me", "/api/v1/stacks"):
        answer = _me(forger.rest, token, path)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="landform"')


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forged_token_renews_nothing(forger: Forger, what: str) -> None:
    if what == "a refresh token":
        pytest.skip("it is what renewing needs")
    headers = {"Authorization": f"Bearer {FORGERIES[what](forger)}"}
    problem(
        forger.rest.client.post("/api/v1/auth/refresh", headers=headers), 401, "unauthenticated"
    )


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forged_cookie_opens_no_page(forger: Forger, what: str) -> None:
    client = forger.rest.client
    token = FORGERIES[what](forger)
    cookie = token if token.isascii() else token.encode().decode("latin-1")
    answer = client.get("/stacks", headers={"Cookie": f"landform_session={cookie}"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/stacks")


@pytest.mark.parametrize("column", ["disabled_at", "deleted_at"])
def test_a_token_of_a_user_who_is_gone_is_refused(rest: Rest, column: str) -> None:
    member = rest.as_member("admin")
    if column == "deleted_at":
        assert rest.delete(f"/users/{member.user}", If_Match="*").status_code == 204
    else:
        with rest.ctx.write() as session:
            session.query(User).filter_by(name=member.user).one().disabled_at = utc_now()
    for token in (member.access_token(), member.refresh_token()):
        problem(_me(rest, token), 401, "unauthenticated")


def test_a_new_token_for_an_ended_session_is_refused(rest: Rest) -> None:
    rest.post("/auth/logout")
    problem(_me(rest, rest.access_token()), 401, "unauthenticated")
