"""An account that a host does not allow starts no Terraform, and says how to fix that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.operations import OperationType
from app.models import CloudAccount
from app.services.secrets import seal_credentials
from tests.landform import Landform


def give(landform: Landform, endpoint: str) -> None:
    with landform.ctx.write() as session:
        account = session.query(CloudAccount).one()
        fields = {"endpoint": endpoint, "token": landform.cloud.token}
        seal_credentials(landform.ctx.keys, account, fields)


@pytest.mark.parametrize("endpoint", ["http://10.0.0.1/v1", "https://inside.example.com/v1"])
def test_an_operation_on_a_refused_account_ends_before_terraform(
    landform: Landform, endpoint: str
) -> None:
    landform.use(replace(landform.ctx, resolve=lambda _host, _port: ["10.0.0.1"]))
    stack, operation = landform.create("network", "web")
    give(landform, endpoint)
    done = landform.carry_out(operation)
    assert done.status == "errored"
    assert (done.error or {})["code"] == "cloud_account_refused"
    assert "LANDFORM_CLOUD_ENDPOINTS" in str(done.error)
    assert endpoint not in str(done.error)
    assert "init" not in [step.name for step in done.steps]
    give(landform, landform.cloud.endpoint)
    assert landform.perform(landform.stack(stack.id), OperationType.APPLY).status == "applied"
