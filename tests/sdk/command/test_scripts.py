"""The command in scripts: exit statuses, what is printed where, the pages of the documentation."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
import yaml

from app.config.settings import REPOSITORY_ROOT
from landform_client.command import exits
from landform_client.command.parser import COMMANDS, build_parser
from tests.ports import free_port
from tests.running import RunningLandform
from tests.sdk.command.conftest import Shell

DOCS = REPOSITORY_ROOT / "docs"
PAGES = ("quick-start-shell.md", "cli.md")


def blocks(page: str) -> str:
    found = re.findall(r"```bash\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert found
    return "\n".join(found)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works_as_it_stands(
    signed_in: Shell, landform: RunningLandform, page: str
) -> None:
    script = blocks(page).replace(":8080", f":{landform.port}")
    script = script.replace(":8090", f":{landform.sandbox_port}")
    done = signed_in.bash(script.replace("var/", f"{landform.home}/"))
    assert done.returncode == 0, done.stdout + done.stderr
    if page == PAGES[0]:
        assert "Plan: 0 to create, 0 to change, 0 to delete, 5 unchanged." in done.stdout
        assert "parameters.count: 2 → 3" in done.stdout
        assert "internet_access: true → false" in done.stdout
    names = [stack["name"] for stack in landform.call("GET", "/stacks")["items"]]
    assert [name for name in names if name.startswith(("shop-", "cli-"))] == []


def test_every_command_and_exit_status_is_on_the_page_and_run_by_one() -> None:
    page = (DOCS / "cli.md").read_text()
    named = set(re.findall(r"^\| `landform ([a-z]+)", page, re.M))
    assert named == set(COMMANDS)
    run = "\n".join(map(blocks, PAGES))
    assert {name for name in COMMANDS if not re.search(rf"\blandform {name}\b", run)} == set()
    statuses = {value for value in vars(exits).values() if isinstance(value, int)}
    assert set(map(int, re.findall(r"^\| ([0-9]+) \|", page, re.M))) == statuses
    for option in re.findall(r"`(--[a-z-]+)", page):
        told = [command for command in COMMANDS if option in _help(command)]
        assert told, option


def _help(command: str) -> str:
    parser = build_parser()
    choices = parser._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    return str(choices[command].format_help())  # type: ignore[call-overload,index]


def test_the_session_is_kept_for_its_owner_alone(signed_in: Shell) -> None:
    path = signed_in.folder / ".config" / "landform" / "profiles.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_life_in_a_script_with_its_exit_statuses(
    signed_in: Shell, landform: RunningLandform
) -> None:
    run = signed_in.run
    made = run("create", "network", "web", "--set", "zones=1", "--auto-apply", "never")
    assert made.returncode == exits.AWAITS_APPROVAL
    assert made.stdout == ""
    assert "landform approve op_" in made.stderr
    assert "\x1b" not in made.stderr
    assert run("approve", "web").returncode == exits.DONE
    taken = run("create", "network", "web")
    assert taken.returncode == exits.REFUSED
    assert taken.stderr.endswith("[name_taken]\n")
    (stack,) = json.loads(run("get", "stacks", "-o", "json").stdout)
    assert stack["parameters"]["zones"] == 1
    assert yaml.safe_load(run("get", "network/web", "-o", "yaml").stdout) == stack
    assert run("get", "networks", "web", "-o", "name").stdout == "network/web\n"
    assert run("get", "buckets", "web").returncode == exits.USAGE
    assert run("outputs", "web", "network_id").stdout.startswith("net_")
    assert json.loads(run("outputs", "web", "-o", "json").stdout)["cidr"] == "10.0.0.0/16"
    assert "Apply complete!" in run("logs", "web").stdout
    (drifted,) = landform.cloud.list(tag=f"landform:stack={stack['id']}", type="network")
    changed = {"attributes": {"internet_access": False}}
    landform.cloud.call("PATCH", f"/resources/{drifted['id']}", json=changed)
    assert run("drift", "web").returncode == exits.DONE
    found = run("drift", "web", "--check")
    assert found.returncode == exits.NOT_SO
    assert "internet_access: true → false" in found.stdout
    assert run("drift", "-o", "name").stdout == "network/web\n"
    assert run("drift", "web", "--accept").returncode == exits.AWAITS_APPROVAL
    assert run("approve", "web").returncode == exits.DONE
    gone = run("delete", "web", "--no-wait")
    assert gone.stdout.startswith("op_")
    assert run("wait", gone.stdout.strip()).returncode == exits.AWAITS_APPROVAL
    assert run("approve", gone.stdout.strip()).returncode == exits.DONE
    assert run("get", "network", "web").returncode == exits.REFUSED


def test_an_operation_that_fails_says_why_and_one_that_lasts_goes_on(
    signed_in: Shell, landform: RunningLandform
) -> None:
    landform.cloud.set_faults(failure_rate=1)
    try:
        failed = signed_in.run("create", "bucket", "broken")
    finally:
        landform.cloud.set_faults(failure_rate=0)
    assert failed.returncode == exits.NOT_SO
    assert "[terraform_failed]" in failed.stderr
    manifest = "kind: bucket\nname: broken-too\ncloud_account: sandbox\n"
    landform.cloud.set_faults(failure_rate=1)
    try:
        applied = signed_in.run("apply", "-f", "-", stdin=manifest)
    finally:
        landform.cloud.set_faults(failure_rate=0)
    assert applied.returncode == exits.NOT_SO
    landform.cloud.set_faults(create_delay_seconds=3)
    try:
        late = signed_in.run("create", "bucket", "slow", "--timeout", "0.5")
        followed = signed_in.run("logs", "slow", "-f")
    finally:
        landform.cloud.set_faults(create_delay_seconds=0)
    assert late.returncode == exits.LATE
    assert "landform wait op_" in late.stderr
    assert followed.returncode == exits.DONE
    assert "Creation complete" in followed.stdout
    assert signed_in.run("delete", "broken", "broken-too", "slow").returncode == exits.DONE


def test_who_is_not_signed_in_or_finds_no_landform_is_told(
    shell: Shell, landform: RunningLandform
) -> None:
    url = f"http://127.0.0.1:{landform.port}"
    assert shell.run("get").returncode == exits.USAGE
    refused = shell.run("get", LANDFORM_URL=url, LANDFORM_TOKEN="lft_no")
    assert refused.returncode == exits.NOT_SIGNED_IN
    nowhere = f"http://127.0.0.1:{free_port()}"
    silent = shell.run("get", LANDFORM_URL=nowhere, LANDFORM_TOKEN="lft_no")
    assert silent.returncode == exits.UNREACHABLE
    assert "gave no answer" in silent.stderr
    wrong = shell.run("login", url, "--username", "admin", "--password-stdin", stdin="wrong\n")
    assert wrong.returncode == exits.NOT_SIGNED_IN
    assert shell.run("login", url, "--username", "admin").returncode == exits.USAGE


def test_an_api_token_serves_like_a_session(shell: Shell, landform: RunningLandform) -> None:
    body = {"name": "cli", "scopes": ["stack:read"]}
    token = landform.call("POST", "/tokens", json=body)["token"]
    url = f"http://127.0.0.1:{landform.port}"
    assert shell.run("login", url, "--with-token", stdin=f"{token}\n").returncode == exits.DONE
    assert shell.run("get").returncode == exits.DONE
    assert shell.run("create", "bucket", "no", "--account", "sandbox").returncode == exits.REFUSED
    assert shell.run("logout").returncode == exits.DONE
    assert shell.run("get", LANDFORM_URL=url, LANDFORM_TOKEN=token).returncode == exits.DONE


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["eat"],
        ["get", "--colour"],
        ["apply"],
        ["apply", "-f", "none.yaml"],
        ["apply", "-f", "m.yaml", "--prune"],
        ["diff", "-f", "m.yaml", "--label", "a=b"],
        ["apply", "-f", "m.yaml", "--prune", "-l", "a=b"],
        ["create", "network", "x", "--set", "zones"],
        ["drift", "--check"],
        ["admin", "keys", "rotate"],
        ["keys", "rotate"],
        ["profiles", "none"],
        ["get", "--profile", "none"],
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_done(
    signed_in: Shell, words: list[str]
) -> None:
    (signed_in.folder / "m.yaml").write_text("kind: bucket\nname: b\ncloud_account: sandbox\n")
    done = signed_in.run(*words)
    assert done.returncode == exits.USAGE, done.stderr
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_that_cannot_be_is_refused_as_a_whole(signed_in: Shell, tmp_path: Path) -> None:
    manifest = "kind: {}\nname: {}\ncloud_account: sandbox\n---\n"
    text = manifest.format("bucket", "fine") + manifest.format("planet", "mars")
    (tmp_path / "m.yaml").write_text(text)
    done = signed_in.run("apply", "-f", "m.yaml")
    assert done.returncode == exits.REFUSED
    assert "! planet/mars  refused: there is no kind planet" in done.stdout
    assert signed_in.run("get", "bucket", "fine").returncode == exits.REFUSED


def test_what_waits_for_a_plan_that_awaits_approval_is_not_waited_for(
    signed_in: Shell, tmp_path: Path
) -> None:
    network = "kind: network\nname: held-net\ncloud_account: sandbox\nauto_apply: never\n---\n"
    group = "kind: machine-group\nname: held\ncloud_account: sandbox\n"
    (tmp_path / "m.yaml").write_text(f"{network}{group}parameters: {{network: held-net}}\n")
    held = signed_in.run("apply", "-f", "m.yaml")
    assert held.returncode == exits.AWAITS_APPROVAL, held.stderr
    assert "network/held-net awaits approval: landform approve op_" in held.stderr
    assert "machine-group/held goes on: landform wait op_" in held.stderr
    assert signed_in.run("approve", "held-net").returncode == exits.DONE
    assert signed_in.run("wait", "held").returncode == exits.DONE
    gone = signed_in.run("delete", "held", "held-net")
    assert gone.returncode == exits.AWAITS_APPROVAL
    assert signed_in.run("approve", "held-net").returncode == exits.DONE


def test_whoever_has_read_enough_may_go(signed_in: Shell) -> None:
    done = signed_in.bash("for i in 1 2 3; do landform get kinds -o yaml | head -n 1; done")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_bash_completes_commands_options_and_names(signed_in: Shell) -> None:
    made = signed_in.run("create", "bucket", "complete-me")
    assert made.returncode == exits.DONE

    def completed(*line: str) -> list[str]:
        words = " ".join(f"'{word}'" for word in ("landform", *line))
        script = (
            "source <(landform completion bash); COMP_WORDS=(%s); COMP_CWORD=%d; _landform; "
            'printf "%%s\\n" "${COMPREPLY[@]}"'
        )
        done = signed_in.bash(script % (words, len(line)))
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert completed("cr") == ["create"]
    assert completed("create", "net") == ["network"]
    assert completed("get", "netw") == ["networks"]
    assert completed("delete", "comp") == ["complete-me"]
    assert completed("delete", "--c") == ["--cascade"]
    assert completed("get", "-o", "j") == ["json"]
    assert completed("create", "bucket", "x", "--account", "s") == ["sandbox"]
    assert completed("completion", "") == ["bash", "zsh"]
    assert signed_in.run("delete", "complete-me").returncode == exits.DONE
