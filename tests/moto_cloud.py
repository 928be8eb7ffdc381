"""AWS as tests use it: a moto server, a boto3 session for it, and the provider if it is here."""

from __future__ import annotations

import json
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
from tests.ports import free_port

START_SECONDS = 60
KEYS = {"access_key_id": "AKIAEXAMPLEEXAMPLE00", "secret_access_key": "canary-secret-7f1d9c"}
PROVIDER = "registry.terraform.io/hashicorp/aws"
# The images that the vocabulary of terraform/clouds/aws.yaml names.
IMAGES = {
    "debian-12-amd64-20260101": "136693071363",
    "debian-13-amd64-20260101": "136693071363",
    "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260101": "099720109477",
}


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
            env={
                "PATH": os.environ["PATH"],
                "MOTO_AMIS_PATH": str(_write_images(folder / "images.json")),
                "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            },
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


def _write_images(file: Path) -> Path:
    images = [
        {
            "ami_id": f"ami-{number:08x}",
            "name": name,
            "owner_id": owner,
            "public": True,
            "architecture": "x86_64",
            "state": "available",
            "root_device_name": "/dev/xvda",
            "root_device_type": "ebs",
            "virtualization_type": "hvm",
            "creation_date": "2026-01-01T00:00:00.000Z",
        }
        for number, (name, owner) in enumerate(IMAGES.items(), start=1)
    ]
    file.write_text(json.dumps(images))
    return file


@cache
def _session() -> Any:
    return boto3.session.Session()
