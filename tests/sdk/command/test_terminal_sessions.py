"""The command in a terminal: it asks, draws progress, and fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import RunningLandform
from tests.sdk.command.conftest import Shell
from tests.sdk.command.terminal import Terminal

MANIFEST = "kind: bucket\nname: asked\ncloud_account: sandbox\n"


def test_a_person_signs_in_and_the_password_is_not_shown(
    shell: Shell, landform: RunningLandform
) -> None:
    password = (landform.home / "admin-password").read_text().strip()
    with Terminal(shell, "login", f"http://127.0.0.1:{landform.port}") as terminal:
        terminal.wait_for("Username: ")
        terminal.type("admin\n")
        terminal.wait_for("Password: ")
        terminal.type(f"{password}\n")
        terminal.wait_for("Signed in to")
        assert terminal.end() == 0
        assert password not in terminal.shown
    assert shell.run("get", "kinds", "-o", "name").stdout.splitlines()[0] == "bucket"


@pytest.mark.parametrize("answer", ["n", "", "later"])
def test_what_is_not_answered_with_yes_is_not_done(
    signed_in: Shell, tmp_path: Path, answer: str
) -> None:
    (tmp_path / "m.yaml").write_text(MANIFEST)
    with Terminal(signed_in, "apply", "-f", "m.yaml") as terminal:
        terminal.wait_for("Do this? [y/N] ")
        terminal.type(f"{answer}\n")
        assert terminal.end() == 2
        assert terminal.lines[-1] == "Nothing was done."
    assert signed_in.run("get", "bucket", "asked").returncode == 3


def test_a_stack_that_somebody_changed_after_the_plan_is_left_alone(
    signed_in: Shell, landform: RunningLandform, tmp_path: Path
) -> None:
    stack = landform.made("raced", kind="buckets", parameters={})
    (tmp_path / "m.yaml").write_text(MANIFEST.replace("asked", "raced") + "labels: {a: b}\n")
    with Terminal(signed_in, "apply", "-f", "m.yaml") as terminal:
        terminal.wait_for("Do this? [y/N] ")
        body = {"labels": {"by": "somebody"}}
        headers = {"If-Match": "*"}
        landform.call("PATCH", f"/buckets/{stack['id']}", json=body, headers=headers)
        terminal.type("y\n")
        assert terminal.end() == 3
        assert "Somebody changed bucket/raced" in terminal.shown
    assert landform.call("GET", f"/stacks/{stack['id']}")["labels"] == {"by": "somebody"}
    assert signed_in.run("delete", "raced").returncode == 0


def test_progress_is_drawn_live_and_a_life_goes_by_in_a_terminal(
    signed_in: Shell, landform: RunningLandform, tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text(MANIFEST.replace("asked", "drawn"))
    landform.cloud.set_faults(create_delay_seconds=2)
    try:
        with Terminal(signed_in, "apply", "-f", "m.yaml", columns=60) as terminal:
            terminal.wait_for("Do this? [y/N] ")
            terminal.type("yes\n")
            assert terminal.end() == 0
    finally:
        landform.cloud.set_faults(create_delay_seconds=0)
    assert "\x1b[32m+ bucket/drawn  create\x1b[0m" in terminal.shown
    assert "\x1b[1F\x1b[2K" in terminal.shown  # the line is drawn again over itself
    assert "✓" in terminal.shown
    drawn = [line for line in terminal.lines if "bucket/drawn  apply" in line]
    assert any(" s" in line and line[0] in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" for line in drawn)
    assert max(map(len, terminal.lines)) <= 60
    with Terminal(signed_in, "get", columns=40) as narrow:
        assert narrow.end() == 0
    assert "drawn" in narrow.shown
    assert "STATUS" in narrow.shown
    assert "AGE" not in narrow.shown
    assert max(map(len, narrow.lines)) <= 40
    with Terminal(signed_in, "delete", "drawn") as terminal:
        terminal.wait_for("Destroy bucket/drawn? [y/N] ")
        terminal.type("y\n")
        assert terminal.end() == 0


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_nothing_is_coloured_where_somebody_said_no(
    signed_in: Shell, variables: dict[str, str]
) -> None:
    with Terminal(signed_in, "get", "kinds", **variables) as terminal:
        assert terminal.end() == 0
    assert "network" in terminal.shown
    assert "\x1b" not in terminal.shown


def test_ctrl_c_ends_it_and_the_operation_goes_on(
    signed_in: Shell, landform: RunningLandform
) -> None:
    landform.cloud.set_faults(create_delay_seconds=5)
    try:
        with Terminal(signed_in, "create", "bucket", "patient") as terminal:
            terminal.wait_for("applying")
            terminal.type("\x03")
            assert terminal.end() == 130
            assert "Traceback" not in terminal.shown
    finally:
        landform.cloud.set_faults(create_delay_seconds=0)
    assert signed_in.run("wait", "patient").returncode == 0
    assert signed_in.run("delete", "patient").returncode == 0
