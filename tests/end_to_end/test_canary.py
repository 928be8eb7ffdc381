"""A canary secret put into parameters, credentials and outputs is found nowhere in plain text.

All processes run as ``make run`` starts them, with the most talkative log. The story has what a
story can have: a plan that waits, an apply, a refused request, a failure, a killed worker, drift.

Not searched: the sandbox cloud's own folder, which stands for the cloud and rightly holds what was
given to it, and the environment of Terraform and its provider, which need the credentials.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from redis import Redis

from app.catalog.loader import load_catalog
from app.clock import utc_now
from app.config.demo_secrets import ensure_demo_secrets
from app.config.settings import REPOSITORY_ROOT, Settings
from app.crypto import KeyRing
from app.domain import ids
from app.domain.price_sheet import COLUMNS
from app.domain.webhooks import EventType
from app.factory import create_app
from app.models import CloudAccount, Project, ProjectMember, User
from app.services.context import Context, build_context
from app.services.identity.password_hashing import hash_password
from app.services.secrets import seal_credentials
from sandbox.service.accounts import Accounts
from sandbox.service.database import Database
from sandbox.service.settings import Settings as SandboxSettings
from tests.api.test_permission_matrix import IN, TABLE, Who
from tests.running import RunningLandform, redis_url_of, running_landform, wait_until
from tests.sandbox_cloud import Cloud

# The story is long, and the first test waits for all of it.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

PASSWORD = "a viewer's long password"
STREAM_SECONDS = 3.0
TERRAFORM = ("terraform", "tofu", "launcher.py", "sandbox.provider")
KINDS = [kind.plural for kind in load_catalog(REPOSITORY_ROOT / "terraform").kinds.values()]
NAME = re.compile(r"<(?:[^:>]+:)?(\w+)>")
NOT_SET_UP = {"/sign-in/oidc", "/sign-in/oidc/callback", "/settings/confirm/provider"}
OTHER_KINDS = tuple(
    f"/api/v1/{place}{plural}/"
    for place in ("", "projects/default/")
    for plural in KINDS
    if plural != "machine-groups"
)
OUTPUT = """
  login:
    type: string
    sensitive: true
    description: First password of each machine.
"""
OUTPUT_BLOCK = """
output "login" {
  value     = sha256("login:${var.user_data}")
  sensitive = true
}
"""


class Canaries:
    """The secrets of this test, and every spelling in which they must not be found."""

    def __init__(self, token: str) -> None:
        self.parameter = f"canary-{secrets.token_hex(12)}"
        self.user_data = f'#!/bin/sh\necho "${{HOME}}" && export TOKEN="{self.parameter}"\n'
        self.refused = f"canary-{secrets.token_hex(12)}"
        self.output = hashlib.sha256(f"login:{self.user_data}".encode()).hexdigest()
        self.digest = hashlib.sha256(self.user_data.encode()).hexdigest()
        self.token = token

    def needles(self) -> list[bytes]:
        whole = [self.parameter, self.refused, self.output, self.token]
        return [needle for text in whole for needle in self._spell(text.encode())]

    @staticmethod
    def _spell(data: bytes) -> Iterator[bytes]:
        yield data
        yield data.hex().encode()
        for before in range(3):
            yield base64.b64encode(bytes(before) + data)[4:-4]


class Story:
    """A running Landform with the canaries in it, and what its processes showed meanwhile."""

    def __init__(self, landform: RunningLandform, ctx: Context) -> None:
        self.landform, self.ctx = landform, ctx
        folder = SandboxSettings.from_env({"LANDFORM_HOME": str(landform.home)})
        token = Accounts(Database(folder.database_path)).create("canary")
        self.canaries = Canaries(token)
        self.cloud = Cloud(landform.cloud.endpoint, token)
        self.seen_in: dict[str, str] = {}
        self.terraform_environments = 0
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch_processes, daemon=True)
        self._add_account(token)
        self.operations: list[dict[str, Any]] = []

    def tell(self) -> None:
        """Live through everything that may write a secret somewhere."""
        self._watcher.start()
        landform, place = self.landform, {"cloud_account": "canary"}
        hook = {"name": "all", "url": "https://hooks.invalid/", "events": list(EventType)}
        landform.call("POST", "/webhooks", json=hook)  # what it would be told lies in SQL
        network = landform.made("net", **place)
        user_data = {"network": network["id"], "user_data": self.canaries.user_data}
        parked = landform.create(
            "parked", "machine-groups", parameters=user_data, auto_apply="never", **place
        )
        wait_until(lambda: self._status(parked) == "planned", "a plan that waits")
        self.search_disks("while a plan waits", include_runs=True)
        self.cloud.set_faults(create_delay_seconds=2)
        landform.call("POST", f"/operations/{parked['operation']['id']}/approve")
        wait_until(lambda: self.cloud.list(type="machine"), "a machine")
        self.search_disks("while Terraform runs", include_runs=False)
        assert landform.end_of(parked["operation"]["id"])["status"] == "applied"
        (machine,) = self.cloud.list(type="machine")
        assert machine["attributes"]["user_data_sha256"] == self.canaries.digest
        self._refused_request(network["id"])
        killed = landform.create("killed", "machine-groups", parameters=user_data, **place)
        wait_until(lambda: len(self.cloud.list(type="machine")) > 1, "the next machine")
        landform.horse_of(killed["operation"]["id"]).kill()
        assert landform.end_of(killed["operation"]["id"])["status"] == "interrupted"
        self.cloud.set_faults(create_delay_seconds=0, quota=len(self.cloud.list()))
        failed = landform.create("failed", "machine-groups", parameters=user_data, **place)
        assert landform.end_of(failed["operation"]["id"])["status"] == "errored"
        self._drift(parked["stack"]["id"])
        self.operations = [parked, killed, failed]
        self._stop.set()
        self._watcher.join()

    def search_disks(self, when: str, *, include_runs: bool) -> None:
        """Look for the canaries in every file of the home and in the log of all processes."""
        home = self.landform.home
        for path in [self.landform.output, *home.rglob("*")]:
            is_run = (home / "work") in path.parents
            if (home / "sandbox") in path.parents or (is_run and not include_runs):
                continue
            try:
                data = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:
                continue  # a temporary file, gone meanwhile
            self.search(data, f"{path} {when}")

    def search(self, data: bytes, place: str) -> None:
        found = [needle for needle in self.canaries.needles() if needle in data]
        assert not found, f"{place} holds {found[0]!r}"

    def _status(self, asked: dict[str, Any]) -> str:
        return str(self.landform.operation(asked["operation"]["id"])["status"])

    def _refused_request(self, network: str) -> None:
        """Send a secret that is not acceptable; the answer may not repeat it, nor any log."""
        too_long = {"network": network, "user_data": self.canaries.refused * 1000}
        for parameters in (too_long, {"network": network, "user_data": [self.canaries.refused]}):
            body = {"name": "refused", "cloud_account": "canary", "parameters": parameters}
            answer = self.landform.http.post("/api/v1/machine-groups", json=body)
            assert answer.status_code == 422
            self.search(answer.content, "the answer to a refused request")

    def _drift(self, stack_id: str) -> None:
        machine = self.cloud.list(tag=f"landform:stack={stack_id}")[0]
        self.cloud.call(
            "PATCH", f"/resources/{machine['id']}", json={"attributes": {"user_data": "drifted"}}
        )
        asked = self.landform.request(stack_id, "drift_check")
        assert self.landform.end_of(asked["id"])["status"] == "planned_and_finished"
        stack = self.landform.call("GET", f"/stacks/{stack_id}")
        assert stack["drift"]["status"] == "drifted"
        rule = {"project": "default", "reason": "known", "path": "user_data"}
        self.drift_rule = self.landform.call("POST", "/drift/rules", json=rule)["id"]
        policy = {
            "name": "one",
            "at": ["plan"],
            "rule": "true",
            "verdict": "warn",
            "message": "No.",
        }
        policies = {"name": "rules", "policies": [policy]}
        self.policy_set = self.landform.call("POST", "/policies", json=policies)["id"]
        price = "sandbox,*,sandbox_bucket,,storage,month,,2.50,USD,,,,our list,2026-11-30"
        sheet = {"csv": f"{','.join(COLUMNS)}\n{price}\n"}
        self.price_sheet = self.landform.call("POST", "/price-sheets", json=sheet)["id"]

    def _add_account(self, token: str) -> None:
        account = CloudAccount(
            id=ids.new_id(ids.CLOUD_ACCOUNT),
            name="canary",
            cloud="sandbox",
            regions=[],
            for_all_projects=True,
            created_at=utc_now(),
        )
        seal_credentials(
            self.ctx.keys, account, {"endpoint": self.landform.cloud.endpoint, "token": token}
        )
        with self.ctx.write() as session:
            session.add(account)

    def _watch_processes(self) -> None:
        """Read the command line of every process, and the environment of all but Terraform."""
        needles = self.canaries.needles()
        while not self._stop.wait(0.05):
            for process in psutil.process_iter():
                try:
                    environment, command = _read_process(process.pid)
                except OSError:
                    continue  # it ended
                is_terraform = any(name.encode() in command for name in TERRAFORM)
                in_environment = any(needle in environment for needle in needles)
                if any(needle in command for needle in needles):
                    self.seen_in[f"command line of {process.pid}"] = command.decode()
                if is_terraform:
                    self.terraform_environments += in_environment
                elif in_environment:
                    self.seen_in[f"environment of {process.pid}"] = command.decode()


def _read_process(pid: int) -> tuple[bytes, bytes]:
    """Return environment and command line; the latter is empty for an instant of each exec."""
    folder = Path("/proc") / str(pid)
    environment = (folder / "environ").read_bytes()
    for _ in range(100):
        if command := (folder / "cmdline").read_bytes():
            return environment, command
        if not environment:
            break  # of the kernel, or a zombie
        time.sleep(0.001)
    return b"", b""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A Landform whose catalog has a sensitive output, after everything has happened."""
    folder = tmp_path_factory.mktemp("canary")
    catalog = shutil.copytree(REPOSITORY_ROOT / "terraform", folder / "terraform")
    blueprint = catalog / "blueprints" / "machine-group"
    with (blueprint / "blueprint.yaml").open("a") as file:
        file.write(OUTPUT)
    for outputs in blueprint.glob("*/outputs.tf"):
        outputs.write_text(outputs.read_text() + OUTPUT_BLOCK)
    home = folder / "home"
    variables = {
        "LANDFORM_CATALOG_ROOT": str(catalog),
        "LANDFORM_LOG_LEVEL": "DEBUG",
        "LANDFORM_BALLAST_BYTES": "0",
    }
    with running_landform(home, **variables) as landform:
        settings = Settings(env="demo", home=home, catalog_root=catalog, log_level="ERROR")
        ctx = build_context(settings.with_secrets(ensure_demo_secrets(home)))
        with closing(ctx.db):
            made = Story(landform, ctx)
            with closing(made.cloud):
                made.tell()
                yield made


def test_the_story_really_carried_the_canaries(story: Story) -> None:
    assert story.terraform_environments, "Terraform got the token, and the watcher can see it"
    (parked, *_) = story.operations
    outputs = story.landform.call("GET", f"/stacks/{parked['stack']['id']}/outputs")
    assert story.canaries.output in str(outputs), "an administrator may read the output"


def test_no_file_of_landform_holds_a_canary(story: Story) -> None:
    story.search_disks("afterwards", include_runs=True)
    runs = story.landform.home / "work" / "runs"
    assert list(runs.iterdir()) == [], "run directories are gone after the end"


def test_redis_holds_no_canary_in_memory_or_on_disk(story: Story) -> None:
    home = story.landform.home
    with Redis.from_url(redis_url_of(home)) as client:
        keys = list(client.scan_iter())
        assert keys
        for key in keys:
            story.search(client.dump(key) or b"", f"Redis key {key!r}")
        client.save()
        client.bgrewriteaof()
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the AOF")
    written = [path for path in (home / "redis").rglob("*") if path.is_file()]
    assert any(path.suffix == ".rdb" for path in written)
    assert any("aof" in path.name for path in written)
    for path in written:
        story.search(path.read_bytes(), str(path))


def test_no_process_but_terraform_shows_a_canary(story: Story) -> None:
    assert story.seen_in == {}


def test_every_log_line_is_without_a_canary(story: Story) -> None:
    lines = story.landform.output.read_bytes()
    assert b"operation_failed" in lines
    assert b"request" in lines
    story.search(lines, "the log of all processes")


def test_no_page_and_no_answer_shows_a_viewer_a_canary(story: Story) -> None:
    rules = [rule for rule in _get_rules(story.ctx.settings) if rule.endpoint != "static"]
    assert len(rules) > 40
    answered: dict[str, int] = {}
    fillers = _fillers(story)
    with closing(_viewer(story)) as browser:
        for rule in rules:
            for path in _paths(rule, fillers):
                status, body = _read(browser, path)
                answered[rule.rule] = min(status, answered.get(rule.rule, 999))
                story.search(body, f"{path} ({status})")
    served = {rule for rule, status in answered.items() if status < 400}
    unserved = answered.keys() - served - NOT_SET_UP
    assert unserved <= _closed_to_viewers(answered)


def _closed_to_viewers(rules: Iterable[str]) -> set[str]:
    """Return those that the matrix of permissions does not open to a viewer."""
    names = {rule: re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule) for rule in rules}
    typed = re.compile(rf"^/api/v1/(projects/{{project}}/)?({'|'.join(KINDS)})(?=/|$)")
    rows = {rule: TABLE["GET " + typed.sub(r"/api/v1/\1{plural}", names[rule])] for rule in rules}
    return {rule for rule, row in rows.items() if row.outcomes[Who.VIEWER] != IN}


def _get_rules(settings: Settings) -> Iterable[Any]:
    rules: Iterable[Any] = create_app(settings).url_map.iter_rules()
    return [rule for rule in rules if "GET" in (rule.methods or ())]


def _fillers(story: Story) -> list[dict[str, str]]:
    """Return what addresses name, for every operation of the story and its stack."""
    findings = story.landform.call("GET", "/drift/findings")["items"]
    found = []
    for asked in story.operations:
        stack_id = asked["stack"]["id"]
        versions = story.landform.call("GET", f"/stacks/{stack_id}/state-versions")["items"]
        reports = story.landform.call("GET", f"/stacks/{stack_id}/drift-reports")["items"]
        fillers = {
            "kind": "machine-group",
            "extension": "csv",
            "account": "canary",
            "cloud": "sandbox",
            "serial": str(versions[0]["serial"]) if versions else "1",
            "operation_id": asked["operation"]["id"],
            "stack_id": stack_id,
            "project": "default",
            "report_id": reports[0]["id"] if reports else "none",
            "rule_id": story.drift_rule,
            "policy_set": story.policy_set,
            "set_id": story.policy_set,
            "sheet_id": story.price_sheet,
            "finding_id": findings[0]["id"] if findings else "none",
            "account_id": asked["stack"]["cloud_account"]["id"],
            "name": "drift",
            "stack_name": asked["stack"]["name"],
            "role": "web",
            "code": "not_found",
            "picture": "plan.png",
        }
        found.append(fillers)
    return found


def _paths(rule: Any, fillers: list[dict[str, str]]) -> Iterator[str]:
    """Yield the addresses of a rule, one for each operation if it names anything."""
    for named in fillers if rule.arguments else fillers[:1]:
        path = NAME.sub(partial(_fill, named), str(rule.rule))
        if not path.startswith(OTHER_KINDS):
            yield path


def _fill(named: dict[str, str], found: re.Match[str]) -> str:
    return named.get(found[1], found[0])


def _viewer(story: Story) -> httpx.Client:
    """Return a browser, and API client, of a person who may only look."""
    with story.ctx.write() as session:
        user = User(
            id=ids.new_id(ids.USER),
            name="viewer",
            password_hash=hash_password(PASSWORD),
            created_at=utc_now(),
        )
        session.add(user)
        session.flush()
        project = session.query(Project).filter_by(name="default").one()
        session.add(ProjectMember(project_id=project.id, user_id=user.id, role="viewer"))
    browser = httpx.Client(base_url=story.landform.http.base_url, trust_env=False, timeout=60)
    form = browser.get("/sign-in").text
    token = form.split('name="form_token" value="')[1].split('"')[0]
    signed_in = browser.post(
        "/sign-in", data={"username": "viewer", "password": PASSWORD, "form_token": token}
    )
    assert signed_in.status_code == 303, signed_in.text
    credentials = {"username": "viewer", "password": PASSWORD}
    answer = browser.post("/api/v1/auth/login", json=credentials).json()
    browser.headers["Authorization"] = f"Bearer {answer['access_token']}"
    return browser


def _read(browser: httpx.Client, path: str) -> tuple[int, bytes]:
    """Return status and body; of a stream that does not end, what comes in a few seconds."""
    deadline = time.monotonic() + STREAM_SECONDS
    parts = []
    with browser.stream("GET", path, follow_redirects=True) as answer:
        for part in answer.iter_bytes():
            parts.append(part)
            if time.monotonic() > deadline:
                break
    return answer.status_code, b"".join(parts)


def test_the_search_finds_what_the_key_ring_would_leave_open(story: Story) -> None:
    sealed = KeyRing("k", {"k": bytes(32)}).encrypt(story.canaries.parameter.encode(), "here")
    story.search(sealed, "a sealed object")
    for spelling in story.canaries.needles():
        with pytest.raises(AssertionError, match="holds"):
            story.search(b"before " + spelling + b" after", "a file")
