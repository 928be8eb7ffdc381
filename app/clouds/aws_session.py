"""Sign in to AWS as Terraform's provider does: from the cloud account alone.

Nothing that this process or its user happens to have counts: no ``AWS_…`` variable, no ``~/.aws``,
no proxy. Owns what goes wrong while signing in, in words.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.session import Session

SESSION_NAME = "landform"
# Ways to sign in that botocore would try from the environment of this process.
AMBIENT = ("env", "container-role", "ec2-credentials-file", "boto-config")
HOST_ROLE = "iam-role"
VARIABLES = {
    name: (config, None, default, conversion)
    for name, (config, _, default, conversion) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
}
CLIENT = Config(
    connect_timeout=5,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    proxies={},
)
UNSIGNED = Config(signature_version="unsigned").merge(CLIENT)
MAY_NOT = "The credentials are good, but they may not do this: see docs/aws.md."
FAULTS: Mapping[str, str] = {
    "AccessDenied": MAY_NOT,
    "AccessDeniedException": MAY_NOT,
    "ExpiredToken": "The session token has expired.",
    "ExpiredTokenException": "The web identity token has expired.",
    "InvalidClientTokenId": "AWS does not know the access key ID or the session token.",
    "InvalidIdentityToken": "AWS does not accept the web identity token.",
    "UnauthorizedOperation": MAY_NOT,
    "SignatureDoesNotMatch": "The secret access key does not belong to the access key ID.",
    "UnrecognizedClientException": "AWS does not know the access key ID or the session token.",
}
ROLE_REFUSED = "The role may not be assumed: check its trust policy and the external ID."


class AwsError(Exception):
    """AWS refused or did not answer; the text says it without any of the credentials."""


def open_client(
    service: str, credentials: Mapping[str, str], region: str, config: Config = CLIENT
) -> Any:
    """Return a botocore client of ``service`` that signs in as the account says.

    Args:
        service: AWS's short name, such as ``sts``.
        credentials: of a cloud account, as ``terraform/clouds/aws.yaml`` names them.
        region: AWS's name of a region.
        config: how patient the client is, and which proxies it uses.

    Raises:
        AwsError: nobody can sign in so.
    """
    session = _base_session(credentials)
    if "web_identity_token_file" in credentials:
        _use_web_identity(session, credentials, region)
    if "role_arn" in credentials:
        session = _assume_role(session, credentials, region)
    with in_words():
        return _client(session, service, credentials, region, config)


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what botocore raises into an ``AwsError``."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "no code"))
        raise AwsError(FAULTS.get(code, f"AWS refuses it: {code[:60]}.")) from error
    except EndpointConnectionError as error:
        raise AwsError("The endpoint does not answer.") from error
    # botocore raises ValueError for an endpoint that is no URL.
    except (BotoCoreError, ValueError) as error:
        raise AwsError(f"AWS could not be asked: {type(error).__name__}.") from error


def _base_session(credentials: Mapping[str, str]) -> Session:
    session = Session(session_vars=VARIABLES)
    session.set_config_variable("config_file", credentials.get("config_file", os.devnull))
    session.set_config_variable("credentials_file", credentials.get("credentials_file", os.devnull))
    if "profile" in credentials:
        session.set_config_variable("profile", credentials["profile"])
    if "access_key_id" in credentials:
        session.set_credentials(
            credentials["access_key_id"],
            credentials["secret_access_key"],
            credentials.get("session_token"),
        )
        return session
    with in_words():
        chain = session.get_component("credential_provider")
    for name in (*AMBIENT, *(() if "role_arn" in credentials else (HOST_ROLE,))):
        chain.remove(name)
    return session


def _use_web_identity(session: Session, credentials: Mapping[str, str], region: str) -> None:
    try:
        token = Path(credentials["web_identity_token_file"]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise AwsError("The token file cannot be read on this host.") from error
    with in_words():
        sts = _client(session, "sts", credentials, region, UNSIGNED)
        answer = sts.assume_role_with_web_identity(
            RoleArn=credentials["web_identity_role_arn"],
            RoleSessionName=SESSION_NAME,
            WebIdentityToken=token,
        )
    _take_credentials(session, answer)


def _assume_role(session: Session, credentials: Mapping[str, str], region: str) -> Session:
    more = {"ExternalId": credentials["external_id"]} if "external_id" in credentials else {}
    with in_words():
        sts = _client(session, "sts", credentials, region)
        try:
            answer = sts.assume_role(
                RoleArn=credentials["role_arn"], RoleSessionName=SESSION_NAME, **more
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "AccessDenied":
                raise AwsError(ROLE_REFUSED) from error
            raise
    assumed = _base_session({})
    _take_credentials(assumed, answer)
    return assumed


def _take_credentials(session: Session, answer: Mapping[str, Any]) -> None:
    found = answer["Credentials"]
    session.set_credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def _client(
    session: Session,
    service: str,
    credentials: Mapping[str, str],
    region: str,
    config: Config = CLIENT,
) -> Any:
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=credentials.get("endpoint"),
        # Given, so that no setting of this process says otherwise.
        verify=True,
        config=config,
    )
