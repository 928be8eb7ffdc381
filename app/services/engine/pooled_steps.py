"""Steps that change nothing, with a provider process that is kept between runs where there is one.

Owns the rule that a kept provider is never the reason of a failure: what fails with it is tried
once more with a provider of its own. An apply never comes here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from app.config.settings import pool_socket
from app.logs import get_logger
from app.services.context import Context
from app.services.engine.workspace import Workspace
from app.terraform.cli import Terraform
from app.terraform.provider_lease import ProviderLease, acquire
from app.terraform.terraform_errors import TerraformError

T = TypeVar("T")

log = get_logger(__name__)


def look(
    ctx: Context,
    space: Workspace,
    make_terraform: Callable[[str | None], Terraform],
    work: Callable[[Terraform, ProviderLease | None], T],
) -> T:
    """Return the answer of ``work``.

    Args:
        ctx: the adapters.
        space: where it runs, initialised.
        make_terraform: returns Terraform that reattaches to the given provider, if any.
        work: plans and reads, with the provider that was lent, if any; it may be called twice.

    Raises:
        TerraformError: ``work`` failed with a provider of its own.
        OperationCanceledError, OperationDeadlineError: at the first call already.
    """
    order = space.provider_spec() if ctx.settings.kept_providers else None
    if order is not None:
        with acquire(pool_socket(ctx.settings.home_dir), order) as lease:
            if lease is not None:
                try:
                    result = work(make_terraform(lease.reattach), lease)
                except TerraformError as error:
                    log.info(
                        "kept_provider_doubted", account=space.provider.account, detail=error.detail
                    )
                else:
                    lease.is_good = lease.is_configured = True
                    return result
    return work(make_terraform(None), None)
