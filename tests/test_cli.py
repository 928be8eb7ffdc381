"""The command ``landform admin``: how it is found, what it lists, how it refuses."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.cli import COMMANDS, build_parser, main
from app.domain.host_roles import HostRole
from app.domain.operations import OperationType
from app.models import Instance
from app.services.context import Context, build_context
from app.services.installation.instances import begin_instance, is_draining
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.services.some_stacks import ask, create, make_ready, set_to

ROOT = Path(__file__).parents[1]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a checkout with the command as ``make install`` writes it."""
    checkout = tmp_path / "check out"
    checkout.mkdir()
    for name in ("app", "docs", "terraform"):
        (checkout / name).symlink_to(ROOT / name)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/python", "lib", "pyvenv.cfg"):
        (checkout / ".venv" / name).symlink_to(ROOT / ".venv" / name)
    text = re.search(
        r"^define COMMAND_TEXT\n(.*?)^endef", (ROOT / "Makefile").read_text(), re.M | re.S
    )
    assert text is not None
    command = checkout / ".venv" / "bin" / "landform"
    command.write_text(text[1].replace("$$", "$"))
    command.chmod(0o755)
    return command


def run(command: Path | str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if "PYTHON" not in key}
    return subprocess.run(
        [command, *words], cwd=cwd, env=environment, text=True, capture_output=True, check=False
    )


def test_the_command_works_from_any_folder_and_through_a_link(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "app").mkdir()  # must not be taken for ours
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('wrong app')")
    link = tmp_path / "lf"
    link.symlink_to(installed)
    for command in (installed, link):
        told = run(command, "admin", "keys", "--help", cwd=tmp_path)
        assert (told.returncode, told.stderr) == (0, ""), command
        assert "landform admin keys" in told.stdout


def test_everything_but_admin_is_the_command_of_clients(installed: Path, tmp_path: Path) -> None:
    told = run(installed, "--help", cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert "have stacks be as manifests say" in told.stdout
    assert run(installed, "hosts", cwd=tmp_path).returncode == 2
    assert run(installed, "admin", "eat", cwd=tmp_path).stderr.startswith("usage: landform admin")


@pytest.mark.parametrize("group", ["accounts", "agreements", "audit", "backup", "keys", "openapi"])
def test_a_former_name_works_and_says_the_new_one(
    installed: Path, tmp_path: Path, group: str
) -> None:
    told = run(installed, group, "--help", cwd=tmp_path)
    assert told.returncode == 0
    assert f"usage: landform admin {group}" in told.stdout
    assert f"landform {group} is called landform admin {group} now" in told.stderr


@pytest.fixture
def ctx(make_prepared_settings: MakeSettings) -> Iterator[Context]:
    made = build_context(make_prepared_settings(redis_url=NOWHERE))
    yield made
    made.db.close()


def test_hosts_are_listed_and_one_is_declared_gone(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.cli_hosts.open_context", lambda: ctx)
    lost = begin_instance(ctx, HostRole.WORKER)
    assert main(["admin", "hosts"]) == 0
    assert f"{lost}  {socket.gethostname()}  alive  worker  holds 0" in capsys.readouterr().out
    assert main(["admin", "gone", lost]) == 2
    assert "[conflict]" in capsys.readouterr().err
    with ctx.write() as session:
        session.get_one(Instance, lost).heartbeat_at -= timedelta(minutes=1)
    assert main(["admin", "gone", lost]) == 0
    assert "would go on changing the cloud unseen" in capsys.readouterr().out
    main(["admin", "hosts"])
    assert f"{lost}  {socket.gethostname()}  gone" in capsys.readouterr().out


def test_a_host_is_drained_and_takes_work_again(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.cli_hosts.open_context", lambda: ctx)
    monkeypatch.setattr("app.cli_hosts.ASK_SECONDS", 0.01)
    own = begin_instance(ctx, HostRole.WORKER)
    assert main(["admin", "drain"]) == 0
    assert "It can be stopped." in capsys.readouterr().out
    main(["admin", "hosts"])
    assert f"{own}  {socket.gethostname()}  draining  worker" in capsys.readouterr().out
    assert main(["admin", "ready", "--roles", "worker"]) == 0, "it does what it has begun"
    assert main(["admin", "undrain", own]) == 0
    assert not is_draining(ctx)
    assert main(["admin", "drain", "ins_none"]) == 2


def test_a_drain_says_when_the_host_still_runs_something(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.cli_hosts.open_context", lambda: ctx)
    monkeypatch.setattr("app.cli_hosts.ASK_SECONDS", 0.01)
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    own = begin_instance(ctx, HostRole.WORKER)
    set_to(ctx, ask(ctx, stack, OperationType.APPLY), status="applying", instance_id=own)
    assert main(["admin", "drain", "--wait", "0.05"]) == 2
    assert "still runs 1 operation." in capsys.readouterr().err
    assert is_draining(ctx)


def test_a_host_without_a_sign_of_life_or_without_the_role_is_not_ready(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.cli_hosts.open_context", lambda: ctx)
    own = begin_instance(ctx, HostRole.WEB)
    assert main(["admin", "ready", "--roles", "web,worker"]) == 1
    assert "does the role worker" in capsys.readouterr().out
    with ctx.write() as session:
        session.get_one(Instance, own).heartbeat_at -= timedelta(minutes=1)
    assert main(["admin", "ready"]) == 1
    assert "gives no sign of life" in capsys.readouterr().out


def test_a_host_on_which_nothing_was_started_is_not_ready_and_is_not_registered(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.cli_hosts.open_context", lambda: ctx)
    with ctx.read() as session:
        before = session.scalars(select(Instance.id)).all()
    assert main(["admin", "ready", "--roles", "worker"]) == 1
    assert "no process of Landform was started" in capsys.readouterr().out
    assert main(["admin", "drain"]) == main(["admin", "undrain"]) == 2
    assert not is_draining(ctx)
    with ctx.read() as session:
        assert session.scalars(select(Instance.id)).all() == before


def test_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for words, command in COMMANDS.items():
        with pytest.raises(SystemExit) as ended:
            build_parser().parse_args([*words.split(), "--help"])
        assert ended.value.code == 0
        assert command.explanation in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["audit", "export", "--since", "noon"],
        ["keys"],
        ["keys", "eat"],
        ["keys-rotate"],
        ["openapi", "x"],
    ],
)
def test_what_is_no_command_is_refused_with_a_list_of_those_that_are(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: landform admin" in capsys.readouterr().err
