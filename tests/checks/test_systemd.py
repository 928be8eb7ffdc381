"""The units of systemd start what there is, with the rights that it needs and no more."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.config.settings import Settings
from app.terraform_account import CAPABILITIES
from tests.checks.tree import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
STARTS_TERRAFORM = {
    "landform-worker@",
    "landform-scheduler",
    "landform-agent",
    "landform-providers",
}
HARDENED = {
    "User": "landform",
    "UMask": "0077",
    "LimitCORE": "0",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectProc": "invisible",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectControlGroups": "yes",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
}
MAX_EXPOSURE = "30"
"""In tenths, as ``systemd-analyze security`` counts; the rest is what Terraform's user needs."""


def read(unit: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    return parser["Service"]


def test_there_is_a_unit_for_each_program() -> None:
    started = {re.sub(r".* -m (\S+).*", r"\1", read(unit)["ExecStart"]) for unit in UNITS}
    assert started == {
        "gunicorn",
        "workers.prepare",
        "workers.worker",
        "workers.scheduler",
        "workers.agent",
        "workers.provider_pool",
    }
    wanted = (ROOT / "deploy" / "systemd" / "landform.target").read_text()
    for unit in UNITS:
        assert unit.stem.removesuffix("@") in wanted


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_hardened(unit: Path) -> None:
    service = read(unit)
    assert {name: service.get(name) for name in HARDENED} == HARDENED
    allowed = set(service["CapabilityBoundingSet"].split())
    needed = set(CAPABILITIES) if unit.stem in STARTS_TERRAFORM else set()
    assert allowed == needed == set(service.get("AmbientCapabilities", "").split())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_no_key_is_in_an_environment(unit: Path) -> None:
    text = unit.read_text()
    assert not re.search(r"^Environment=.*LANDFORM_(?!WEB_PROCESSES)", text, re.MULTILINE)
    given = set(re.findall(r"^LoadCredential=landform_(\w+):", text, re.MULTILINE))
    assert given <= {*Settings.secret_names(), "database_url", "redis_url"}
    # The one that starts providers needs no key, and gets none.
    assert bool(given) is (unit.stem != "landform-providers")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in [*UNITS, ROOT / "deploy" / "systemd" / "landform.target"]:
        text = unit.read_text().replace("/opt/landform/.venv/bin/python", sys.executable)
        text = text.replace("/opt/landform", str(ROOT))
        (tmp_path / unit.name).write_text(text)
    names = [unit.name.replace("@.", "@1.") for unit in UNITS]
    (tmp_path / "landform-worker@1.service").symlink_to("landform-worker@.service")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "landform" in line]
    assert complaints == []
    security = ("systemd-analyze", "security", "--offline=true", f"--threshold={MAX_EXPOSURE}")
    for unit in UNITS:
        judged = subprocess.run(
            [*security, str(tmp_path / unit.name)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert judged.returncode == 0, judged.stdout[-300:]
