"""Signing in to Azure: by a secret, by a federated token, and what is said when it fails."""

from __future__ import annotations

from pathlib import Path

from app.clouds import azure
from app.clouds.login import CloudLogin
from tests.logins import login
from tests.stand_ins.clouds import StandInClouds

REGION = "northeurope"


def federated(fields: dict[str, str], file: Path) -> CloudLogin:
    kept = {name: value for name, value in fields.items() if name != "client_secret"}
    return login({**kept, "identity_token_file": str(file)})


def test_a_secret_and_a_federated_token_are_good(stand_ins: StandInClouds, tmp_path: Path) -> None:
    cloud, fields = stand_ins.open("azure")
    file = tmp_path / "token"
    file.write_text(f"{cloud.token}\n")
    assert azure.find_fault(login(fields), REGION) is None
    assert azure.find_fault(federated(fields, file), REGION) is None


def test_what_is_wrong_is_said_without_the_secret(stand_ins: StandInClouds, tmp_path: Path) -> None:
    _, fields = stand_ins.open("azure")
    other = {**fields, "subscription_id": "00000000-0000-4000-8000-00000000000f"}
    said = {
        "secret": azure.find_fault(login({**fields, "client_secret": "canary"}), REGION),
        "subscription": azure.find_fault(login(other), REGION),
        "file": azure.find_fault(federated(fields, tmp_path / "gone"), REGION),
        "address": azure.find_fault(CloudLogin(fields), REGION),
    }
    assert said == {
        "secret": ("The client secret is none of the application's: give its value, not its id."),
        "subscription": (
            "The credentials are good, but Azure shows them no such subscription: "
            "see docs/azure.md."
        ),
        "file": "The token file cannot be read on this host.",
        "address": "The endpoint may not be asked: this host does not allow where it leads.",
    }


def test_names_of_an_account_lead_nowhere_else(stand_ins: StandInClouds) -> None:
    _, fields = stand_ins.open("azure")
    for name in ("tenant_id", "subscription_id"):
        strange = {**fields, name: "../../v1/resources?x="}
        assert azure.find_fault(login(strange), REGION) is not None
