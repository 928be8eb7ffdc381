"""Sign in to Google Cloud from the cloud account alone, and say whether it is good.

Plain OAuth: a service account key signs a request for a token, a federated token is exchanged for
one (https://cloud.google.com/iam/docs/workload-identity-federation). See ``docs/gcp.md``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from app.clouds.gcp_key import KeyContentError, read_key
from app.clouds.json_api import Answer, JsonApi, JsonApiError, text_at
from app.clouds.login import CloudLogin

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "scope": SCOPE,
}
TOKEN_SECONDS = 600
STS = "https://sts.googleapis.com"
IAM_CREDENTIALS = "https://iamcredentials.googleapis.com"
PROJECTS = "https://cloudresourcemanager.googleapis.com"
REFUSED: Mapping[int, str] = {
    401: "Google Cloud does not accept the token that it has just given.",
    403: "The credentials are good, but they may not read the project: see docs/gcp.md.",
    404: "The credentials are good, but Google Cloud knows no such project.",
}


def find_fault(login: CloudLogin, _region: str) -> str | None:
    """Return what is wrong with the credentials, in words and without any of them, or nothing."""
    api = open_api(login)
    try:
        token = fetch_token(api, login)
        project = quote(login.fields["project"], safe="")
        answer = api.get(f"{api.base(PROJECTS)}/v3/projects/{project}", token)
    except JsonApiError as error:
        return str(error)
    if answer.is_good:
        return None
    return REFUSED.get(answer.status, f"Google Cloud answers {answer.status}.")


def open_api(login: CloudLogin) -> JsonApi:
    """Return the conversation of one login."""
    return JsonApi(login.outbound, login.fields.get("endpoint"))


def fetch_token(api: JsonApi, login: CloudLogin) -> str:
    """Return an access token.

    Raises:
        JsonApiError: nobody can sign in so.
    """
    if "service_account_key" in login.fields:
        return _by_key(api, login.fields)
    return _by_federation(api, login.fields)


def _by_key(api: JsonApi, fields: Mapping[str, str]) -> str:
    try:
        key = read_key(fields)
        private = RSAKey.import_key(key.private_key)
        now = int(time.time())
        claims = {"iss": key.email, "scope": SCOPE, "aud": key.token_uri, "iat": now}
        header = {"alg": "RS256", "typ": "JWT", "kid": key.key_id}
        assertion = jwt.encode(header, claims | {"exp": now + TOKEN_SECONDS}, private)
    except KeyContentError as error:
        raise JsonApiError(str(error)) from error
    except (JoseError, TypeError, ValueError) as error:
        raise JsonApiError("The service account key holds no private key of RSA.") from error
    answer = api.post_form(key.token_uri, {"grant_type": BEARER, "assertion": assertion})
    return _token(answer, "Google Cloud does not accept the service account key.")


def _by_federation(api: JsonApi, fields: Mapping[str, str]) -> str:
    try:
        file = Path(fields["identity_token_file"])
        subject = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise JsonApiError("The token file cannot be read on this host.") from error
    asked = {**EXCHANGE, "audience": fields["audience"], "subject_token": subject}
    answer = api.post_form(f"{api.base(STS)}/v1/token", asked)
    federated = _token(answer, "Google Cloud does not accept the identity token.")
    account = quote(fields["service_account"], safe="@")
    path = f"/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
    answer = api.post(f"{api.base(IAM_CREDENTIALS)}{path}", federated, {"scope": [SCOPE]})
    if not answer.is_good:
        raise JsonApiError(
            "The identity token may not act as the service account: it needs the role "
            "roles/iam.workloadIdentityUser."
        )
    return text_at(answer.body, "accessToken")


def _token(answer: Answer, refused: str) -> str:
    if not answer.is_good:
        raise JsonApiError(refused)
    return text_at(answer.body, "access_token")
