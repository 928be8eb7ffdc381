"""Sign in with an identity provider, and everything one could try against that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from flask import Flask
from joserfc.jwk import OctKey, RSAKey
from pydantic import SecretStr, ValidationError
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.config.settings import Settings
from app.errors import ConfigurationError
from app.factory import create_app
from app.identity.provider import provider_for
from app.models import AuditEvent, ProjectMember, User, UserIdentity
from app.services.context import Context
from tests.console.conftest import PASSWORD, Visitor
from tests.console.fleet_examples import Fleet
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, serving

PUBLIC = "http://localhost"
RULES = "viewer@default=everyone; operator@default=platform; administrator=landform admins"
OTHER = "another fine long phrase"

# A thread of the provider may still hold a connection of the browser when the test ends.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with serving(FakeProvider()) as found:
        yield found


@pytest.fixture
def oidc_ctx(ctx: Context, provider: FakeProvider) -> Context:
    wanted = {
        "public_url": PUBLIC,
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": SecretStr(CLIENT_SECRET),
        "oidc_title": "Our <directory>",
        "oidc_roles": RULES,
    }
    settings = ctx.settings.model_copy(update=wanted)
    return replace(ctx, settings=settings, provider=provider_for(settings))


@pytest.fixture
def oidc_app(oidc_ctx: Context) -> Flask:
    return create_app(oidc_ctx.settings, oidc_ctx)


@pytest.fixture
def person(oidc_app: Flask) -> Visitor:
    return Visitor(oidc_app.test_client())


def go(person: Visitor, wanted: str | None = None) -> str:
    """Go to the provider and sign in there; return the address to come back to."""
    path = "/sign-in/oidc" + (f"?next={quote(wanted)}" if wanted else "")
    away = person.get(path)
    assert away.status_code == 303, away.text
    back = httpx.get(away.location, trust_env=False).headers["Location"]
    assert back.startswith(f"{PUBLIC}/sign-in/oidc/callback?")
    return back.removeprefix(PUBLIC)


def sign_in(person: Visitor, wanted: str | None = None) -> TestResponse:
    return person.get(go(person, wanted))


def roles(ctx: Context, name: str) -> list[str]:
    with ctx.read() as session:
        query = select(ProjectMember.role).join(User).where(User.name == name)
        return list(session.scalars(query))


def user(ctx: Context, name: str) -> User | None:
    with ctx.read() as session:
        return session.scalar(select(User).where(User.name == name))


def is_refused(person: Visitor, answer: TestResponse, status: int = 401) -> None:
    """Check that nobody was let in, and that the form is there again with the reason."""
    assert answer.status_code == status, answer.text
    assert 'role="alert"' in answer.text
    assert person.client.get_cookie("landform_session") is None
    assert person.get("/").status_code == 303


def test_the_button_is_there_only_when_a_provider_is_configured(
    person: Visitor, outsider: Visitor
) -> None:
    assert "Sign in with Our &lt;directory&gt;" in person.text("/sign-in?next=/drift")
    assert 'href="/sign-in/oidc?next=/drift"' in person.text("/sign-in?next=/drift")
    assert "Sign in with" not in outsider.text("/sign-in")
    assert outsider.get("/sign-in/oidc").status_code == 404
    assert outsider.get("/sign-in/oidc/callback?code=a&state=b").status_code == 404


def test_somebody_new_becomes_a_user_with_the_roles_of_the_groups(
    person: Visitor, oidc_ctx: Context, provider: FakeProvider
) -> None:
    provider.groups = ["everyone", "platform", "something else"]
    assert sign_in(person, "/stacks?q=web").location == "/stacks?q=web"
    assert "Signed in as" in person.text("/")
    assert roles(oidc_ctx, "ada") == ["operator"]
    made = user(oidc_ctx, "ada")
    assert made is not None
    assert not made.is_admin
    with oidc_ctx.read() as session:
        identity = session.scalars(select(UserIdentity)).one()
        assert (identity.subject, identity.user_id) == ("subject-1", made.id)
        actions = list(session.scalars(select(AuditEvent.action)))
    assert {"user.create", "member.set", "session.start"} <= set(actions)


def test_the_request_has_pkce_state_and_nonce_and_the_code_goes_with_the_secret(
    person: Visitor, provider: FakeProvider
) -> None:
    away = person.get("/sign-in/oidc")
    asked = {name: found[0] for name, found in parse_qs(urlsplit(away.location).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid profile"
    assert asked["redirect_uri"] == f"{PUBLIC}/sign-in/oidc/callback"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    cookie = away.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/"))
    assert asked["nonce"] not in cookie
    again = parse_qs(urlsplit(person.get("/sign-in/oidc").location).query)
    assert again["state"][0] != asked["state"]
    sign_in(person)
    (form,) = provider.requests
    assert form["grant_type"] == "authorization_code"
    assert CLIENT_SECRET not in form.values()


def test_roles_follow_the_groups_at_each_sign_in(
    person: Visitor, oidc_app: Flask, oidc_ctx: Context, provider: FakeProvider
) -> None:
    sign_in(person)
    provider.groups = "everyone"  # some providers send a single group as text
    provider.name = "ada.lovelace"  # a new name at the provider is the same person here
    sign_in(Visitor(oidc_app.test_client()))
    assert roles(oidc_ctx, "ada") == ["viewer"]
    assert user(oidc_ctx, "ada.lovelace") is None
    provider.groups = ["landform admins"]
    sign_in(Visitor(oidc_app.test_client()))
    assert roles(oidc_ctx, "ada") == []
    found = user(oidc_ctx, "ada")
    assert found is not None
    assert found.is_admin
    provider.groups = ["everyone"]
    sign_in(Visitor(oidc_app.test_client()))
    found = user(oidc_ctx, "ada")
    assert found is not None
    assert not found.is_admin


def test_the_last_administrator_stays_one(
    person: Visitor, oidc_app: Flask, oidc_ctx: Context, provider: FakeProvider
) -> None:
    provider.groups = ["landform admins"]
    sign_in(person)
    with oidc_ctx.write() as session:
        session.query(User).filter_by(name="admin").update({"is_admin": False})
    provider.groups = ["everyone"]
    sign_in(Visitor(oidc_app.test_client()))
    found = user(oidc_ctx, "ada")
    assert found is not None
    assert found.is_admin


@pytest.mark.parametrize("groups", [[], ["unknown"], None, 7, {"platform": 1}, [["platform"]], ""])
def test_somebody_without_a_known_group_is_refused_and_not_made(
    person: Visitor, oidc_ctx: Context, provider: FakeProvider, groups: Any
) -> None:
    provider.groups = groups
    is_refused(person, sign_in(person), 403)
    assert user(oidc_ctx, "ada") is None
    with oidc_ctx.read() as session:
        assert session.query(AuditEvent).filter_by(action="session.refused").count() == 1


def test_who_has_left_every_group_loses_roles_and_sessions(
    person: Visitor, oidc_app: Flask, oidc_ctx: Context, provider: FakeProvider
) -> None:
    sign_in(person)
    provider.groups = []
    other = Visitor(oidc_app.test_client())
    is_refused(other, sign_in(other), 403)
    assert roles(oidc_ctx, "ada") == []
    assert person.get("/").status_code == 303


def test_a_local_user_of_the_same_name_is_never_taken_over(
    person: Visitor, oidc_ctx: Context, provider: FakeProvider
) -> None:
    provider.name = "admin"
    is_refused(person, sign_in(person), 409)
    with oidc_ctx.read() as session:
        assert session.query(UserIdentity).count() == 0


def test_a_disabled_user_stays_out(
    person: Visitor, oidc_app: Flask, oidc_ctx: Context, provider: FakeProvider
) -> None:
    sign_in(person)
    with oidc_ctx.write() as session:
        found = session.query(User).filter_by(name="ada").one()
        found.disabled_at = found.created_at
    other = Visitor(oidc_app.test_client())
    is_refused(other, sign_in(other))


def test_who_came_by_the_provider_has_no_password(person: Visitor, oidc_app: Flask) -> None:
    sign_in(person)
    other = Visitor(oidc_app.test_client())
    for password in ("", "!", PASSWORD):
        assert other.sign_in("ada", password).status_code == 401


@pytest.mark.parametrize(
    "name", [None, "", "a b", "x" * 65, "system", "<script>", "ada\x00", 7, ["ada"], "usr_1"]
)
def test_a_name_that_is_none_is_refused(person: Visitor, provider: FakeProvider, name: Any) -> None:
    provider.name = name
    is_refused(person, sign_in(person))


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "wrong issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "wrong audience": {"aud": "another-client"},
    "no audience": {"aud": None},
    "audience of two without azp": {"aud": [CLIENT_ID, "another-client"]},
    "azp of another client": {"azp": "another-client"},
    "expired": {"exp": 1_700_000_000},
    "no expiry": {"exp": None},
    "not yet good": {"nbf": 4_000_000_000},
    "issued in the future": {"iat": 4_000_000_000},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "long subject": {"sub": "x" * 256},
    "another access token": {"at_hash": "AAAA"},
}


@pytest.mark.parametrize("claims", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_a_token_that_says_the_wrong_thing_is_refused(
    person: Visitor, oidc_ctx: Context, provider: FakeProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    is_refused(person, sign_in(person))
    assert user(oidc_ctx, "ada") is None


def _unsigned(provider: FakeProvider) -> None:
    provider.alg = "none"


def _signed_with_the_secret(provider: FakeProvider) -> None:
    provider.alg, provider.signing_key = "HS256", OctKey.import_key(CLIENT_SECRET)


def _signed_with_the_public_key(provider: FakeProvider) -> None:
    public = provider.key.as_pem(private=False)
    provider.alg, provider.signing_key = "HS256", OctKey.import_key(public.hex())


def _signed_by_a_outsider(provider: FakeProvider) -> None:
    provider.signing_key = RSAKey.generate_key(2048, parameters={"kid": "first"})


def _signed_with_a_key_that_is_not_published(provider: FakeProvider) -> None:
    provider.signing_key = RSAKey.generate_key(2048, parameters={"kid": "second"})


@pytest.mark.parametrize(
    "forge",
    [
        _unsigned,
        _signed_with_the_secret,
        _signed_with_the_public_key,
        _signed_by_a_outsider,
        _signed_with_a_key_that_is_not_published,
    ],
)
def test_a_forged_token_is_refused(
    person: Visitor, provider: FakeProvider, forge: Callable[[FakeProvider], None]
) -> None:
    forge(provider)
    is_refused(person, sign_in(person))


def test_an_answer_for_another_browser_is_refused(
    person: Visitor, oidc_app: Flask, provider: FakeProvider
) -> None:
    answer = go(person)
    victim = Visitor(oidc_app.test_client())
    is_refused(victim, victim.get(answer))
    go(victim)  # has begun a sign-in of the own
    is_refused(victim, victim.get(answer))
    assert provider.requests == []


def test_a_wrong_state_is_refused_and_ends_the_attempt(
    person: Visitor, provider: FakeProvider
) -> None:
    answer = go(person)
    code = parse_qs(urlsplit(answer).query)["code"][0]
    is_refused(person, person.get(f"/sign-in/oidc/callback?code={code}&state=guessed"))
    is_refused(person, person.get(answer))
    assert provider.requests == []


def test_an_answer_is_taken_once(person: Visitor, oidc_app: Flask, provider: FakeProvider) -> None:
    answer = go(person)
    kept = person.client.get_cookie("landform_oidc")
    assert kept is not None
    assert person.get(answer).status_code == 303
    thief = Visitor(oidc_app.test_client())
    thief.client.set_cookie("landform_oidc", kept.value)
    is_refused(thief, thief.get(answer))
    assert len(provider.requests) == 2, "the provider itself refused the code"


@pytest.mark.parametrize("value", ["", "AAAA", "not base64!", "e30=", "ü"])
def test_a_forged_cookie_is_no_attempt(person: Visitor, value: str) -> None:
    answer = go(person)
    person.client.set_cookie("landform_oidc", value)
    is_refused(person, person.get(answer))


def test_what_the_provider_refuses_or_leaves_out_is_refused(
    person: Visitor, provider: FakeProvider
) -> None:
    state = parse_qs(urlsplit(go(person)).query)["state"][0]
    for rest in ("error=access_denied", "code=", "code=guessed&iss=https://evil.example"):
        state = parse_qs(urlsplit(go(person)).query)["state"][0]
        is_refused(person, person.get(f"/sign-in/oidc/callback?state={state}&{rest}"))
    assert provider.requests == []
    state = parse_qs(urlsplit(go(person)).query)["state"][0]
    is_refused(person, person.get(f"/sign-in/oidc/callback?state={state}&code=guessed"))


def test_a_provider_that_promises_to_name_itself_must(
    person: Visitor, provider: FakeProvider
) -> None:
    provider.promises_issuer = True
    is_refused(person, person.get(go(person)))
    named = f"{go(person)}&iss={quote(provider.issuer)}"
    assert person.get(named).status_code == 303
    assert "Signed in as" in person.text("/")


def test_each_way_there_and_back_counts_once_however_many_apps_were_made(
    oidc_ctx: Context,
) -> None:
    settings = oidc_ctx.settings.model_copy(update={"login_rate": "3/minute"})
    ctx = replace(oidc_ctx, settings=settings)
    for _ in range(2):
        visitor = Visitor(create_app(settings, ctx).test_client())
        for path in ("/sign-in/oidc", "/sign-in/oidc/callback?code=a&state=b"):
            told = [visitor.get(path).status_code for _ in range(4)]
            assert (told.count(429), told[-1]) == (1, 429), path


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_signing_in_never_leads_to_another_site(person: Visitor, target: str) -> None:
    assert sign_in(person, target).location == "/"


def test_a_provider_that_calls_itself_otherwise_is_not_used(
    person: Visitor, provider: FakeProvider
) -> None:
    provider.announced_issuer = "https://evil.example"
    assert person.get("/sign-in/oidc").status_code == 503


def test_a_provider_that_is_away_is_said_and_passwords_go_on(
    ctx: Context, oidc_ctx: Context
) -> None:
    settings = oidc_ctx.settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:1999"})
    away = replace(oidc_ctx, settings=settings, provider=provider_for(settings))
    person = Visitor(create_app(settings, away).test_client())
    answer = person.get("/sign-in/oidc")
    assert answer.status_code == 503
    assert "identity provider does not answer" in answer.text
    assert person.sign_in().status_code == 303


def test_new_keys_of_the_provider_are_fetched(
    person: Visitor, oidc_ctx: Context, provider: FakeProvider
) -> None:
    sign_in(person)
    provider.key = RSAKey.generate_key(2048, parameters={"kid": "second"})
    provider.published.append(provider.key)
    known = oidc_ctx.provider
    assert known is not None
    assert known._known is not None
    known._known = replace(known._known, read_at=known._known.read_at - 120)
    assert sign_in(person).status_code == 303


@pytest.mark.parametrize(
    "wanted",
    [
        {"oidc_issuer": "https://id.example"},
        {"oidc_issuer": "https://id.example", "oidc_client_id": "x", "oidc_roles": "viewer@a=b"},
        {
            "oidc_issuer": "http://id.example",
            "oidc_client_id": "x",
            "oidc_roles": "viewer@a=b",
            "public_url": "https://landform.example",
        },
        {"oidc_scopes": "profile"},
    ],
)
def test_half_a_configuration_is_refused(wanted: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(env="production", **wanted)


@pytest.mark.parametrize(
    "text", ["viewer=x", "owner@default=x", "viewer@default=", "viewer@=x", "viewer@Bad_Name=x"]
)
def test_rules_that_cannot_be_read_stop_the_start(oidc_ctx: Context, text: str) -> None:
    with pytest.raises(ConfigurationError, match="LANDFORM_OIDC_ROLES"):
        provider_for(oidc_ctx.settings.model_copy(update={"oidc_roles": text}))


def test_groups_do_not_touch_what_was_given_by_hand(
    person: Visitor, oidc_ctx: Context, provider: FakeProvider, fleet: Fleet
) -> None:
    fleet.member("vera", OTHER, "admin")
    sign_in(person)
    assert roles(oidc_ctx, "vera") == ["admin"]
