"""A Landform with an account on a moto server, whose stacks the real AWS provider makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.factory import create_app
from app.models import Operation
from app.services.engine.engine import Engine
from tests.api.rest import Rest
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.moto_cloud import KEYS, Moto, require_provider

ACCOUNT = "aws-test"


class AwsLandform:
    """The API for what is asked, and the engine for what a worker does."""

    def __init__(self, rest: Rest, moto: Moto) -> None:
        self.rest = rest
        self.moto = moto
        body = {"name": ACCOUNT, "cloud": "aws", "credentials": moto.credentials}
        answer = rest.post("/cloud-accounts", {**body, "default_region": "eu-west"})
        assert answer.status_code == 201, answer.text

    def create(self, plural: str, name: str, **parameters: Any) -> dict[str, Any]:
        """Ask for a stack, carry it out, and return it."""
        body = {"name": name, "cloud_account": ACCOUNT, "parameters": parameters}
        answer = self.rest.post(f"/{plural}", body)
        assert answer.status_code == 202, answer.text
        return self.finish(answer.json)

    def change(self, plural: str, stack: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        path = f"/{plural}/{stack['id']}"
        return self.finish(self.rest.patch(path, {"parameters": parameters}, If_Match="*").json)

    def destroy(self, plural: str, stack: dict[str, Any]) -> dict[str, Any]:
        return self.finish(self.rest.delete(f"/{plural}/{stack['id']}", If_Match="*").json)

    def perform(self, stack: dict[str, Any], **body: Any) -> dict[str, Any]:
        """Ask for an operation on a stack, carry it out and return it."""
        answer = self.rest.post(f"/stacks/{stack['id']}/operations", body)
        assert answer.status_code == 202, answer.text
        return self.carry_out(answer.json["operation"]["id"])

    def finish(self, accepted: dict[str, Any]) -> dict[str, Any]:
        """Carry out what was accepted, which must go well, and return the stack."""
        done = self.carry_out(accepted["operation"]["id"])
        assert done["status"] in ("applied", "planned_and_finished"), done["error"]
        return self.stack(accepted["stack"])

    def carry_out(self, operation_id: str) -> dict[str, Any]:
        Engine(self.rest.ctx).carry_out(operation_id)
        return dict(self.rest.get(f"/operations/{operation_id}").json)

    def stack(self, stack: dict[str, Any]) -> dict[str, Any]:
        return dict(self.rest.get(f"/stacks/{stack['id']}").json)

    def outputs(self, stack: dict[str, Any]) -> dict[str, Any]:
        return dict(self.rest.get(f"/stacks/{stack['id']}/outputs").json["outputs"])

    def operation_row(self, operation_id: str) -> Operation:
        with self.rest.ctx.read() as session:
            return session.get_one(Operation, operation_id)


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    server = Moto(tmp_path_factory.mktemp("moto"))
    yield server
    server.close()


@pytest.fixture
def account(make_prepared_settings: MakeSettings) -> Iterator[Rest]:
    """The administrator of a Landform with an AWS account that nothing answers for."""
    rest = Rest(create_app(make_prepared_settings(redis_url=NOWHERE)))
    body = {"name": ACCOUNT, "cloud": "aws", "credentials": KEYS, "default_region": "eu-west"}
    assert rest.post("/cloud-accounts", body).status_code == 201
    yield rest
    rest.ctx.db.close()


@pytest.fixture
def landform(make_prepared_settings: MakeSettings) -> Iterator[Rest]:
    """The administrator of a Landform that has the AWS provider, or a skip that says why not."""
    settings = make_prepared_settings(redis_url=NOWHERE, provider_mirror=require_provider())
    app = create_app(settings)
    rest = Rest(app)
    yield rest
    rest.ctx.db.close()


@pytest.fixture
def aws(landform: Rest, moto: Moto) -> Iterator[AwsLandform]:
    yield AwsLandform(landform, moto)
    moto.reset()
