"""Room for saving state when a disk is full: a ballast file on the volume and in the work folder.

The one on the volume is given up by the store when a promotion finds no room. The one in the work
folder is given up here, while Terraform runs, before its own state copy finds none.
"""

from __future__ import annotations

from contextlib import suppress

from app.logs import get_logger
from app.services.context import Context
from app.storage.ballast import Ballast
from app.storage.volume_errors import VolumeError

# More than Terraform writes between two looks: its state, its backup and the event lines.
LOW_WATER_BYTES = 4 * 1024 * 1024

log = get_logger(__name__)


def keep_ballasts(ctx: Context) -> None:
    """Take the room again where there is plenty; a volume that is not there gets no file."""
    restore_work_ballast(ctx)
    if not ctx.uses_volume():
        return
    volume = ctx.volume()
    with suppress(VolumeError):  # the health of the volume is told elsewhere
        volume.check_identity()
        Ballast(volume.root, ctx.settings.ballast_bytes).restore()


def restore_work_ballast(ctx: Context) -> None:
    """Take the room in the work folder of this host again if there is plenty."""
    ctx.settings.work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    Ballast(ctx.settings.work_dir, ctx.settings.ballast_bytes).restore()


def keep_working_room(ctx: Context) -> None:
    """Give up the ballast of the work folder when a running Terraform is about to need it."""
    if Ballast(ctx.settings.work_dir).release_if_below(LOW_WATER_BYTES):
        log.error("work_folder_full", folder=str(ctx.settings.work_dir))
