"""Hand out the bytes of a state version to who may have them."""

from __future__ import annotations

from app.domain.permissions import Right
from app.models import Stack
from app.services import audit
from app.services.access import Principal
from app.services.context import Context
from app.services.engine.state_keeping import read_version
from app.services.inventory import state_version


def download(ctx: Context, principal: Principal, stack_id: str, serial: int) -> bytes:
    """Return the verified plain bytes of a state version, and audit it.

    Raises:
        NotFoundError: there is no such stack or serial.
        PermissionDeniedError: the caller lacks ``state:read``.
        StateCorruptError: the stored bytes are not what was saved.
        VolumeError: the volume cannot be read.
    """
    with ctx.write() as session:
        version = state_version(session, principal, stack_id, serial, Right.STATE_READ)
        audit.record(
            session,
            principal,
            "state_version.download",
            "stack",
            stack_id,
            project_id=session.get_one(Stack, stack_id).project_id,
            serial=serial,
        )
        sha256 = version.sha256
    return read_version(ctx.state_store(stack_id), stack_id, serial, sha256)
