"""A finding of drift."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import DriftFinding
from tests.console.fleet_examples import Fleet, Made, updated


@pytest.fixture
def finding(fleet: Fleet) -> DriftFinding:
    """A drifted attribute of a stack."""
    made: Made = fleet.stack("web")
    fleet.drift(made, "drifted", [updated("a_b.this", "size", 1, 2)])
    with fleet.ctx.read() as session:
        return session.scalars(select(DriftFinding)).one()
