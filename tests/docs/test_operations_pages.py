"""The pages for operators name commands, units and services that exist; what can be run, is run."""

from __future__ import annotations

import base64
import os
import re
import shlex
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from app.cli import COMMANDS, main
from app.config.settings import Settings
from app.factory import create_app
from app.services.context import build_context
from app.services.installation.instances import beat_instance
from tests.conftest import MakeSettings
from tests.landform import NOWHERE

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "operations"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
OTHERS = {name: text for name, text in PAGES.items() if name not in ("README.md", "backup.md")}
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
UNITS = {path.name for path in (ROOT / "deploy" / "systemd").iterdir()}
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "deploy" / "container" / "Dockerfile").read_text(encoding="utf-8")
(USER,) = re.findall(r"^USER (\d+)$", DOCKERFILE, re.M)
IS_ROOT = os.geteuid() == 0
# Programs of the machine, which no test of ours can vouch for.
OF_THE_MACHINE = {
    *("useradd", "install", "git", "make", "umask", "openssl", "echo", "cat", "cp", "ln", "curl"),
    *("journalctl", "systemd-run", "rsync", "findmnt", "flock", "sed", "pg_dump", "chmod", "chown"),
    *("kubectl", "helm"),
    *(
        "printf",
        "export",
        "systemctl",
        "docker",
        "landform",
        "for",
        "done",
        "postgres=$",
        "redis=$",
    ),
}


def block(page: str, beginning: str) -> str:
    """Return the one block of a page in which a line begins so."""
    found = re.compile(rf"^{re.escape(beginning)}", re.M)
    (script,) = [text for text in BLOCK.findall(OTHERS[page]) if found.search(text)]
    return str(script)


def commands() -> list[tuple[str, str]]:
    """Return each command of each block with its page: continued lines joined, texts left out."""
    found = []
    for page, text in OTHERS.items():
        for script in BLOCK.findall(text):
            plain = re.sub(r"<<'END'\n.*?^END$", "", script, flags=re.M | re.S).replace("\\\n", " ")
            found += [(page, line.strip()) for line in plain.splitlines() if line.strip()]
    return found


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}


def sh(script: str, **places: Path) -> subprocess.CompletedProcess[str]:
    """Run a block with the places of the machine moved below a folder of the test."""
    return subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=places.get("cwd"),
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def moved(script: str, place: Path) -> str:
    """Return a script that writes below ``place``, as the user of the test."""
    script = re.sub(r" -o \w+ -g [\w-]+", "", script)
    return re.sub(r"(?<=[\s\"])/(etc|run|srv)/", rf"{place}/\1/", script)


def test_the_index_names_every_page_and_the_readme_the_index() -> None:
    assert {name for name, _ in LINK.findall(PAGES["README.md"]) if "/" not in name} == {*PAGES} - {
        "README.md"
    }
    for page in ("README.md", "docs/architecture.md"):
        assert "operations/README.md)" in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_link_leads_to_a_page_and_to_a_heading_of_it(name: str) -> None:
    for link, anchor in LINK.findall(PAGES[name]):
        page = (FOLDER / link).resolve() if link else FOLDER / name
        assert page.is_file(), link
        assert not anchor or anchor in anchors(page), f"{link}#{anchor}"


def test_every_command_begins_with_a_program_that_is_known() -> None:
    first = {re.split(r"[ (]", line)[0] for _, line in commands()}
    assert first <= OF_THE_MACHINE


def test_every_command_of_landform_exists() -> None:
    named = {
        words
        for text in OTHERS.values()
        for words in re.findall(r"landform admin ((?:keys |audit |state |backup )?[a-z]+)", text)
    }
    assert named >= {"hosts", "gone"}
    assert named <= set(COMMANDS)


def test_every_unit_that_is_named_exists() -> None:
    for _, line in commands():
        if line.startswith("systemctl"):
            named = [word for word in shlex.split(line) if word.startswith("landform")]
            for word in named:
                stem = word.replace("@*", "@").removesuffix("*")
                assert any(unit.startswith(stem) for unit in UNITS), line
    written = {
        name.split("@")[0]
        for text in OTHERS.values()
        for name in re.findall(r"`(landform-[a-z]+)(?:@\d+)?`", text)
    }
    known = {re.split(r"[.@]", unit)[0] for unit in UNITS} | {"landform-terraform"}
    assert written <= known


def test_every_service_of_the_containers_that_is_named_exists() -> None:
    lines = [line for _, line in commands() if line.startswith("docker compose")]
    assert lines
    for line in lines:
        words = shlex.split(line)
        assert (ROOT / words[words.index("--file") + 1]).is_file()
        services = set(re.findall(r"(?:exec|build) ([a-z]+)|--scale ([a-z]+)=", line))
        assert {one or other for one, other in services} <= set(SERVICES["services"])
    networks = {line.split()[-1] for _, line in commands() if "docker network" in line}
    assert networks == {f"{SERVICES['name']}_outside"}
    assert "outside" in SERVICES["networks"]


def test_every_setting_metric_and_alert_that_is_named_exists() -> None:
    text = "\n".join(OTHERS.values())
    settings = set(re.findall(r"\bLANDFORM_([A-Z_]+[A-Z])\b", text))
    assert {name.lower() for name in settings} <= set(Settings.model_fields)
    alerts = set(re.findall(r"`(Landform[A-Z]\w+)`", text))
    rules = (ROOT / "deploy" / "prometheus" / "landform.rules.yaml").read_text(encoding="utf-8")
    assert alerts
    assert alerts <= set(re.findall(r"alert: (\w+)", rules))


def test_every_path_of_the_api_that_is_named_exists(settings: Settings) -> None:
    rules = {str(rule) for rule in create_app(settings).url_map.iter_rules()}
    called = re.findall(r"\"\$API(/[^\"]+)\"|127\.0\.0\.1:8080(/\w+)", "\n".join(OTHERS.values()))
    paths = {f"/api/v1{api}" if api else plain for api, plain in called}
    shapes = {re.sub(r"<[^>]+>", "*", rule) for rule in rules}
    assert paths
    assert {re.sub(r"ins_\w+", "*", path) for path in paths} <= shapes


def test_the_keys_of_one_host_start_landform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("etc", "run"):
        (tmp_path / name).mkdir()
    for beginning in ("openssl rand -hex 32 > /etc", "for file in"):
        done = sh(moved(block("one-host.md", beginning), tmp_path))
        assert done.returncode == 0, done.stderr
    keys = tmp_path / "etc" / "landform" / "keys"
    assert keys.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in keys.iterdir())
    units = "".join((ROOT / "deploy" / "systemd" / unit).read_text() for unit in UNITS)
    wanted = set(re.findall(r"LoadCredential=landform_\w+:/etc/landform/keys/(\w+)", units))
    assert {file.name for file in keys.iterdir()} == wanted
    environment = (tmp_path / "etc" / "landform" / "landform.env").read_text()
    for line in environment.splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "run" / "landform-keys"))
    settings = Settings.from_env()
    assert settings.env == "production"
    assert settings.database_url == "sqlite:////var/lib/landform/landform.db"
    assert settings.redis.startswith("redis://:")
    assert settings.metrics_token.get_secret_value()


def test_the_secrets_of_the_containers_start_landform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deploy").mkdir()
    script = block("one-host.md", "postgres=")
    done = sh(script if IS_ROOT else re.sub(r"^chown.*", "", script, flags=re.M), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    files = {file.name: file for file in (tmp_path / "deploy" / "secrets").iterdir()}
    landforms = [file.stat() for name, file in files.items() if name.startswith("landform_")]
    assert all(status.st_mode & 0o077 == 0 for status in landforms), "closed to Terraform's user"
    assert not IS_ROOT or {str(status.st_uid) for status in landforms} == {USER}
    made = {name: file.read_text() for name, file in files.items()}
    assert set(made) == set(SERVICES["secrets"])
    assert made["postgres_password"] in made["landform_database_url"]
    password = made["redis.conf"].split()[1]
    assert f":{password}@redis:" in made["landform_redis_url"]
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "deploy" / "secrets"))
    settings = Settings.from_env()
    assert settings.database_url == made["landform_database_url"].strip()
    ring = settings.encryption_keys.get_secret_value()
    assert len(base64.b64decode(ring.removeprefix("k1:"))) == 32


def test_the_proof_of_locks_tells_a_folder_that_has_them(tmp_path: Path) -> None:
    (tmp_path / "srv" / "landform-state").mkdir(parents=True)
    script = moved(block("three-hosts.md", "flock "), tmp_path)
    first, second = script.splitlines()
    both = f"{first.replace('sleep 30', 'sleep 1')}\nsleep 0.3\n{second}\nwait\n{second}"
    assert sh(both).stdout.splitlines() == ["held", "not held: do not use this mount"]


def test_the_agent_takes_the_place_of_the_scheduler_in_the_target(tmp_path: Path) -> None:
    place = tmp_path / "etc" / "systemd" / "system"
    place.mkdir(parents=True)
    target = place / "landform.target"
    target.write_text((ROOT / "deploy" / "systemd" / "landform.target").read_text())
    done = sh(moved(block("three-hosts.md", "sed "), tmp_path))
    assert done.returncode == 0, done.stderr
    (wants,) = re.findall(r"^Wants=(.*)$", target.read_text(), re.M)
    assert "landform-agent.service" in wants.split()
    assert "landform-scheduler.service" not in wants.split()


def test_the_hosts_are_listed_as_the_pages_say(
    make_prepared_settings: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = make_prepared_settings(redis_url=NOWHERE)
    for name, value in settings.model_dump(exclude_defaults=True).items():
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        monkeypatch.setenv(f"LANDFORM_{name.upper()}", text)
    ctx = build_context(settings)
    with closing(ctx.db):
        beat_instance(ctx)  # the home is a copy of one that was made a while ago
    assert main(["admin", "hosts"]) == 0
    # What an earlier test made of the log may print to the same place.
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ins_")]
    assert len(lines) == 1
    assert "alive" in lines[0]
