"""Prefixed, sortable identifiers (ULID, https://github.com/ulid/spec): ``stk_01J…``."""

from __future__ import annotations

from ulid import ULID

STACK = "stk"
OPERATION = "op"
STATE_VERSION = "sv"
PROJECT = "prj"
USER = "usr"
CLOUD_ACCOUNT = "ca"
DRIFT_REPORT = "dr"
DRIFT_FINDING = "df"
DRIFT_RULE = "drl"
AUDIT_EVENT = "evt"
SESSION = "ses"
WEBHOOK = "whk"
WEBHOOK_EVENT = "msg"
DELIVERY = "dlv"
API_TOKEN = "tok"


def new_id(prefix: str) -> str:
    """Make an identifier with ``prefix``; later ones sort after earlier ones."""
    return f"{prefix}_{str(ULID()).lower()}"
