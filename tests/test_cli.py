"""The command ``landform``: how it is found, what it lists, how it refuses."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.cli import COMMANDS, build_parser, main
from app.models import Instance
from app.services.context import Context, build_context
from app.services.installation.instances import HostRole, begin_instance
from tests.conftest import MakeSettings
from tests.landform import NOWHERE

ROOT = Path(__file__).parents[1]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a checkout with the command as ``make install`` writes it."""
    checkout = tmp_path / "check out"
    checkout.mkdir()
    for name in ("app", "terraform"):
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
        told = run(command, "keys", "--help", cwd=tmp_path)
        assert (told.returncode, told.stderr) == (0, ""), command
        assert "landform keys" in told.stdout


@pytest.fixture
def ctx(make_prepared_settings: MakeSettings) -> Iterator[Context]:
    made = build_context(make_prepared_settings(redis_url=NOWHERE))
    yield made
    made.db.close()


def test_hosts_are_listed_and_one_is_declared_gone(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.cli._context", lambda: ctx)
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
    assert "usage: landform" in capsys.readouterr().err
