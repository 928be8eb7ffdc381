"""A Landform with an account on a moto server, whose stacks the real AWS provider makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.factory import create_app
from app.models import Operation, Stack
from tests.api.rest import Rest
from tests.aws_actions import find_refused
from tests.aws_proxy import Proxy
from tests.cloud_landform import CloudLandform
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.moto_cloud import KEYS, Moto, require_provider

ACCOUNT = "aws-test"


class AwsLandform(CloudLandform):
    """A Landform with an account on a moto server."""

    def __init__(self, rest: Rest, moto: Moto) -> None:
        super().__init__(rest, ACCOUNT, "aws", moto.credentials)
        self.moto = moto

    def create_at(self, version: str, plural: str, name: str, **parameters: Any) -> dict[str, Any]:
        """Make a stack with an earlier version of its blueprint."""
        body = {"name": name, "cloud_account": ACCOUNT, "parameters": parameters}
        accepted = self.rest.post(f"/{plural}", body).json
        with self.rest.ctx.write() as session:
            session.get_one(Stack, accepted["stack"]["id"]).blueprint_version = version
        return self.finish(accepted)

    def upgrade(self, stack: dict[str, Any]) -> dict[str, Any]:
        """Take a stack to the newest version of its blueprint, and return the operation."""
        version = self.stack(stack)["newest_blueprint_version"]
        done = self.perform(stack, type="apply", blueprint_version=version)
        assert done["status"] == "applied", done["error"]
        assert self.stack(stack)["applied_blueprint_version"] == version
        return done

    def use(self, endpoint: str) -> None:
        """Have the account ask another endpoint from now on."""
        credentials = {**self.moto.credentials, "endpoint": endpoint}
        path = f"/cloud-accounts/{ACCOUNT}"
        answer = self.rest.patch(path, {"credentials": credentials}, If_Match="*")
        assert answer.status_code == 200, answer.text

    def kill_during(self, proxy: Proxy, action: str, plural: str, **parameters: Any) -> Operation:
        """Ask for a stack, kill its Terraform while AWS carries out ``action``; then search.

        Returns the operation, with what the search by tag found.
        """
        self.use(proxy.endpoint)
        rule = proxy.hold_answer_of(action)
        return self.kill_once(lambda: rule.reached.wait(1), plural, **parameters)

    def resolve(self, operation: Operation, action: str) -> dict[str, Any]:
        """Decide about an interruption once its search is over, and return what followed."""
        self.use(self.moto.credentials["endpoint"])
        return super().resolve(operation, action)


def check_policies(proxy: Proxy, *kinds: str) -> None:
    """Check that the policies of these kinds in docs/aws-policies allow all that was called."""
    assert find_refused(proxy.calls, "search", *kinds) == []


def teach(proxy: Proxy) -> None:
    """Answer as AWS does where moto does not, so that plans after an apply have nothing to do."""
    # Who set a parameter.
    proxy.amend(
        "DescribeDBParameters", rb"</ParameterName>", b"</ParameterName><Source>user</Source>"
    )
    # The tags of a launch template are not what it tags machines with.
    own_tags = rb"<item>\s*<resourceType>launch-template</resourceType>.*?</tagSet>\s*</item>"
    proxy.amend("DescribeLaunchTemplateVersions", own_tags, b"")
    # How people sign in to a cluster.
    access = b'{"cluster": {"accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}, '
    proxy.amend("GET /clusters/*", rb'^\{"cluster": *\{', access)
    # No key to the nodes when nobody asked for one, and a change by its id.
    proxy.amend("GET /clusters/*/node-groups/*", rb'"remoteAccess": \{[^}]*\}, ', b"")
    proxy.reply("GET /clusters/*/updates/*", {"update": {"id": "u", "status": "Successful"}})


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    server = Moto(tmp_path_factory.mktemp("moto"))
    yield server
    server.close()


@pytest.fixture
def proxy(moto: Moto) -> Iterator[Proxy]:
    """A proxy before the moto server, for an account that is told to use it."""
    made = Proxy(moto.port)
    teach(made)
    yield made
    made.close()


@pytest.fixture
def account(make_prepared_settings: MakeSettings) -> Iterator[Rest]:
    """The administrator of a Landform with an AWS account that nothing answers for."""
    rest = Rest(create_app(make_prepared_settings(redis_url=NOWHERE)))
    body = {"name": ACCOUNT, "cloud": "aws", "credentials": KEYS, "default_region": "eu-west"}
    body["projects"] = "all"
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
