"""What Terraform is given for an operation: module, values, provider, imports, state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.domain.operation_registry import facts_of
from app.domain.plan_options import Import, PlanOptions
from app.models import Operation
from app.services.cloud_accounts.credentials import sign_in
from app.services.context import Context
from app.services.secrets import merge_parameters
from app.services.stacks import references
from app.services.stacks.upgrade import UpgradeRequest, open_preview
from app.storage.run_files import RunFiles


def wanted_of(ctx: Context, session: Session, operation: Operation) -> UpgradeRequest | None:
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
    if blueprint is None and facts_of(operation.type).destroys:
        return None
    return UpgradeRequest(
        blueprint or ctx.catalog.blueprint(stack.kind, stack.blueprint_version),
        merge_parameters(ctx.keys, stack),
        references.targets_of(stack),
    )


def files_of(
    ctx: Context,
    operation: Operation,
    wanted: UpgradeRequest | None,
    state: bytes | None,
    adopted: Sequence[Import] = (),
) -> RunFiles:
    """Return what Terraform is to find for an operation.

    Args:
        ctx: the adapters.
        operation: the one that runs.
        wanted: what it is to make; None for a destroy that needs no module.
        state: the state of record.
        adopted: what is imported beside what was asked for.

    Raises:
        ReferenceNotReadyError: a referenced stack has no outputs.
    """
    stack = operation.stack
    cloud = ctx.catalog.cloud(stack.cloud)
    # Terraform plans no import beside a destroy; the engine imports before it.
    is_destroy = facts_of(operation.type).destroys
    imports = () if is_destroy else PlanOptions.from_dict(operation.options).imports
    variables = _variables(ctx, operation, wanted) if wanted else {}
    variables |= cloud.provider_variables(sign_in(ctx, stack.cloud_account).fields)
    return RunFiles.of(
        wanted.blueprint.module_dir(stack.cloud) if wanted else None,
        cloud.provider_hcl,
        variables,
        cloud.provider_lock,
        state,
        [(item.to, item.id) for item in (*imports, *adopted)],
    )


def _variables(ctx: Context, operation: Operation, wanted: UpgradeRequest) -> dict[str, Any]:
    stack, cloud = operation.stack, ctx.catalog.cloud(operation.stack.cloud)
    return wanted.blueprint.variables(
        name=stack.name,
        region=cloud.region(stack.region),
        parameters=wanted.parameters,
        reference_outputs=references.outputs_of(
            ctx.keys,
            wanted.targets,
            may_be_troubled=not facts_of(operation.type).needs_references,
        ),
        tags=cloud.tags.named(
            {
                "landform:stack": stack.id,
                "landform:project": stack.project_id,
                "landform:operation": operation.id,
            }
        ),
        cloud=cloud,
    )
