"""Hand out the bytes of a state version to who may have them."""

from __future__ import annotations

from app.domain.permissions import Act, Right
from app.models import Stack
from app.services import audit
from app.services.access import Principal, require_proof
from app.services.context import Context
from app.services.state.record import read_version
from app.services.state.versions import state_version
from app.services.work import perform


def download(ctx: Context, principal: Principal, stack_id: str, serial: int) -> bytes:
    """Return the verified plain bytes of a state version, and audit it.

    Raises:
        NotFoundError: there is no such stack or serial.
        PermissionDeniedError: the caller lacks ``state:read``.
        ConfirmationRequiredError: the session is not confirmed; a token's scope is enough.
        StateCorruptError: the stored bytes are not what was saved.
        VolumeError: the volume cannot be read.
    """
    with perform(ctx, principal) as work:
        version = state_version(work.session, principal, stack_id, serial, Right.STATE_READ)
        require_proof(principal, Act.DOWNLOAD_STATE)
        audit.record(
            work,
            "state_version.download",
            "stack",
            stack_id,
            project_id=work.session.get_one(Stack, stack_id).project_id,
            serial=serial,
        )
        sha256 = version.sha256
    return read_version(ctx.state_store(stack_id), stack_id, serial, sha256)
