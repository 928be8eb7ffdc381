"""The run directory of an operation, filled so that Terraform can start: module, values, state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import Cloud
from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.domain.redaction import Redactor, secret_texts
from app.domain.state_file import StateFile
from app.logs import hide_in_logs
from app.models import Operation, Stack
from app.services import references
from app.services.blueprint_upgrades import Wanted, open_preview
from app.services.context import Context
from app.services.engine.rollback import keep_forgotten, state_to_go_back_to
from app.services.engine.stack_provider import StackProvider
from app.services.engine.state_keeping import load_state
from app.services.headroom import restore_work_ballast
from app.services.secrets import merge_parameters, open_credentials, open_parameters, output_value
from app.settings import Settings
from app.storage.parked_run import unpark
from app.storage.prepared_init import Installation
from app.storage.run_directory import RunDirectory
from app.storage.run_files import RunFiles
from app.storage.socket_folder import find_socket_folder
from app.storage.state_store import StateStore
from app.terraform.cli import StepHooks, Terraform
from app.terraform.discovery import TerraformBinary
from app.terraform.environment import (
    build_environment,
    cli_config,
    write_cli_config,
)
from app.terraform.provider_order import ProviderOrder


@dataclass(frozen=True)
class Workspace:
    """A prepared run directory, and the secrets that must not show in what Terraform says."""

    directory: RunDirectory
    environment: dict[str, str]
    secrets: tuple[str, ...]
    provider: StackProvider
    refreshes_after_apply: bool

    def terraform(
        self,
        binary: TerraformBinary,
        hooks: StepHooks,
        grace_seconds: float,
        lock: int,
        reattach: str | None = None,
    ) -> Terraform:
        """Return Terraform set up for this run directory, which keeps ``lock`` open."""
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
        )

    def provider_order(self) -> ProviderOrder | None:
        """Return which kept provider would serve this run; known once ``init`` has installed it."""
        kept = self.provider.kept
        return (
            self.provider.order(self.directory.provider_executable(kept.source)) if kept else None
        )


def installation(settings: Settings, binary: TerraformBinary) -> Installation:
    """Return what ``init`` looks at beside the files of a run."""
    return Installation(
        terraform=f"{binary.path} {binary.version}",
        cli_config=cli_config(settings.sandbox_mirror, settings.provider_mirror),
        mirrors=tuple(item for item in (settings.sandbox_mirror, settings.provider_mirror) if item),
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
        NotFoundError: the catalogue no longer has the cloud.
    """
    stack = operation.stack
    if operation.type == OperationType.DESTROY:
        references.refuse_used(stack)  # one that was to go first could not be destroyed
    wanted = wanted_of(ctx, session, operation)
    back = None
    if operation.type == OperationType.ROLLBACK:
        back = state_to_go_back_to(session, store, operation)
    state = back.data if back else load_state(session, store, operation)
    if operation.type == OperationType.DESTROY and state and StateFile.parse(state).is_empty:
        wanted = None  # what it only reads may be gone, and that must not keep the stack
    restore_work_ballast(ctx)
    directory = ctx.runs.of(operation.id)
    if directory.exists and not operation.has_applied:
        directory.remove()  # of a plan that died or went stale; it changed nothing
    files = files_of(ctx, operation, wanted, state)
    directory.prepare(files)
    if back is not None:
        keep_forgotten(directory, back.forgotten)
    operation.generation = stack.generation
    operation.blueprint_version = wanted.blueprint.version if wanted else None
    return reopen(ctx, operation, wanted), files


def files_of(
    ctx: Context, operation: Operation, wanted: Wanted | None, state: bytes | None
) -> RunFiles:
    """Return what Terraform is to find for an operation.

    Args:
        ctx: the adapters.
        operation: the one that runs.
        wanted: what it is to make; None for a destroy that needs no module.
        state: the state of record.

    Raises:
        ReferenceNotReadyError: a referenced stack has no outputs.
    """
    stack = operation.stack
    cloud = ctx.catalog.cloud(stack.cloud)
    variables = _variables(ctx, operation, wanted) if wanted else {}
    variables |= cloud.provider_variables(open_credentials(ctx.keys, stack.cloud_account))
    return RunFiles.of(
        wanted.blueprint.module_dir(stack.cloud) if wanted else None,
        cloud.provider_hcl,
        variables,
        state,
        cloud.provider_lock,
        [(item.to, item.id) for item in PlanOptions.from_dict(operation.options).imports],
    )


def reopen(ctx: Context, operation: Operation, wanted: Wanted | None = None) -> Workspace:
    """Return the workspace of an operation whose run directory was prepared before.

    Args:
        ctx: the adapters.
        operation: the one that runs.
        wanted: what was planned, when it was not what the stack itself has.

    Raises:
        DecryptionError: it was sealed while its plan waited, and does not open.
    """
    stack, directory = operation.stack, ctx.runs.of(operation.id)
    unpark(directory, ctx.keys)
    cloud = ctx.catalog.cloud(stack.cloud)
    credentials = open_credentials(ctx.keys, stack.cloud_account)
    config, settings = directory.cli_config_path, ctx.settings
    write_cli_config(config, cli_config(settings.sandbox_mirror, settings.provider_mirror))
    provider = StackProvider.of(stack, cloud, credentials)
    sockets = find_socket_folder(directory.temporary)
    environment = build_environment(
        directory.home, directory.temporary, config, provider.sign_in, sockets
    )
    secrets = _secrets(ctx, stack, cloud, credentials, wanted)
    hide_in_logs(Redactor(secrets).text)
    return Workspace(
        directory=directory,
        environment=environment,
        secrets=secrets,
        provider=provider,
        refreshes_after_apply=cloud.refreshes_after_apply,
    )


def wanted_of(ctx: Context, session: Session, operation: Operation) -> Wanted | None:
    """Return what Terraform is to make; nothing for a destroy that needs no module.

    What Terraform destroys stands in the state, so the provider alone will do where the stack's
    version of its blueprint has left the catalogue.

    Raises:
        BlueprintMissingError: it has, and the operation is no destroy.
    """
    preview = open_preview(ctx, session, operation)
    if preview is not None:
        return preview
    stack = operation.stack
    blueprint = ctx.catalog.find(stack.kind, stack.blueprint_version)
    if blueprint is None and operation.type == OperationType.DESTROY:
        return None
    return Wanted(
        blueprint or ctx.catalog.blueprint(stack.kind, stack.blueprint_version),
        merge_parameters(ctx.keys, stack),
        references.targets_of(stack),
    )


def _variables(ctx: Context, operation: Operation, wanted: Wanted) -> dict[str, Any]:
    stack, cloud = operation.stack, ctx.catalog.cloud(operation.stack.cloud)
    looks_only = (OperationType.DRIFT_CHECK, OperationType.ACCEPT_DRIFT)
    builds_nothing = operation.type in (OperationType.DESTROY, *looks_only)
    return wanted.blueprint.variables(
        name=stack.name,
        region=cloud.region(stack.region),
        parameters=wanted.parameters,
        reference_outputs=references.outputs_of(
            ctx.keys, wanted.targets, may_be_troubled=builds_nothing
        ),
        tags={
            "landform:stack": stack.id,
            "landform:project": stack.project_id,
            "landform:operation": operation.id,
        },
        cloud=cloud,
    )


def _secrets(
    ctx: Context,
    stack: Stack,
    cloud: Cloud,
    credentials: dict[str, str],
    wanted: Wanted | None,
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
