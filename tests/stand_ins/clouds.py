"""Google Cloud and Azure as tests use them: what stands in for both, and accounts of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox_cloud import Cloud, Service
from tests.stand_ins.install import install

PROJECT = "shop-test"
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-000000000002"
CLIENT = "00000000-0000-4000-8000-000000000003"


class StandInClouds:
    """The service that keeps the resources of every cloud, and the providers that talk to it."""

    def __init__(self, folder: Path) -> None:
        self.mirror = folder / "mirror"
        install(self.mirror)
        self._service = Service(folder / "home", app="tests.stand_ins.store:build()")
        self._service.start()
        self._accounts = 0

    @property
    def endpoint(self) -> str:
        """What an account of Google Cloud or Azure names as its endpoint."""
        return self._service.endpoint.removesuffix("/v1")

    def open(self, cloud: str) -> tuple[Cloud, dict[str, str]]:
        """Return an empty cloud, and credentials of an account of it in a cloud's own words."""
        self._accounts += 1
        token = self._service.make_account(f"account-{self._accounts}")
        held = Cloud(self._service.endpoint, token)
        if cloud == "sandbox":
            return held, {"endpoint": self._service.endpoint, "token": token}
        return held, credentials(cloud, token, self.endpoint)

    def stop(self) -> None:
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
def private_key() -> str:
    """Return the private key of every service account here, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    ).decode()
