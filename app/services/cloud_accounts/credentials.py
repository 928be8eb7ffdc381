"""Credentials as they are used: judged anew each time, files read, endpoints held to their rules.

The one way from a sealed account to a provider or an adapter. What was allowed when the account was
made may not be any more, and accounts of earlier versions were never judged.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.catalog.cloud import Cloud, Holds
from app.clouds.account_errors import CloudAccountRefusedError
from app.clouds.aws_profile import ProfileError
from app.clouds.files import resolve_files
from app.clouds.gcp_key import KeyContentError
from app.clouds.login import CloudLogin
from app.config.settings import Settings
from app.domain.cloud_endpoint import EndpointRules, canonical
from app.errors import FieldProblem
from app.models import CloudAccount
from app.outbound.client import OutboundClient, OutboundError, RefusedError
from app.services.context import Context
from app.services.secrets import open_credentials
from app.storage.credential_files import CredentialFileError, CredentialFiles
from app.terraform_account import TerraformAccount

SANDBOX = "sandbox"
ANSWER_SECONDS = 10.0
TOGETHER = (
    "An endpoint may not stand beside a file or the role of the host, unless the operator of the "
    "host names it in LANDFORM_CLOUD_ENDPOINTS."
)


def find_problems(
    settings: Settings, cloud: Cloud, credentials: Mapping[str, str]
) -> tuple[FieldProblem, ...]:
    """Return what this host does not allow of credentials that are otherwise complete.

    Neither DNS nor the disk is asked: that is done at each use.
    """
    rules, files = _rules(settings, cloud), _files(settings, None)
    paths = cloud.given(credentials, Holds.FILE)
    endpoints = cloud.given(credentials, Holds.ENDPOINT)
    problems = []
    for name, path in paths.items():
        try:
            files.check(path)
        except CredentialFileError as error:
            problems.append(FieldProblem(f"/credentials/{name}", str(error)))
    is_of_host = bool(paths) or cloud.signs_in_as_host(credentials)
    for name, endpoint in endpoints.items():
        pointer = f"/credentials/{name}"
        try:
            rules.check(endpoint)
        except ValueError as error:
            problems.append(FieldProblem(pointer, str(error)))
            continue
        if is_of_host and not rules.is_vouched(endpoint):
            problems.append(FieldProblem(pointer, TOGETHER))
    return tuple(problems)


def sign_in(ctx: Context, account: CloudAccount) -> CloudLogin:
    """Return an account as it is used now.

    A file whose content Landform understands is replaced by that; of any other one, the provider
    gets a private copy, so that nothing but Landform ever opens the path.

    Raises:
        CloudAccountRefusedError: this host does not allow it; without a credential.
        DecryptionError: the credentials do not open.
    """
    cloud = ctx.catalog.cloud(account.cloud)
    credentials = open_credentials(ctx.keys, account)
    problems = find_problems(ctx.settings, cloud, credentials)
    if problems:
        raise _refusal(account, " ".join(_in_public(cloud, item) for item in problems))
    files = _files(ctx.settings, ctx.runs.account)
    try:
        contents = {
            name: files.read(path) for name, path in cloud.given(credentials, Holds.FILE).items()
        }
        fields = resolve_files(cloud.name, credentials, contents)
    except (CredentialFileError, ProfileError, KeyContentError) as error:
        raise _refusal(account, str(error)) from error
    copies = {
        name: files.copy(account.id, name, contents[name])
        for name in contents.keys() & fields.keys()
    }
    fields |= {name: str(copy) for name, copy in copies.items()}
    return CloudLogin(fields, _outbound(ctx, cloud, credentials), tuple(copies.values()))


def check_reach(cloud: Cloud, login: CloudLogin, account_name: str) -> None:
    """Ask DNS where the endpoints of an account lead, and refuse what is not allowed.

    To be called outside a transaction, before something is started that resolves by itself.

    Raises:
        CloudAccountRefusedError: one leads to an address that is not allowed.
    """
    for endpoint in cloud.given(login.fields, Holds.ENDPOINT).values():
        try:
            login.outbound.judge(endpoint)
        except RefusedError as error:
            raise CloudAccountRefusedError(
                f"Cloud account {account_name!r} is not used: its endpoint leads to an address "
                "that this host does not allow."
            ) from error
        except OutboundError:
            continue  # who cannot be found is told in the provider's own words


def forget_files(ctx: Context, account_id: str) -> None:
    """Remove what this host has copied for an account."""
    _files(ctx.settings, None).forget(account_id)


def _outbound(ctx: Context, cloud: Cloud, credentials: Mapping[str, str]) -> OutboundClient:
    rules = _rules(ctx.settings, cloud)
    endpoints = cloud.given(credentials, Holds.ENDPOINT).values()
    allowed = [network for item in endpoints for network in rules.networks_of(item)]
    return OutboundClient(tuple(allowed), ctx.resolve, ANSWER_SECONDS)


def _rules(settings: Settings, cloud: Cloud) -> EndpointRules:
    """Return the rules for endpoints of a cloud; Landform's own sandbox is always one of them."""
    own = {canonical(settings.sandbox_endpoint)} if cloud.name == SANDBOX else set()
    return EndpointRules(settings.cloud_networks, settings.vouched_endpoints | own)


def _files(settings: Settings, account: TerraformAccount | None) -> CredentialFiles:
    copies = settings.work_dir / "credential-files"
    return CredentialFiles(settings.credential_files_root, copies, account)


def _in_public(cloud: Cloud, problem: FieldProblem) -> str:
    """Return a problem as everybody may read it who sees the account: an endpoint is not shown."""
    field = cloud.credential_fields[problem.pointer.rpartition("/")[2]]
    if field.holds is Holds.ENDPOINT and problem.message != TOGETHER:
        return "The endpoint is none that this host allows."
    return problem.message


def _refusal(account: CloudAccount, why: str) -> CloudAccountRefusedError:
    return CloudAccountRefusedError(f"Cloud account {account.name!r} is not used. {why}")
