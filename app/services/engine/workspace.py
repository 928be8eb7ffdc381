"""The run directory of an operation, filled so that Terraform can start: module, values, state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from app.catalog.catalog import BUILTIN_SOURCE, Cloud
from app.catalog.support_ends import find_support_warnings
from app.clock import utc_now
from app.config.settings import Settings
from app.domain.drift_severity import SeverityTable
from app.domain.operation_registry import facts_of
from app.domain.plan_options import PlanOptions
from app.domain.redaction import Redactor, secret_texts
from app.domain.state_checks import check_known_providers
from app.domain.state_file import StateFile
from app.logs import hide_in_logs
from app.models import Operation, Stack
from app.services.cloud_accounts.credentials import check_reach, sign_in
from app.services.context import Context
from app.services.drift.agreements import KeptAgreement, carry_over_to, read_agreement
from app.services.engine.rollback import keep_forgotten, split_adopted, state_to_go_back_to
from app.services.engine.run_inputs import files_of, wanted_of
from app.services.engine.stack_provider import StackProvider
from app.services.installation.disk_reserve import restore_work_ballast
from app.services.secrets import open_parameters, output_value
from app.services.stacks import references
from app.services.stacks.upgrade import UpgradeRequest
from app.services.state.record import load_state
from app.storage.parked_run import unpark
from app.storage.prepared_init import Installation
from app.storage.run_directory import RunDirectory
from app.storage.run_files import RunFiles
from app.storage.socket_folder import find_socket_folder
from app.storage.state_store import StateStore
from app.terraform.cli import StepHooks, Terraform
from app.terraform.confinement import confine
from app.terraform.discovery import TerraformBinary
from app.terraform.environment import (
    build_environment,
    cli_config,
    write_cli_config,
)
from app.terraform.provider_spec import ProviderSpec, socket_folders


@dataclass(frozen=True)
class Workspace:
    """A prepared run directory, and the secrets that must not show in what Terraform says.

    ``check_reach`` asks DNS whether the provider may be let loose on its endpoint; ``warnings``
    are sentences about what was asked for.
    """

    directory: RunDirectory
    environment: dict[str, str]
    secrets: tuple[str, ...]
    provider: StackProvider
    refreshes_after_apply: bool
    cloud: str
    settings: Settings
    sockets: Path
    check_reach: Callable[[], None]
    credential_files: tuple[Path, ...] = ()
    severities: SeverityTable = field(default_factory=dict)
    agreed: KeptAgreement = field(default_factory=KeptAgreement)
    warnings: tuple[str, ...] = ()
    holds_data: frozenset[str] = frozenset()

    def terraform(
        self,
        binary: TerraformBinary,
        hooks: StepHooks,
        grace_seconds: float,
        lock: int,
        reattach: str | None = None,
    ) -> Terraform:
        """Return Terraform set up for this run directory, which keeps ``lock`` open."""
        self.directory.hand_over()
        return Terraform(
            binary=binary,
            directory=self.directory.path,
            environment=self.environment,
            logs=self.directory.logs,
            grace_seconds=grace_seconds,
            hooks=hooks,
            secrets=self.secrets,
            inherited=(lock,),
            reattach=reattach,
            moving=self.provider.moving,
            confinement=confine(
                self.settings,
                self.directory.account,
                {self.directory.path, self.sockets, *socket_folders(reattach)},
                [binary.path, binary.path.resolve().parent, *self.credential_files],
            ),
            agreement=self.agreed.agreement,
        )

    def provider_spec(self) -> ProviderSpec | None:
        """Return which kept provider would serve this run; known once ``init`` has installed it."""
        kept = self.provider.kept
        return self.provider.spec(self.directory.provider_executable(kept.source)) if kept else None


def installation(ctx: Context, cloud: str, binary: TerraformBinary) -> Installation:
    """Return what ``init`` looks at beside the files of a run on this cloud."""
    mirrors = (ctx.settings.sandbox_mirror, ctx.settings.provider_mirror)
    return Installation(
        terraform=f"{binary.path} {binary.version}",
        cli_config=_cli_config(ctx, ctx.catalog.cloud(cloud)),
        mirrors=tuple(item for item in mirrors if item),
    )


def prepare(
    ctx: Context, session: Session, store: StateStore, operation: Operation
) -> tuple[Workspace, RunFiles]:
    """Fill the run directory with the module, the variables and the state of record.

    Returns:
        The workspace, and with what its directory was filled.

    Raises:
        VolumeError, StateError: the state of record cannot be trusted or read.
        ReferenceNotReadyError: a referenced stack has no outputs.
        StackReferencedError: it is to be destroyed and others still use it.
        BlueprintMissingError: the stack's version of its blueprint has left the catalogue.
        NotFoundError: the catalog no longer has the cloud.
        CloudAccountRefusedError: this host does not allow its credentials.
        AgreementUnreadableError: nobody can tell what was agreed.
    """
    stack = operation.stack
    facts = facts_of(operation.type)
    if facts.destroys:
        references.refuse_used(stack)  # one that was to go first could not be destroyed
    wanted = wanted_of(ctx, session, operation)
    back, agreed = None, read_agreement(ctx.keys, session, stack.id)
    if facts.goes_back:
        back = state_to_go_back_to(session, store, operation)
        agreed = KeptAgreement(carry_over_to(ctx, session, stack, back.present, back.data))
    state = back.data if back else load_state(session, store, operation)
    if state is not None:
        sources = ctx.catalog.cloud(stack.cloud).provider_sources.values()
        check_known_providers(state, [*sources, BUILTIN_SOURCE])
    options = PlanOptions.from_dict(operation.options)
    is_empty = bool(state) and StateFile.parse(state or b"").is_empty
    if facts.destroys and is_empty and not options.imports:
        wanted = None  # what it only reads may be gone, and that must not keep the stack
    restore_work_ballast(ctx)
    directory = ctx.runs.of(operation.id)
    if directory.exists and not operation.has_applied:
        directory.remove()  # of a plan that died or went stale; it changed nothing
    adopted, forgotten = split_adopted(back.forgotten if back else [], options)
    files = files_of(ctx, operation, wanted, state, adopted)
    directory.prepare(files)
    keep_forgotten(directory, forgotten)
    operation.generation = stack.generation
    operation.blueprint_version = wanted.blueprint.version if wanted else None
    return _open(ctx, operation, directory, wanted, agreed), files


def reopen(ctx: Context, operation: Operation) -> Workspace:
    """Return the workspace of an operation whose plan was approved.

    Raises:
        DecryptionError: it was sealed while its plan waited, and does not open.
    """
    directory = ctx.runs.of(operation.id)
    unpark(directory, ctx.keys)
    return _open(ctx, operation, directory)


def _open(
    ctx: Context,
    operation: Operation,
    directory: RunDirectory,
    wanted: UpgradeRequest | None = None,
    agreed: KeptAgreement | None = None,
) -> Workspace:
    """Return the workspace of a run directory that is filled.

    Args:
        ctx: the adapters.
        operation: the one that runs.
        directory: where it runs.
        wanted: what is planned, when it is not what the stack itself has.
        agreed: what outside changes are compared with.
    """
    stack = operation.stack
    cloud = ctx.catalog.cloud(stack.cloud)
    login = sign_in(ctx, stack.cloud_account)
    write_cli_config(directory.cli_config_path, _cli_config(ctx, cloud))
    provider = StackProvider.of(stack, cloud, login)
    sockets = find_socket_folder(directory.temporary, directory.account)
    environment = build_environment(
        directory.home,
        directory.temporary,
        directory.cli_config_path,
        provider.sign_in,
        sockets,
    )
    secrets = _secrets(ctx, stack, cloud, login.fields, wanted)
    hide_in_logs(Redactor(secrets).text)
    return Workspace(
        directory=directory,
        environment=environment,
        secrets=secrets,
        provider=provider,
        refreshes_after_apply=cloud.refreshes_after_apply,
        severities=cloud.severities,
        cloud=stack.cloud,
        settings=ctx.settings,
        sockets=sockets,
        check_reach=partial(check_reach, cloud, login, stack.cloud_account.name),
        # The folders, because a copy that is made anew is another file.
        credential_files=tuple({file.parent for file in login.files}),
        agreed=agreed or KeptAgreement(),
        warnings=_warnings(cloud, wanted),
        holds_data=cloud.holds_data,
    )


def _warnings(cloud: Cloud, wanted: UpgradeRequest | None) -> tuple[str, ...]:
    if wanted is None:
        return ()
    today = utc_now().date()
    return tuple(find_support_warnings(wanted.blueprint, cloud, wanted.parameters, today))


def _cli_config(ctx: Context, cloud: Cloud) -> str:
    settings = ctx.settings
    return cli_config(
        cloud.provider_sources.values(), settings.sandbox_mirror, settings.provider_mirror
    )


def _secrets(
    ctx: Context,
    stack: Stack,
    cloud: Cloud,
    credentials: Mapping[str, str],
    wanted: UpgradeRequest | None,
) -> tuple[str, ...]:
    """Return what must show nowhere: credentials, sensitive parameters and sensitive outputs.

    A new value of a sensitive output is known only after the apply; Terraform itself hides it in
    its events.
    """
    targets = references.targets_of(stack) | (wanted.targets if wanted else {})
    fields = [item.name for item in cloud.credential_fields.values() if item.is_secret]
    outputs = [
        output_value(ctx.keys, output)
        for holder in (stack, *targets.values())
        for output in holder.outputs
        if output.is_sensitive
    ]
    planned = wanted.blueprint.split_sensitive(wanted.parameters)[1] if wanted else {}
    sensitive = [open_parameters(ctx.keys, stack), planned, outputs]
    return (
        *(credentials[name] for name in fields if credentials.get(name)),
        *secret_texts(sensitive),
    )
