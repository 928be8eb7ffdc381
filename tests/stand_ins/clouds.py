"""Google Cloud and Azure as tests use them: what stands in for both, and accounts of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox_cloud import Cloud, Service
from tests.stand_ins.install import install
from tests.stand_ins.protocols.google import PUBLIC_KEY

PROJECT = "shop-test"
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-000000000002"
CLIENT = "00000000-0000-4000-8000-000000000003"


class StandInClouds:
    """The service that keeps the resources of every cloud, and the providers that talk to it."""

    def __init__(self, folder: Path) -> None:
        self.mirror = folder / "mirror"
        install(self.mirror)
        home = folder / "home"
        home.mkdir()
        (home / PUBLIC_KEY).write_text(public_key())
        self._service = Service(home, app="tests.stand_ins.store:build()")
        self._service.start()
        self._opened: list[Cloud] = []

    @property
    def endpoint(self) -> str:
        """What an account of Google Cloud or Azure names as its endpoint."""
        return self._service.endpoint.removesuffix("/v1")

    def open(self, cloud: str) -> tuple[Cloud, dict[str, str]]:
        """Return an empty cloud, and credentials of an account of it in a cloud's own words."""
        token = self._service.make_account(f"account-{len(self._opened)}")
        held = Cloud(self._service.endpoint, token)
        self._opened.append(held)
        if cloud == "sandbox":
            return held, {"endpoint": self._service.endpoint, "token": token}
        return held, credentials(cloud, token, self.endpoint)

    def stop(self) -> None:
        for cloud in self._opened:
            cloud.close()
        self._service.stop()


def credentials(cloud: str, token: str, endpoint: str) -> dict[str, str]:
    """Return credentials of an account whose token in the service is ``token``."""
    if cloud == "gcp":
        key = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": token,
            "private_key": private_key(),
            "client_email": f"landform@{PROJECT}.iam.gserviceaccount.com",
            "token_uri": f"{endpoint}/token",
        }
        held = {"project": PROJECT, "service_account_key": json.dumps(key)}
    else:
        held = {"tenant_id": TENANT, "subscription_id": SUBSCRIPTION}
        held |= {"client_id": CLIENT, "client_secret": token}
    return {**held, "endpoint": endpoint}


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """Return the key of every service account here."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key() -> str:
    """Return the private half of the key, as PEM."""
    form = serialization.PrivateFormat.PKCS8
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return signing_key().private_bytes(encoding, form, plain).decode()


def public_key() -> str:
    """Return the public half, as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return signing_key().public_key().public_bytes(serialization.Encoding.PEM, form).decode()
