"""Signing in to Google Cloud: by a key, by a federated token, and what is said when it fails."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app.clouds import gcp
from app.clouds.login import CloudLogin
from tests.logins import login
from tests.stand_ins.clouds import StandInClouds, private_key

REGION = "europe-west1"


def federated(stand_ins: StandInClouds, token: str, folder: Path, **more: str) -> CloudLogin:
    file = folder / "token"
    file.write_text(f"{token}\n")
    fields = {
        "project": "shop-test",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p",
        "service_account": "landform@shop-test.iam.gserviceaccount.com",
        "identity_token_file": str(file),
        "endpoint": stand_ins.endpoint,
    }
    return login({**fields, **more})


def test_a_key_and_a_federated_token_are_good(stand_ins: StandInClouds, tmp_path: Path) -> None:
    cloud, fields = stand_ins.open("gcp")
    assert gcp.find_fault(login(fields), REGION) is None
    assert gcp.find_fault(federated(stand_ins, cloud.token, tmp_path), REGION) is None


def key_with(fields: dict[str, str], **more: str) -> dict[str, str]:
    key = {**json.loads(fields["service_account_key"]), **more}
    return {**fields, "service_account_key": json.dumps(key)}


def test_what_is_wrong_with_a_key_is_said_without_it(stand_ins: StandInClouds) -> None:
    _, fields = stand_ins.open("gcp")
    said = {
        "unknown key": gcp.find_fault(login(key_with(fields, private_key_id="other")), REGION),
        "no key": gcp.find_fault(login(key_with(fields, private_key="canary")), REGION),
        "path": gcp.find_fault(login({**fields, "service_account_key": "/etc/passwd"}), REGION),
        "project": gcp.find_fault(login({**fields, "project": "other"}), REGION),
        "address": gcp.find_fault(CloudLogin(fields), REGION),
    }
    assert said == {
        "unknown key": "Google Cloud does not accept the service account key.",
        "no key": "The service account key holds no private key of RSA.",
        "path": "The service account key is no JSON.",
        "project": "The credentials are good, but they may not read the project: see docs/gcp.md.",
        "address": "The endpoint may not be asked: this host does not allow where it leads.",
    }


def test_another_key_does_not_sign_for_this_one(stand_ins: StandInClouds) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert other.decode() != private_key()
    _, fields = stand_ins.open("gcp")
    said = gcp.find_fault(login(key_with(fields, private_key=other.decode())), REGION)
    assert said == "Google Cloud does not accept the service account key."


def test_what_is_wrong_with_federation_is_said(stand_ins: StandInClouds, tmp_path: Path) -> None:
    cloud, _ = stand_ins.open("gcp")
    wrong = federated(stand_ins, "canary", tmp_path)
    assert gcp.find_fault(wrong, REGION) == "Google Cloud does not accept the identity token."
    other = federated(stand_ins, cloud.token, tmp_path, service_account="other@x")
    assert "roles/iam.workloadIdentityUser" in str(gcp.find_fault(other, REGION))
    gone = federated(stand_ins, cloud.token, tmp_path, identity_token_file=str(tmp_path / "gone"))
    assert gcp.find_fault(gone, REGION) == "The token file cannot be read on this host."
