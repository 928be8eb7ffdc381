"""Sign in to AWS as Terraform's provider does: from the cloud account alone.

Nothing that this process or its user happens to have counts: no ``AWS_…`` variable, no ``~/.aws``,
no proxy. Owns what goes wrong while signing in, in words.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from app.clouds.aws_transport import EndpointRefusedError, carry_requests
from app.clouds.login import CloudLogin
from app.outbound.client import OutboundClient

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
# What reading a foreign answer may end in: botocore trusts its form as soon as it can be parsed.
NONSENSE = (
    ResponseParserError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
ROLE_REFUSED = "The role may not be assumed: check its trust policy and the external ID."


class AwsError(Exception):
    """AWS refused or did not answer; the text says it without any of the credentials."""


def open_client(service: str, login: CloudLogin, region: str) -> Any:
    """Return a botocore client of ``service`` that signs in as the account says.

    Requests to an endpoint that the account names are carried by ``login.outbound``.

    Args:
        service: AWS's short name, such as ``sts``.
        login: credentials of a cloud account, as ``terraform/clouds/aws.yaml`` names them.
        region: AWS's name of a region.

    Raises:
        AwsError: nobody can sign in so.
    """
    opener = _Opener(login.fields, region, login.outbound)
    return opener.open(service)


def open_trusted_client(
    service: str, credentials: Mapping[str, str], region: str, config: Config
) -> Any:
    """Return a botocore client for what the operator of the host has set up, by botocore's means.

    Args:
        service: AWS's short name, such as ``s3``.
        credentials: from the settings, under the names of an account's.
        region: AWS's name of a region.
        config: how patient the client is, and which proxies it uses.

    Raises:
        AwsError: nobody can sign in so.
    """
    return _Opener(credentials, region, None, config).open(service)


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what botocore raises, also over an answer that it cannot read, into an ``AwsError``."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "no code"))
        raise AwsError(FAULTS.get(code, f"AWS refuses it: {_printable(code)}.")) from error
    except EndpointConnectionError as error:
        raise AwsError("The endpoint does not answer.") from error
    except EndpointRefusedError as error:
        raise AwsError(
            "The endpoint may not be asked: it leads to an address that this host does not allow."
        ) from error
    # botocore raises ValueError for an endpoint that is no URL.
    except (BotoCoreError, *NONSENSE) as error:
        raise AwsError(f"AWS could not be asked: {type(error).__name__}.") from error


def _printable(text: str) -> str:
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in text[:60])


@dataclass(frozen=True)
class _Opener:
    """Opens clients for one account in one region."""

    credentials: Mapping[str, str]
    region: str
    outbound: OutboundClient | None
    config: Config | None = None

    def open(self, service: str) -> Any:
        """Sign in and return a client."""
        session = _base_session(self.credentials)
        if "web_identity_token_file" in self.credentials:
            self._use_web_identity(session)
        if "role_arn" in self.credentials:
            session = self._assume_role(session)
        with in_words():
            return self._client(session, service)

    def _use_web_identity(self, session: Session) -> None:
        try:
            file = Path(self.credentials["web_identity_token_file"])
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise AwsError("The token file cannot be read on this host.") from error
        with in_words():
            sts = self._client(session, "sts", UNSIGNED)
            answer = sts.assume_role_with_web_identity(
                RoleArn=self.credentials["web_identity_role_arn"],
                RoleSessionName=SESSION_NAME,
                WebIdentityToken=token,
            )
            _take_credentials(session, answer)

    def _assume_role(self, session: Session) -> Session:
        credentials = self.credentials
        more = {"ExternalId": credentials["external_id"]} if "external_id" in credentials else {}
        with in_words():
            sts = self._client(session, "sts")
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

    def _client(self, session: Session, service: str, config: Config | None = None) -> Any:
        endpoint = self.credentials.get("endpoint")
        client = session.create_client(
            service,
            region_name=self.region,
            endpoint_url=endpoint,
            # Given, so that no setting of this process says otherwise.
            verify=True,
            config=config or self.config or CLIENT,
        )
        if endpoint is not None and self.outbound is not None:
            carry_requests(client, self.outbound)
        return client


def _base_session(credentials: Mapping[str, str]) -> Session:
    session = Session(session_vars=VARIABLES)
    # The files that an account names were read before: see app.clouds.files.
    session.set_config_variable("config_file", os.devnull)
    session.set_config_variable("credentials_file", os.devnull)
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


def _take_credentials(session: Session, answer: Mapping[str, Any]) -> None:
    found = answer["Credentials"]
    session.set_credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
