"""Which stacks this code has the blueprint for, while hosts of several versions work.

In an upgrade of host after host, a new host accepts what a former one cannot make yet: it leaves
that to the others. With one version everywhere nothing is left, so that what nobody can make fails
and says why.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, exists, select, true, tuple_
from sqlalchemy.orm import Session

from app.catalog.catalog import Catalog
from app.db import database_now
from app.models import Instance, Stack
from app.version import VERSION

SEEN_WITHIN = timedelta(seconds=30)
"""A host of another version that gave no sign of life for longer is not waited for."""


def is_makeable(session: Session, catalog: Catalog, version: str = VERSION) -> ColumnElement[bool]:
    """Return the condition, over ``Stack``, that this code may take up its operations.

    Args:
        session: to look for hosts of another version.
        catalog: of this code.
        version: of this code.
    """
    others = exists().where(
        Instance.version != version,
        Instance.ended_at.is_(None),
        Instance.gone_at.is_(None),
        Instance.heartbeat_at > database_now(session) - SEEN_WITHIN,
    )
    if not session.scalar(select(others)):
        return true()
    known = [(kind, number) for kind, numbers in catalog.versions.items() for number in numbers]
    return tuple_(Stack.kind, Stack.blueprint_version).in_(known)
