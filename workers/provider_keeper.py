"""The keeper of provider processes: ``python -m workers.provider_keeper``, one on each host.

Owns the folder, the socket and the end of the process. It needs no secret of Landform: each order
brings the credentials of one cloud account, which live in the memory of that provider alone.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from app.errors import ConfigurationError
from app.logs import configure_logging, get_logger
from app.settings import Settings, keeper_socket
from app.storage.socket_folder import find_socket_folder
from app.terraform.provider_keeper import ProviderKeeper, clear_leftovers
from workers.private_folder import make_private

log = get_logger(__name__)


async def keep(settings: Settings) -> None:
    """Lend providers until SIGTERM or SIGINT."""
    listen = keeper_socket(settings.home_dir)
    folder = settings.home_dir / "providers"
    for needed in {folder, listen.parent}:
        make_private(needed, "the keeper of providers")
    clear_leftovers(folder)
    own = folder / "p-12345678"  # as long as the folder of each provider
    near = find_socket_folder(own)
    sockets = None if near == own else near
    keeper = ProviderKeeper(folder, settings.kept_providers, sockets=sockets)
    serving = asyncio.ensure_future(keeper.serve(listen))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    log.info("provider_keeper_starts", limit=settings.kept_providers)
    try:
        await serving
    except asyncio.CancelledError:
        listen.unlink(missing_ok=True)
        log.info("provider_keeper_ends")


def main() -> int:
    """Keep providers until asked to stop; return the exit code."""
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
