"""Takes orphans into the run's own state where Terraform's import blocks do not serve.

A plan of a destroy leaves import blocks aside. Any other plan refuses one whose address the
configuration does not have, as when a stack became smaller after the apply that was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable

from app.domain.operation_errors import OperationCanceledError
from app.domain.plain_words import counted
from app.domain.plan_options import Import
from app.domain.state_file import StateFile
from app.services.engine.run import OperationRun
from app.terraform.cli import Terraform
from app.terraform.terraform_errors import TerraformError


def take_in_all(run: OperationRun, terraform: Terraform) -> None:
    """Import orphans, so that a destroy takes them with it.

    What cannot be imported is told, and named again by the search at the end.
    """
    for item in run.claim.options.imports:
        try:
            _import(run, terraform, item)
        except OperationCanceledError:
            raise
        except TerraformError as error:
            message = f"{item.to} ({item.id}) could not be imported: {error.detail}"
            run.recorder.note(message, level="warn", type_="import_failed")
        else:
            run.recorder.note(f"{item.to} ({item.id}) is imported to be destroyed.")


def take_in_unplaced(run: OperationRun, terraform: Terraform, plan: Callable[[], None]) -> bool:
    """Import the orphans that the configuration has no place for; the next plan deletes them.

    Args:
        run: its plan has failed.
        terraform: in its directory.
        plan: plans with the import blocks that are there.

    Returns:
        Whether there were any. If not, the directory is as it was, but for the plan.

    Raises:
        TerraformError: without import blocks it cannot be planned either, or one is not importable.
        OperationCanceledError: a person canceled it.
    """
    directory, imports = run.space.directory, run.claim.options.imports
    seconds = run.ctx.settings.plan_timeout_seconds
    directory.replace_imports(())
    plan()
    found = terraform.show_plan(directory.plan_path, seconds)
    placed = {change.address for change in found.changes if "create" in change.actions}
    # What the state has already is wanted as well, and must not be deleted under another name.
    placed |= _recorded(directory.state_bytes())
    unplaced = [item for item in imports if item.to not in placed and _is_of_root(item)]
    for item in unplaced:
        terraform.take_in_aside(item.to, item.id, seconds)
    directory.replace_imports([(item.to, item.id) for item in imports if item not in unplaced])
    if unplaced:
        names = ", ".join(f"{item.to} ({item.id})" for item in unplaced)
        run.recorder.note(
            f"The parameters of the stack have no place for {counted(len(unplaced), 'orphan')} any "
            f"more; the plan deletes: {names}.",
            level="warn",
        )
    return bool(unplaced)


def _import(run: OperationRun, terraform: Terraform, item: Import) -> None:
    """Import an orphan, also one that today's parameters of the stack have no place for."""
    seconds = run.ctx.settings.plan_timeout_seconds
    try:
        terraform.take_in(item.to, item.id, seconds)
    except OperationCanceledError:
        raise
    except TerraformError:
        if not _is_of_root(item):
            raise
        terraform.take_in_aside(item.to, item.id, seconds)


def _recorded(state: bytes | None) -> set[str]:
    return set(StateFile.parse(state).addresses()) if state else set()


def _is_of_root(item: Import) -> bool:
    """Tell whether the resource is of the root module, where it can be taken in aside."""
    return not item.to.startswith("module.")
