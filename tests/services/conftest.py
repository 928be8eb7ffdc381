"""The use cases without a cloud and without Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from tests.conftest import MakeSettings
from tests.landform import NOWHERE


@pytest.fixture
def ctx(make_prepared_settings: MakeSettings) -> Iterator[Context]:
    """The context of a prepared Landform whose Redis is away."""
    settings = make_prepared_settings(redis_url=NOWHERE)
    prepare(settings, "a token of no cloud")
    ctx = build_context(settings)
    yield ctx
    ctx.db.close()
