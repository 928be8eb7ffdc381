"""An OpenID Connect provider on loopback that does what a test wants, right and wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import make_server

CLIENT_ID, CLIENT_SECRET = "landform-test", "a secret: with/odd+letters"


class FakeProvider:
    """Signs in whom it is told to. ``claims`` change the ID token, ``sign`` how it is signed.

    ``requests`` collects the forms that came to the token endpoint.
    """

    def __init__(self) -> None:
        self.issuer = ""
        self.key = RSAKey.generate_key(2048, parameters={"kid": "first", "use": "sig"})
        self.published = [self.key]
        self.subject = "subject-1"
        self.groups: Any = ["platform"]
        self.name = "ada"
        self.claims: dict[str, Any] = {}
        self.alg = "RS256"
        self.signing_key: Any = None
        self.announced_issuer: str | None = None
        self.promises_issuer = False
        self.requests: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}

    def application(self) -> Flask:
        """Return the provider as a web application."""
        app = Flask("provider")
        app.add_url_rule("/.well-known/openid-configuration", "meta", self.describe)
        app.add_url_rule("/keys", "keys", self.show_keys)
        app.add_url_rule("/authorize", "authorize", self.authorize)
        app.add_url_rule("/token", "token", self.give_token, methods=["POST"])
        return app

    def describe(self) -> Response:
        return jsonify(
            issuer=self.announced_issuer or self.issuer,
            authorization_endpoint=f"{self.issuer}/authorize",
            token_endpoint=f"{self.issuer}/token",
            jwks_uri=f"{self.issuer}/keys",
            authorization_response_iss_parameter_supported=self.promises_issuer,
        )

    def show_keys(self) -> Response:
        return jsonify(keys=[key.as_dict(private=False) for key in self.published])

    def authorize(self) -> Any:
        """Let the person in at once, and send the browser back with a code."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = dict(request.args)
        back = f"{request.args['redirect_uri']}?code={code}&state={request.args['state']}"
        return redirect(back, 302)

    def give_token(self) -> Any:
        """Exchange a code, once, for whoever knows the verifier and the client's secret."""
        form = dict(request.form)
        self.requests.append(form)
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        given = request.authorization
        known = (CLIENT_ID, quote(CLIENT_SECRET, safe=""))
        is_client = given is not None and (given.username, given.password) == known
        if asked is None or not is_client or challenge != asked["code_challenge"]:
            return jsonify(error="invalid_grant"), 400
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": self.subject,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            "preferred_username": self.name,
            "groups": self.groups,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jsonify(id_token=self.sign(claims), access_token="opaque", token_type="Bearer")

    def sign(self, claims: dict[str, Any]) -> str:
        if self.alg == "none":
            return f"{_part({'alg': 'none'})}.{_part(claims)}."
        key = self.signing_key or self.key
        header = (
            {"alg": self.alg, "kid": key.kid} if not isinstance(key, OctKey) else {"alg": self.alg}
        )
        return jwt.encode(header, claims, key, algorithms=[self.alg])


@contextmanager
def serving(provider: FakeProvider) -> Iterator[FakeProvider]:
    """Serve ``provider`` on a free port of loopback."""
    server = make_server("127.0.0.1", 0, provider.application(), threaded=True)
    server.daemon_threads = True
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
