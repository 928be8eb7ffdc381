"""The image holds what its programs need; the containers start what there is, with no secret."""

from __future__ import annotations

import base64
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.config.settings import Settings
from app.factory import create_app
from app.terraform.discovery import identify_library
from app.terraform_account import CAPABILITIES, NAMED
from tests.checks.test_systemd import UNITS, read
from tests.checks.tree import ROOT

CONTAINER = ROOT / "deploy" / "container"
DOCKERFILE = (CONTAINER / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (CONTAINER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
COMPOSE_TEXT = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: service for name, service in SERVICES.items() if service["image"] == "landform"}
STARTS_TERRAFORM = {"scheduler", "worker", "providers"}
HOME, STATE = "/var/lib/landform", "/srv/landform-state"
CODE_PLACE = "/opt/landform"
IS_ROOT = os.geteuid() == 0


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, continued lines joined, comments left out."""
    kept = [line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(kept))
    words = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [(name, rest.strip()) for name, _, rest in words]


def given(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def copied() -> set[str]:
    """Return what is copied from the project into the last stage."""
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", last, re.M)
    return {name for words in copies for name in words.split()}


def command_of(unit: str) -> list[str]:
    (path,) = (path for path in UNITS if path.stem == unit)
    return shlex.split(read(path)["ExecStart"])[1:]


def started(service: dict[str, Any]) -> list[str]:
    """Return the arguments of Python that a service starts."""
    words = [*service["command"]]
    if words[:2] == ["sh", "-c"]:
        words = words[2].removeprefix("exec ").removesuffix(" > /dev/null").split()
    assert words[0] == "python"
    return words[1:]


def test_whatever_is_named_in_the_build_exists_and_reaches_it() -> None:
    named = [rest.split()[:-1] for rest in given("COPY") if not rest.startswith("--from")]
    sources = {name for words in named for name in words}
    assert [name for name in sources if not (ROOT / name).exists()] == []
    assert {f"!{name}" for name in sources} <= set(IGNORED)
    assert IGNORED[0] == "**"
    assert {line[1:] for line in IGNORED if line.startswith("!")} == sources


@pytest.mark.parametrize("text", given("RUN"))
def test_a_shell_understands_what_the_build_runs(text: str) -> None:
    done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_only_files_with_a_known_hash_are_installed() -> None:
    installed = re.findall(r"pip install[^&]*", " ".join(given("RUN")))
    assert len(installed) == 2
    assert all("--require-hashes --no-deps --no-build-isolation" in line for line in installed)
    assert "TERRAFORM_SHA256" in given("ARG"), "has no default: whoever builds has checked it"
    (terraform,) = [text for text in given("RUN") if "TERRAFORM_SHA256" in text]
    assert terraform.index("sha256sum --check --strict") < terraform.index("zipfile --extract")
    assert not re.search(r"[0-9a-f]{64}", DOCKERFILE)
    done = subprocess.run(
        ["sh", "-c", terraform], env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "give --build-arg TERRAFORM_SHA256" in done.stderr


def test_terraform_is_the_version_that_is_tested() -> None:
    assert f"TERRAFORM_VERSION={identify_library().version}" in given("ARG")


def test_the_users_are_those_of_landform_and_terraform() -> None:
    users = re.findall(r"useradd .*?--uid (\d+) .*? (\S+)\s+&&", given("RUN")[-1])
    assert [name for _, name in users] == ["landform", NAMED]
    assert given("USER") == [users[0][0]], "a number, so that others can tell that it is not root"


def test_the_image_starts_web_as_the_unit_does() -> None:
    (command,) = given("CMD")
    words = yaml.safe_load(command)
    assert words[0] == "python"
    everywhere = [
        # More processes are more containers.
        word.replace("127.0.0.1", "0.0.0.0").replace("${LANDFORM_WEB_PROCESSES}", "1")
        for word in command_of("landform-web")
    ]
    assert words[1:] == everywhere
    assert given("EXPOSE") == ["8080"]
    (health,) = given("HEALTHCHECK")
    assert "http://127.0.0.1:8080/healthz" in health


@pytest.mark.parametrize("name", sorted({*OWN} - {"web", "processes"}))
def test_a_container_starts_what_the_unit_starts(name: str) -> None:
    unit = {"worker": "landform-worker@"}.get(name, f"landform-{name}")
    assert started(OWN[name]) == command_of(unit)


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_container_has_no_more_rights_than_it_needs(name: str) -> None:
    service = OWN[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    needed = {item.removeprefix("CAP_") for item in CAPABILITIES}
    assert set(service.get("cap_add", ())) == (needed if name in STARTS_TERRAFORM else set())
    assert ("user" in service) is (name in STARTS_TERRAFORM)
    assert service.get("healthcheck") == (None if name == "web" else {"disable": True})


@pytest.mark.parametrize("name", sorted(STARTS_TERRAFORM))
def test_what_starts_terraform_becomes_landform_and_shares_one_pid_namespace(name: str) -> None:
    service = SERVICES[name]
    words = service["entrypoint"]
    assert words[:4] == ["setpriv", "--reuid=landform", "--regid=landform", "--init-groups"]
    kept = ",".join(f"+{item.removeprefix('CAP_').lower()}" for item in CAPABILITIES)
    assert words[4:] == [f"--inh-caps={kept}", f"--ambient-caps={kept}", "--"]
    assert service["pid"] == "service:processes"


@pytest.mark.skipif(not IS_ROOT or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_the_capabilities_outlive_the_change_of_user() -> None:
    words = [word.replace("landform", "daemon") for word in SERVICES["worker"]["entrypoint"]]
    kept = ",".join(f"+{item.lower()}" for item in SERVICES["worker"]["cap_add"])
    outside = ["setpriv", f"--bounding-set=-all,{kept}", "--inh-caps=-all", "--no-new-privs"]
    status = subprocess.run(
        [*outside, *words, "cat", "/proc/self/status"], capture_output=True, text=True, check=True
    ).stdout
    wanted = sum(1 << number for number in CAPABILITIES.values())
    for field in ("CapEff", "CapPrm", "CapAmb", "CapBnd"):
        (found,) = re.findall(rf"^{field}:\s+(\w+)$", status, re.M)
        assert int(found, 16) == wanted, field
    (users,) = re.findall(r"^Uid:\s+(.*)$", status, re.M)
    assert "0" not in users.split()


def test_every_setting_that_is_named_exists() -> None:
    text = DOCKERFILE + COMPOSE_TEXT
    named = {name.lower() for name in re.findall(r"\bLANDFORM_([A-Z0-9_]+)\b", text)}
    assert named <= set(Settings.model_fields)
    assert {"home", "state_root"} <= named
    (environment,) = given("ENV")
    assert f"LANDFORM_HOME={HOME}" in environment
    assert f"LANDFORM_STATE_ROOT={STATE}" in environment
    assert {"TZ=UTC", "PYTHONUNBUFFERED=1"} <= set(environment.split())


def test_secrets_are_files_under_the_names_of_settings() -> None:
    declared = COMPOSE["secrets"]
    assert {Path(item["file"]).name for item in declared.values()} == set(declared)
    used = {name for service in SERVICES.values() for name in service.get("secrets", ())}
    assert used == set(declared)
    allowed = {*Settings.secret_names(), "database_url", "redis_url"}
    for name, service in OWN.items():
        keys = {key.removeprefix("landform_") for key in service.get("secrets", ())}
        assert keys <= allowed
        assert bool(keys) is (name not in {"providers", "processes"})
        if keys:
            assert service["environment"]["CREDENTIALS_DIRECTORY"] == "/run/secrets"
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/deploy/secrets/" in ignored


def test_no_secret_stands_in_the_files() -> None:
    for name in (*Settings.secret_names(), "database_url", "redis_url"):
        assert f"LANDFORM_{name.upper()}" not in COMPOSE_TEXT + DOCKERFILE
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            is_secret = re.search(r"PASSWORD|SECRET|TOKEN|KEY", name) is not None
            assert not is_secret or name.endswith("_FILE"), f"{name}: {value}"
    assert not re.search(r"://[^/\s]*:[^/\s]*@", COMPOSE_TEXT)


def test_whatever_a_service_names_is_declared() -> None:
    for service in SERVICES.values():
        places = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert places <= set(COMPOSE["volumes"])
        assert set(service.get("networks", ())) <= set(COMPOSE["networks"])
        assert set(service.get("depends_on", ())) <= set(SERVICES)
    for name in {*OWN} - {"processes"}:
        mounted = {volume.partition(":")[2] for volume in OWN[name]["volumes"]}
        assert mounted == {HOME, STATE}
    assert set(yaml.safe_load(given("VOLUME")[0])) == {HOME, STATE}
    assert SERVICES["web"]["ports"] == ["127.0.0.1:8080:8080"]
    build = COMPOSE["x-landform"]["build"]
    assert (ROOT / "deploy" / build["context"] / build["dockerfile"]).is_file()
    assert set(build["args"]) <= set(given("ARG"))


def test_what_is_in_the_image_is_all_that_the_programs_need(tmp_path: Path) -> None:
    code, keys = tmp_path / "code", tmp_path / "keys"
    code.mkdir()
    keys.mkdir()
    for name in copied():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, code / name)
    texts = {
        "landform_secret_key": secrets.token_hex(32),
        "landform_encryption_keys": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "landform_redis_url": "redis://:a-word@127.0.0.1:1/0",
    }
    for name, text in texts.items():
        (keys / name).write_text(text + "\n")
    environment = {
        "PATH": "/usr/bin:/bin",
        "CREDENTIALS_DIRECTORY": str(keys),
        "LANDFORM_HOME": str(tmp_path / "home"),
        "LANDFORM_STATE_ROOT": str(tmp_path / "state"),
        "TZ": "UTC",
    }
    modules = [words[1] for name in OWN if (words := started_module(name))]
    assert len(modules) == 4
    loading = "\n".join(f"import {name}" for name in [*modules, "wsgi", "app.cli"])
    script = f"import workers.prepare\nassert workers.prepare.main() == 0\n{loading}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=code,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "home" / "admin-password").is_file()


def test_every_folder_that_the_code_reads_is_in_the_image() -> None:
    text = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("app", "workers")
        for path in (ROOT / folder).rglob("*.py")
    )
    found = set(re.findall(r"(?:parents\[\d\]|ROOT|root) / \"(\w+)\"", text))
    read_here = {name for name in found if (ROOT / name).is_dir()}
    assert read_here >= {"docs", "templates", "static", "migrations", "terraform"}
    assert read_here - copied() == {"sandbox"}, "the practice cloud is for demos"


def started_module(name: str) -> list[str]:
    return started(OWN[name]) if name not in {"web", "processes"} else []


def test_the_health_check_asks_for_what_web_answers(settings: Settings) -> None:
    rules = {str(rule) for rule in create_app(settings).url_map.iter_rules()}
    assert {"/healthz", "/readyz", "/metrics"} <= rules
