"""Secrets that a demo or a test may make for itself; production must be given its own.

Kept in ``$LANDFORM_HOME/secrets.json`` (0600), so that a second start finds the same ones.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from app.errors import ConfigurationError


@dataclass(frozen=True)
class DemoSecrets:
    """What ``LANDFORM_SECRET_KEY`` and ``LANDFORM_ENCRYPTION_KEYS`` would hold."""

    secret_key: str
    encryption_keys: str


def ensure_demo_secrets(home: Path) -> DemoSecrets:
    """Return the secrets of ``home``, making them at the first start.

    Safe when several processes start at once: the first link into place wins.

    Raises:
        ConfigurationError: the folder cannot be written, or the file is damaged.
    """
    path = home / "secrets.json"
    try:
        if not path.exists():
            _create(path)
        return DemoSecrets(**json.loads(path.read_text()))
    except OSError as error:
        raise ConfigurationError(
            f"LANDFORM_HOME: cannot use {path} ({error.strerror}); give a folder that this user "
            "may write."
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{path} is damaged; restore it, or set LANDFORM_SECRET_KEY and "
            "LANDFORM_ENCRYPTION_KEYS yourself."
        ) from error


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = DemoSecrets(
        secret_key=secrets.token_hex(32),
        encryption_keys="k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(made), file)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its secrets are the ones to use
    finally:
        draft.unlink()
