"""Prefixed, sortable identifiers (ULID, https://github.com/ulid/spec): ``stk_01J…``."""

from __future__ import annotations

from datetime import datetime

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
INSTANCE = "ins"
BACKUP = "bkp"
VOLUME = "vol"
POLICY_SET = "pol"
POLICY_VERSION = "pov"
POLICY_OVERRIDE = "ovr"
PRICE_SHEET = "prc"

TIME_LETTERS = 10
"""How much of an identifier says when it was made; the rest is chance."""


def new_id(prefix: str) -> str:
    """Make an identifier with ``prefix``; later ones sort after earlier ones."""
    return _text(prefix, ULID())


def id_after(prefix: str, moment: datetime, last: str | None) -> str:
    """Make an identifier of ``moment`` that sorts after ``last``, whoever made that.

    Args:
        prefix: of the identifier.
        moment: aware; by a clock that is the same for all who make them.
        last: the greatest one so far, if there is any.
    """
    made = _text(prefix, ULID.from_datetime(moment))
    if last is None or made > last:
        return made
    milliseconds = ULID.from_str(last.removeprefix(f"{prefix}_").upper()).milliseconds
    return _text(prefix, ULID.from_timestamp(milliseconds + 1))


def first_id(prefix: str, moment: datetime) -> str:
    """Return what no identifier made at ``moment`` or later comes before.

    Args:
        prefix: of the identifiers that are compared.
        moment: aware; counted to the millisecond.
    """
    milliseconds = str(ULID.from_datetime(moment))[:TIME_LETTERS]
    return f"{prefix}_{milliseconds.lower()}"


def _text(prefix: str, ulid: ULID) -> str:
    return f"{prefix}_{str(ulid).lower()}"
