"""The pool of provider processes: ``python -m workers.provider_pool``, one on each host.

Owns the folder, the socket and the end of the process. It needs no secret of Landform: each spec
brings the credentials of one cloud account, which live in the memory of that provider alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from app.config.settings import Settings, pool_socket
from app.errors import ConfigurationError
from app.logs import configure_logging, get_logger
from app.process_secrecy import close_to_others
from app.storage.socket_folder import find_socket_folder
from app.terraform.confinement import Confinement, confine
from app.terraform.provider_pool import ProviderPool, clear_leftovers
from app.terraform_account import (
    TerraformAccount,
    choose_account,
    open_home,
    open_to_account,
)
from workers.private_folder import make_private

log = get_logger(__name__)


async def keep(settings: Settings) -> None:
    """Lend providers until SIGTERM or SIGINT."""
    listen = pool_socket(settings.home_dir)
    folder = settings.home_dir / "providers"
    for needed in {folder, listen.parent}:
        make_private(needed, "the provider pool")
    account = choose_account(settings).account
    open_home(settings, account)
    open_to_account(folder, account)
    own = folder / "p-12345678"  # as long as the folder of each provider
    sockets = None if find_socket_folder(own) == own else _near_folder(folder, account)
    clear_leftovers(folder, *([sockets] if sockets else []))

    def limits(executable: Path, folders: Collection[Path]) -> Confinement:
        return confine(settings, account, folders, [executable, executable.parent])

    pool = ProviderPool(folder, settings.kept_providers, sockets=sockets, confine=limits)
    serving = asyncio.ensure_future(pool.serve(listen))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    log.info("provider_pool_starts", limit=settings.kept_providers)
    try:
        await serving
    except asyncio.CancelledError:
        listen.unlink(missing_ok=True)
        log.info("provider_pool_ends")


def _near_folder(folder: Path, account: TerraformAccount | None) -> Path:
    """Return a private folder, near the root, in which providers of this home listen."""
    digest = hashlib.sha256(bytes(folder)).hexdigest()[:8]
    near = Path(tempfile.gettempdir()) / f"landform-{os.getuid()}-{digest}"
    make_private(near, "the provider pool")
    open_to_account(near, account)
    return near


def main() -> int:
    """Keep providers until asked to stop; return the exit code."""
    close_to_others()
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)
    try:
        asyncio.run(keep(settings))
    except ConfigurationError as error:
        print(error.detail, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
