"""Sign in to Azure from the cloud account alone, and say whether it is good.

Plain OAuth with client credentials: a secret, or a token of another issuer in its place
(https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow). See
``docs/azure.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.clouds.json_api import JsonApi, JsonApiError, text_at
from app.clouds.login import CloudLogin

LOGIN = "https://login.microsoftonline.com"
MANAGEMENT = "https://management.azure.com"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SUBSCRIPTIONS_VERSION = "2022-12-01"

# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
FAULTS: Mapping[str, str] = {
    "AADSTS50034": "Azure knows no such client in the tenant.",
    "AADSTS700016": "Azure knows no such client in the tenant.",
    "AADSTS700213": "No federated credential of the application fits the identity token.",
    "AADSTS700024": "The identity token has expired.",
    "AADSTS7000215": "The client secret is none of the application's: give its value, not its id.",
    "AADSTS7000222": "The client secret has expired.",
    "AADSTS90002": "Azure knows no such tenant.",
}
REFUSED: Mapping[int, str] = {
    401: "Azure does not accept the token that it has just given.",
    403: "The credentials are good, but they may not read the subscription: see docs/azure.md.",
    404: "The credentials are good, but Azure shows them no such subscription: see docs/azure.md.",
}


def find_fault(login: CloudLogin, _region: str) -> str | None:
    """Return what is wrong with the credentials, in words and without any of them, or nothing."""
    api = open_api(login)
    try:
        token = fetch_token(api, login)
        answer = api.get(
            subscription_url(api, login), token, **{"api-version": SUBSCRIPTIONS_VERSION}
        )
    except JsonApiError as error:
        return str(error)
    if answer.is_good:
        return None
    return REFUSED.get(answer.status, f"Azure answers {answer.status}.")


def open_api(login: CloudLogin) -> JsonApi:
    """Return the conversation of one login."""
    return JsonApi(login.outbound, login.fields.get("endpoint"))


def subscription_url(api: JsonApi, login: CloudLogin) -> str:
    """Return the address of the account's subscription."""
    return f"{api.base(MANAGEMENT)}/subscriptions/{quote(login.fields['subscription_id'], safe='')}"


def fetch_token(api: JsonApi, login: CloudLogin) -> str:
    """Return an access token for Azure's resource manager.

    Raises:
        JsonApiError: nobody can sign in so.
    """
    fields = login.fields
    url = f"{api.base(LOGIN)}/{quote(fields['tenant_id'], safe='')}/oauth2/v2.0/token"
    asked = {
        "grant_type": "client_credentials",
        "client_id": fields["client_id"],
        "scope": f"{MANAGEMENT}/.default",
        **_proof(fields),
    }
    answer = api.post_form(url, asked)
    if not answer.is_good:
        raise JsonApiError(_fault(answer.body))
    return text_at(answer.body, "access_token")


def _proof(fields: Mapping[str, str]) -> dict[str, str]:
    if "client_secret" in fields:
        return {"client_secret": fields["client_secret"]}
    try:
        token = Path(fields["identity_token_file"]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise JsonApiError("The token file cannot be read on this host.") from error
    return {"client_assertion_type": ASSERTION, "client_assertion": token}


def _fault(body: Any) -> str:
    """Say what Azure means by a refusal, whose own words begin with a code."""
    said = body.get("error_description") if isinstance(body, dict) else None
    code = str(said).partition(":")[0]
    return FAULTS.get(code, "Azure does not accept the credentials.")
