"""One list of hostile URLs, tried at every door through which a URL comes into Landform.

Doors: the URL of a webhook, the endpoint of a cloud account, what an identity provider says of
itself, and what the operator of the host chose: the issuer and the endpoint for states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from app.clouds.account_errors import CloudAccountRefusedError
from app.errors import ConfigurationError, UnavailableError
from app.factory import create_app
from app.identity.connection import ProviderConnection
from app.identity.provider import Client, Flow, IdentityProvider, provider_for
from app.models import CloudAccount
from app.notify.webhook_client import WebhookClient
from app.outbound.client import OutboundClient, RefusedError
from app.services.cloud_accounts.credentials import check_reach, sign_in
from app.services.secrets import seal_credentials
from app.services.state_bucket import open_state_bucket
from app.storage.s3_errors import StateBucketError
from tests.api.rest import Rest, pointers, problem
from tests.conftest import MakeSettings
from tests.identity_provider import CLIENT_ID, FakeProvider, serving
from tests.landform import NOWHERE
from tests.logins import LOOPBACK
from tests.moto_cloud import KEYS
from tests.receiver import Receiver, receiving

CORPUS = yaml.safe_load((Path(__file__).parent / "hostile_urls.yaml").read_text(encoding="utf-8"))
EVERYWHERE: list[str] = CORPUS["everywhere"]
INSIDE: list[str] = CORPUS["inside"]
NAMES: list[dict[str, Any]] = CORPUS["names"]
PUBLIC = "https://cloud.example.com/"

# A thread of a stand-in server may still hold a connection when its test ends.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def rest(make_prepared_settings: MakeSettings) -> Iterator[Rest]:
    """The administrator of a Landform that allows nothing beside the public Internet."""
    rest = Rest(create_app(make_prepared_settings(redis_url=NOWHERE, cloud_allowed_networks="")))
    yield rest
    rest.ctx.db.close()


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with serving(FakeProvider()) as found:
        yield found


@pytest.fixture
def trap() -> Iterator[Receiver]:
    """A server inside, which nobody may be led to."""
    with receiving() as found:
        yield found


def leading_to(*addresses: str) -> Any:
    return lambda _host, _port: addresses


def client_of(provider: FakeProvider, *leads_to: str) -> IdentityProvider:
    client = Client(provider.issuer, CLIENT_ID, "", "https://landform.example/back", "openid")
    return IdentityProvider(client, (), leading_to(*leads_to or ("127.0.0.1",)))


def test_the_list_has_every_kind_of_attack() -> None:
    assert len(EVERYWHERE) > 60
    assert len({*EVERYWHERE, *INSIDE}) == len(EVERYWHERE) + len(INSIDE)


def test_no_webhook_is_made_for_any(rest: Rest) -> None:
    for url in (*EVERYWHERE, *INSIDE):
        body = {"project": "default", "name": "hook", "url": url, "events": ["operation.ended"]}
        told = problem(rest.post("/webhooks", body), 422, "validation_failed")
        assert pointers(told) == ["/url"], url


def test_no_webhook_is_sent_to_any() -> None:
    for url in (*EVERYWHERE, *INSIDE):
        answer = WebhookClient((), leading_to("8.8.8.8")).post(url, {}, b"{}")
        assert (answer.status, bool(answer.error)) == (None, True), url
    for name in NAMES:
        answer = WebhookClient((), leading_to(*name["leads_to"])).post(name["url"], {}, b"{}")
        assert "Nothing is sent" in (answer.error or ""), name


def test_no_cloud_account_is_made_for_any(rest: Rest) -> None:
    for cloud, more in (("sandbox", {"token": "t"}), ("aws", KEYS)):
        for url in (*EVERYWHERE, *INSIDE):
            credentials = {**more, "endpoint": url}
            body = {"name": "account", "cloud": cloud, "credentials": credentials}
            told = problem(rest.post("/cloud-accounts", body), 422, "validation_failed")
            assert {*pointers(told)} <= {"/credentials/endpoint", "/credentials"}, url


def test_no_cloud_account_is_used_with_any(rest: Rest) -> None:
    """Also one that is in the database already, and one whose name leads elsewhere meanwhile."""
    cloud = rest.ctx.catalog.cloud("sandbox")

    def account(endpoint: str) -> CloudAccount:
        row = CloudAccount(id="acc_1", name="account", cloud="sandbox", regions=[])
        seal_credentials(rest.ctx.keys, row, {"endpoint": endpoint, "token": "t"})
        return row

    for url in (*EVERYWHERE, *INSIDE):
        with pytest.raises(CloudAccountRefusedError):
            sign_in(rest.ctx, account(url))
    for name in NAMES:
        ctx = replace(rest.ctx, resolve=leading_to(*name["leads_to"]))
        login = sign_in(ctx, account(name["url"]))
        with pytest.raises(CloudAccountRefusedError):
            check_reach(cloud, login, "account")
        with pytest.raises(RefusedError):
            login.outbound.send("GET", name["url"], {})


def test_an_identity_provider_leads_to_none_by_what_it_says_of_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider, said = FakeProvider(), {"authorization_endpoint": PUBLIC}
    monkeypatch.setattr(provider, "describe", lambda: said)
    with serving(provider):
        said["issuer"], keys = provider.issuer, f"{provider.issuer}/keys"
        for url in (*EVERYWHERE, *INSIDE):
            said |= {"jwks_uri": url, "token_endpoint": PUBLIC}
            with pytest.raises(UnavailableError):
                client_of(provider).authorization_url(Flow.begin())
            said |= {"jwks_uri": keys, "token_endpoint": url}
            with pytest.raises(UnavailableError):
                client_of(provider).exchange(Flow.begin(), "code")
        for name in NAMES:
            said |= {"jwks_uri": keys, "token_endpoint": name["url"]}
            known = client_of(provider)
            known.authorization_url(Flow.begin())
            known.resolve = leading_to(*name["leads_to"])
            with pytest.raises(UnavailableError, match="does not allow"):
                known.exchange(Flow.begin(), "code")


def test_an_identity_provider_may_be_inside_and_its_neighbours_only_if_allowed(
    provider: FakeProvider, trap: Receiver
) -> None:
    client_of(provider).authorization_url(Flow.begin())
    neighbour = ProviderConnection(provider.issuer, LOOPBACK)
    neighbour.send("GET", f"{provider.issuer}/keys")
    with pytest.raises(UnavailableError, match="LANDFORM_OIDC_ALLOWED_NETWORKS"):
        ProviderConnection(provider.issuer).send("GET", trap.url)
    with pytest.raises(UnavailableError, match="answers with"):
        neighbour.send("GET", trap.url)


@pytest.mark.parametrize("url", EVERYWHERE)
def test_what_the_operator_chose_is_none_of_those_that_nobody_can_mean(
    make_settings: MakeSettings, url: str
) -> None:
    oidc = {"oidc_client_id": "x", "oidc_roles": "viewer@a=b", "public_url": "https://a.example"}
    bucket = {"state_s3_bucket": "b", "state_s3_region": "eu-west-1"}
    if url:  # empty means that there is none
        with pytest.raises(ConfigurationError, match="LANDFORM_OIDC_ISSUER"):
            provider_for(make_settings(oidc_issuer=url, **oidc))
        with pytest.raises(ConfigurationError, match="LANDFORM_STATE_S3_ENDPOINT"):
            open_state_bucket(make_settings(state_s3_endpoint=url, **bucket))


@pytest.mark.parametrize("url", INSIDE)
def test_what_the_operator_chose_may_be_inside(make_settings: MakeSettings, url: str) -> None:
    oidc = {"oidc_client_id": "x", "oidc_roles": "viewer@a=b", "public_url": "https://a.example"}
    assert provider_for(make_settings(oidc_issuer=url, **oidc))
    bucket = {"state_s3_bucket": "b", "state_s3_region": "eu-west-1", "state_s3_endpoint": url}
    assert open_state_bucket(make_settings(**bucket))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere_at_any_door(
    make_settings: MakeSettings, trap: Receiver, status: int
) -> None:
    with receiving() as server:
        server.statuses, server.headers = [status] * 20, {"Location": trap.url}
        assert WebhookClient(LOOPBACK).post(server.url, {}, b"{}").status == status
        assert OutboundClient(LOOPBACK).send("GET", server.url, {}).status == status
        origin = server.url.rpartition("/")[0]
        client = Client(origin, CLIENT_ID, "", "https://landform.example/back", "openid")
        with pytest.raises(UnavailableError):
            IdentityProvider(client).authorization_url(Flow.begin())
        bucket = open_state_bucket(
            make_settings(
                state_s3_bucket="b",
                state_s3_region="eu-west-1",
                state_s3_endpoint=origin,
                state_s3_access_key_id=SecretStr("a"),
                state_s3_secret_access_key=SecretStr("b"),
            )
        )
        assert bucket is not None
        with pytest.raises(StateBucketError):
            bucket.check()
    assert trap.requests == []


def test_a_name_that_changes_its_address_between_check_and_connection_gains_nothing(
    trap: Receiver,
) -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) > 1 else ["8.8.8.8"]

    port = trap.url.rpartition(":")[2].partition("/")[0]
    client = OutboundClient((), rebinding, answer_seconds=1)
    client.judge(f"http://cloud.example.com:{port}/")
    with pytest.raises(RefusedError):
        client.send("GET", f"http://cloud.example.com:{port}/", {})
    assert trap.requests == []
