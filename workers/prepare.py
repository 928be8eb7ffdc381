"""Prepares the home for ``make run``, in a process of its own.

What that loads (the catalog, the database, the migrations) would otherwise stay in the memory of
the supervisor as long as Landform runs. Prints what it did as one line of JSON. A host of several
says ``--without-sandbox``: the sandbox cloud belongs to the one that has all roles.
"""

from __future__ import annotations

import json
import sys

from app.config.settings import Settings
from app.errors import LandformError, UnavailableError
from app.process_secrecy import close_to_others
from app.services.installation.setup import prepare
from workers.refusal import refuse


def read_sandbox_token(settings: Settings) -> str | None:
    """Return the token that the sandbox cloud made for its default account.

    Production may run without a sandbox cloud; then there is none.

    Raises:
        UnavailableError: it is not there, so what listens on the port is not our sandbox cloud.
    """
    path = settings.home_dir / "sandbox" / "token"
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        if settings.env == "production":
            return None
        raise UnavailableError(f"The sandbox cloud left no token in {path}.") from None
    except OSError as error:
        raise UnavailableError(f"The sandbox cloud left no token in {path}.") from error


def main() -> int:
    """Prepare and return the exit status."""
    close_to_others()
    try:
        settings = Settings.from_env()
        is_alone = "--without-sandbox" not in sys.argv[1:]
        prepared = prepare(settings, read_sandbox_token(settings) if is_alone else None)
    except LandformError as error:
        return refuse(error)
    told = {"password_file": str(prepared.admin_password_file)}
    sys.stdout.write(json.dumps(told | {"password": prepared.generated_password}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
