"""AWS as tests use it: a moto server, a boto3 session for it, and the provider if it is here."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from app.terraform.environment import list_mirrored_providers
from tests.sandbox_cloud import free_port

START_SECONDS = 60
KEYS = {"access_key_id": "AKIAEXAMPLEEXAMPLE00", "secret_access_key": "canary-secret-7f1d9c"}
PROVIDER = "registry.terraform.io/hashicorp/aws"


def require_provider() -> Path:
    """Return the provider mirror with the AWS provider, or skip the test and say why."""
    mirror = Path(os.environ.get("LANDFORM_PROVIDER_MIRROR") or "/nonexistent")
    if PROVIDER not in list_mirrored_providers(mirror):
        pytest.skip("LANDFORM_PROVIDER_MIRROR holds no hashicorp/aws, so Terraform cannot run it")
    return mirror


class Moto:
    """A moto server of its own; every account and region in it starts as in AWS."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = (folder / "moto.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "MOTO_EC2_LOAD_DEFAULT_AMIS": "true"},
        )
        self._await()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """Credentials of a cloud account for this server."""
        return {**KEYS, "endpoint": self.endpoint}

    def client(self, service: str, region: str = "eu-west-1") -> Any:
        """Return a boto3 client, as a person with a shell would use it."""
        return _session().client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=KEYS["access_key_id"],
            aws_secret_access_key=KEYS["secret_access_key"],
        )

    def reset(self) -> None:
        httpx.post(f"{self.endpoint}/moto-api/reset", timeout=30).raise_for_status()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def _await(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(f"{self.endpoint}/moto-api/data.json", timeout=5)
                return
            except httpx.TransportError:
                assert self._process.poll() is None, "the moto server ended while starting"
                assert time.monotonic() < deadline, "the moto server did not start"
                time.sleep(0.1)


@cache
def _session() -> Any:
    return boto3.session.Session()
