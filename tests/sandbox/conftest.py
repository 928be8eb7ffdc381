"""Fixtures of the sandbox cloud: the service in process or behind gunicorn, and real Terraform.

Every test has an account of its own, so tests share a running service without seeing each other.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from sandbox.provider.install import install
from sandbox.service.factory import create_app
from sandbox.service.settings import Settings
from tests.sandbox_cloud import Cloud, Service


@dataclass
class Outcome:
    """How one Terraform command ended."""

    code: int
    text: str


class Terraform:
    """A working directory with its own environment and CLI configuration."""

    def __init__(self, folder: Path, mirror: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        config = folder.parent / f"{folder.name}.tfrc"
        config.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        )
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TF_CLI_CONFIG_FILE": str(config),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            **environ,
        }
        self._started: list[subprocess.Popen[str]] = []

    @property
    def executable(self) -> str:
        return os.environ.get("LANDFORM_TERRAFORM") or shutil.which("terraform") or "terraform"

    def write(self, resources: str, provider: str = "") -> None:
        (self.folder / "main.tf").write_text(
            "terraform {\n  required_providers {\n    sandbox = {\n"
            '      source = "landform.local/landform/sandbox"\n    }\n  }\n}\n'
            f'provider "sandbox" {{\n{provider}\n}}\n{resources}\n'
        )
        if not (self.folder / ".terraform").exists():
            initialised = self.run("init", "-input=false")
            assert initialised.code == 0, initialised.text

    def run(self, *arguments: str) -> Outcome:
        with self.start(*arguments) as process:
            text, _ = process.communicate(timeout=60)
        return Outcome(process.returncode, " ".join(text.replace("│", " ").split()))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [self.executable, arguments[0], "-no-color", *arguments[1:]],
            cwd=self.folder,
            env=self.environ,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        """Kill what a failed test has left running."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def apply(self, *arguments: str) -> Outcome:
        return self.run("apply", "-auto-approve", "-input=false", *arguments)

    def apply_ok(self, *arguments: str) -> None:
        outcome = self.apply(*arguments)
        assert outcome.code == 0, outcome.text

    def plan(self, *arguments: str) -> Outcome:
        return self.run("plan", "-input=false", "-detailed-exitcode", *arguments)

    def plan_changes(self, *arguments: str) -> dict[str, str]:
        """Plan, and return the action for each address that is not left as it is."""
        with self.start("plan", "-input=false", "-json", *arguments) as process:
            text, _ = process.communicate(timeout=60)
        assert process.returncode == 0, text
        events = [json.loads(line) for line in text.splitlines()]
        return {
            event["change"]["resource"]["addr"]: event["change"]["action"]
            for event in events
            if event["type"] == "planned_change"
        }

    def state(self) -> dict[str, dict[str, Any]]:
        """Return each managed resource's instance in state by `type.name`."""
        path = self.folder / "terraform.tfstate"
        resources = json.loads(path.read_text())["resources"] if path.exists() else []
        return {
            f"{resource['type']}.{resource['name']}": resource["instances"][0]
            for resource in resources
            if resource["mode"] == "managed"
        }


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve a running sandbox cloud, shared by the tests of this process."""
    service = Service(tmp_path_factory.mktemp("sandbox") / "home")
    service.start()
    yield service
    service.stop()


@pytest.fixture
def cloud(service: Service, request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """Return a fresh account of the running service."""
    cloud = Cloud(service.endpoint, service.make_account(request.node.nodeid))
    yield cloud
    cloud.close()


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a filesystem mirror with the provider, at a path with a space."""
    mirror = tmp_path_factory.mktemp("a mirror")
    install(mirror)
    return mirror


@pytest.fixture
def terraform(tmp_path: Path, mirror: Path, cloud: Cloud) -> Iterator[Terraform]:
    """Return an empty working directory whose provider finds the test's account."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    environ = {"SANDBOX_ENDPOINT": cloud.endpoint, "SANDBOX_TOKEN": cloud.token}
    terraform = Terraform(folder, mirror, environ)
    yield terraform
    terraform.end()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FlaskClient]:
    """Return a client of a service in this process, with its default account's token."""
    settings = Settings.from_env({"LANDFORM_HOME": str(tmp_path / "home")})
    client = create_app(settings).test_client()
    token = settings.token_path.read_text().strip()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    with client:
        yield client
