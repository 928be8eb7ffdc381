"""The tour of the README on an AWS account: only the name of the account is another one.

What happens outside Landform happens in AWS instead of the sandbox. Machines of this test may
take longer than the 30 seconds for which a request is held, so each block waits for what it began.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.moto_cloud import KEYS, Moto, require_provider
from tests.readme_tour import read_tour
from tests.running import RunningLandform, running_landform, wait_until

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]
ACCOUNT = "aws-tour"
SECONDS = 300
END = "__end of block__"
# In place of the block that speaks to the sandbox; $stack, $api, $auth and field are the tour's.
BEHIND_ITS_BACK = """
network=$(curl -s $api/networks/$stack -H "$auth" | field "['outputs']['network_id']")
curl -s {endpoint}/ --aws-sigv4 aws:amz:eu-west-1:ec2 --user "{user}" -d Action=ModifyVpcAttribute \
  -d Version=2016-11-15 -d VpcId=$network -d EnableDnsHostnames.Value=false
"""


class Shell:
    """One bash that is told block after block, as a person's terminal is."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, block: str) -> tuple[str, int]:
        """Return what a block wrote, errors too, and the status of its last command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{block}\nstatus=$?; echo; echo {END} $status\n")
        self._process.stdin.flush()
        said: list[str] = []
        for line in self._process.stdout:
            if line.startswith(END):
                return "".join(said), int(line.removeprefix(END))
            said.append(line)
        raise AssertionError(f"the shell ended: {''.join(said)}")


@contextmanager
def open_shell() -> Iterator[Shell]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        ["/bin/bash", "-u"], stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield Shell(process)
        assert process.stdin is not None
        process.stdin.close()


def wait_for_work(landform: RunningLandform) -> None:
    """Wait until everything that was asked for has ended."""

    def is_idle() -> bool:
        items = landform.call("GET", "/operations")["items"]
        return all(item["ended_at"] for item in items)

    wait_until(is_idle, "the end of all operations", SECONDS)


def test_the_tour_works_with_an_aws_account_in_place_of_the_sandbox(
    tmp_path: Path, moto: Moto
) -> None:
    variables = {
        "LANDFORM_PROVIDER_MIRROR": str(require_provider()),
        "LANDFORM_CLOUD_ENDPOINTS": moto.endpoint,
    }
    with (
        running_landform(tmp_path / "home", **variables) as landform,
        open_shell() as shell,
    ):
        body = {"name": ACCOUNT, "cloud": "aws", "credentials": moto.credentials}
        body |= {"regions": ["eu-west"], "projects": "all"}
        landform.call("POST", "/cloud-accounts", json=body)
        said = ""
        for block in read_tour(landform.port, landform.sandbox_port, landform.home):
            told, status = run(shell, on_aws(block, moto), landform)
            assert status == 0, told
            said += told
        stacks = landform.call("GET", "/stacks")["items"]
    assert '"status": "ready"' in said
    assert "Creation complete" in said
    assert "'enable_dns_hostnames'" in said
    assert stacks == [], "what was destroyed is in no list"
    vpcs = moto.client("ec2").describe_vpcs()["Vpcs"]
    assert [item for item in vpcs if not item["IsDefault"]] == []


def on_aws(block: str, moto: Moto) -> str:
    """Return a block as somebody with an AWS account runs it."""
    if "/sandbox/token" in block:
        user = f"{KEYS['access_key_id']}:{KEYS['secret_access_key']}"
        return BEHIND_ITS_BACK.format(endpoint=moto.endpoint, user=user)
    return block.replace('"cloud_account": "sandbox"', f'"cloud_account": "{ACCOUNT}"')


def run(shell: Shell, block: str, landform: RunningLandform) -> tuple[str, int]:
    """Run a block and wait for what it began; once more if it could not wait so long itself."""
    told, status = shell.run(block)
    wait_for_work(landform)
    if status != 0 and "drift_check" in block:
        again, status = shell.run(block)
        told += again
        wait_for_work(landform)
    return told, status
