"""What the provider tells its user when something goes wrong, and what it keeps meanwhile."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from tf.utils import Diagnostics

from sandbox.provider.connection import Connection
from tests.ports import free_port
from tests.sandbox.conftest import Terraform
from tests.sandbox.examples import BUCKET_HCL
from tests.sandbox_cloud import Cloud


@pytest.fixture
def hanging_up() -> Iterator[str]:
    """Serve an endpoint that takes each request and closes without an answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_an_injected_fault_leaves_nothing_behind(terraform: Terraform, cloud: Cloud) -> None:
    cloud.set_faults(failure_rate=1)
    terraform.write(BUCKET_HCL)

    outcome = terraform.apply()

    assert outcome.code == 1
    assert "The sandbox cloud failed on purpose" in outcome.text
    assert 'Could not create sandbox_bucket "a-bucket"' in outcome.text
    assert "500 injected_fault" in outcome.text
    assert terraform.state() == {}
    assert cloud.list() == []


def test_a_used_up_quota_names_the_limit_and_the_way_out(
    terraform: Terraform, cloud: Cloud
) -> None:
    cloud.set_faults(quota=0)
    terraform.write(BUCKET_HCL)

    outcome = terraform.apply()

    assert outcome.code == 1
    assert "quota in the sandbox cloud is used up" in outcome.text
    assert "its quota is 0" in outcome.text
    assert "raise the quota with PUT /v1/faults" in outcome.text


def test_a_wrong_token_says_where_the_right_one_is(terraform: Terraform, cloud: Cloud) -> None:
    terraform.write(BUCKET_HCL)
    terraform.apply_ok()
    before = terraform.state()
    terraform.environ["SANDBOX_TOKEN"] = "a-wrong-token"

    outcome = terraform.apply()

    assert outcome.code == 1
    assert "does not accept the token" in outcome.text
    assert "$LANDFORM_HOME/sandbox/token" in outcome.text
    assert "a-wrong-token" not in outcome.text
    assert terraform.state() == before


def test_an_unreachable_cloud_is_no_reason_to_forget_resources(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(BUCKET_HCL)
    terraform.apply_ok()
    before = terraform.state()
    terraform.environ["SANDBOX_ENDPOINT"] = f"http://127.0.0.1:{free_port()}/v1"

    outcome = terraform.apply()

    assert outcome.code == 1
    assert "The sandbox cloud cannot be reached" in outcome.text
    assert "refused" in outcome.text
    assert "SANDBOX_ENDPOINT" in outcome.text
    assert terraform.state() == before


def test_a_404_of_a_wrong_endpoint_is_not_taken_for_a_deleted_resource(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(BUCKET_HCL)
    terraform.apply_ok()
    terraform.environ["SANDBOX_ENDPOINT"] = cloud.endpoint.removesuffix("/v1")

    outcome = terraform.plan()

    assert outcome.code == 1
    assert "It must end in /v1" in outcome.text


def test_a_creation_whose_answer_is_lost_warns_of_a_possible_orphan(
    terraform: Terraform, hanging_up: str
) -> None:
    terraform.environ["SANDBOX_ENDPOINT"] = hanging_up
    terraform.write(BUCKET_HCL)

    outcome = terraform.apply()

    assert outcome.code == 1
    assert "the resource may exist without being in state" in outcome.text


def test_settings_come_from_the_provider_block_before_the_environment(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.environ |= {"SANDBOX_ENDPOINT": "http://127.0.0.1:1/v1", "SANDBOX_TOKEN": "wrong"}
    terraform.write(BUCKET_HCL, f'endpoint = "{cloud.endpoint}/"\ntoken = "{cloud.token}"')

    terraform.apply_ok()

    assert len(cloud.list()) == 1


@pytest.mark.parametrize("endpoint", ["127.0.0.1:8090", "ftp://host/v1", "http://[", "http://"])
def test_an_unusable_endpoint_is_named(endpoint: str) -> None:
    diagnostics = Diagnostics()

    Connection({}).configure(diagnostics, {"endpoint": endpoint, "token": "t"})

    assert "endpoint is not usable" in str(diagnostics)
    assert endpoint in str(diagnostics)


def test_missing_settings_are_all_named(terraform: Terraform) -> None:
    terraform.environ |= {"SANDBOX_ENDPOINT": "", "SANDBOX_TOKEN": ""}
    terraform.write(BUCKET_HCL)

    outcome = terraform.plan()

    assert "The sandbox provider has no endpoint" in outcome.text
    assert "The sandbox provider has no token" in outcome.text
    assert "SANDBOX_TOKEN in the environment" in outcome.text
