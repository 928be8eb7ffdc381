"""The run directory of an operation, filled so that Terraform can start: module, values, state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.catalog.catalog import Cloud
from app.catalog.cloud import KeptProvider
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
from app.services.engine.state_keeping import load_state
from app.services.headroom import restore_work_ballast
from app.services.secrets import merge_parameters, open_credentials, open_parameters, output_value
from app.storage.parked_run import unpark
from app.storage.run_directory import RunDirectory
from app.storage.socket_folder import find_socket_folder
from app.storage.state_store import StateStore
from app.terraform.cli import StepHooks, Terraform
from app.terraform.discovery import TerraformBinary
from app.terraform.environment import (
    build_environment,
    build_provider_environment,
    write_cli_config,
)
from app.terraform.provider_order import ProviderOrder


@dataclass(frozen=True)
class Workspace:
    """A prepared run directory, and the secrets that must not show in what Terraform says."""

    directory: RunDirectory
    environment: dict[str, str]
    secrets: tuple[str, ...]
    account: str
    kept_provider: KeptProvider | None
    refreshes_after_apply: bool
    moving: Mapping[str, Collection[str]]
    configuration: str
    """Names what Terraform configures the provider with; equal for stacks that may share one."""
    credentials: dict[str, str] = field(repr=False)
    """Variables that sign the provider in."""

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
            moving=self.moving,
        )

    def provider_order(self) -> ProviderOrder | None:
        """Return which kept provider would serve this run; known once ``init`` has installed it."""
        kept = self.kept_provider
        executable = self.directory.provider_executable(kept.source) if kept else None
        if kept is None or executable is None:
            return None
        environment = build_provider_environment(self.credentials)
        return ProviderOrder(
            account=self.account,
            executable=str(executable),
            arguments=kept.arguments,
            configuration=self.configuration,
            environment=environment,
        )


def prepare(ctx: Context, session: Session, store: StateStore, operation: Operation) -> Workspace:
    """Fill the run directory with the module, the variables and the state of record.

    Raises:
        VolumeError, StateError: the state of record cannot be trusted or read.
        ReferenceNotReadyError: a referenced stack has no outputs.
        StackReferencedError: it is to be destroyed and others still use it.
        BlueprintMissingError: the stack's version of its blueprint has left the catalogue.
        NotFoundError: the catalogue no longer has the cloud.
    """
    stack = operation.stack
    cloud = ctx.catalog.cloud(stack.cloud)
    if operation.type == OperationType.DESTROY:
        references.refuse_used(stack)  # one that was to go first could not be destroyed
    wanted = _wanted(ctx, session, operation)
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
    module = wanted.blueprint.module_dir(stack.cloud) if wanted else None
    variables = _variables(ctx, operation, wanted) if wanted else {}
    credentials = open_credentials(ctx.keys, stack.cloud_account)
    variables |= cloud.provider_variables(credentials)
    directory.prepare(module, cloud.provider_hcl, variables, state, cloud.provider_lock)
    imports = PlanOptions.from_dict(operation.options).imports
    if imports:
        directory.add_imports([(item.to, item.id) for item in imports])
    if back is not None:
        keep_forgotten(directory, back.forgotten)
    operation.generation = stack.generation
    operation.blueprint_version = wanted.blueprint.version if wanted else None
    return reopen(ctx, operation, wanted)


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
    cli_config = directory.cli_config_path
    write_cli_config(cli_config, ctx.settings.sandbox_mirror, ctx.settings.provider_mirror)
    sign_in = cloud.environment(credentials, cloud.region(stack.region))
    sockets = find_socket_folder(directory.temporary)
    environment = build_environment(
        directory.home, directory.temporary, cli_config, sign_in, sockets
    )
    secrets = _secrets(ctx, stack, cloud, credentials, wanted)
    hide_in_logs(Redactor(secrets).text)
    return Workspace(
        directory=directory,
        environment=environment,
        secrets=secrets,
        account=stack.cloud_account_id,
        kept_provider=cloud.kept_provider,
        refreshes_after_apply=cloud.refreshes_after_apply,
        moving=cloud.moving,
        configuration=cloud.provider_configuration(credentials, cloud.region(stack.region)),
        credentials=sign_in,
    )


def _wanted(ctx: Context, session: Session, operation: Operation) -> Wanted | None:
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
