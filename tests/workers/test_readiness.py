"""The question whether a host does its roles, while its database is away."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from app.config.settings import Settings
from app.domain.host_roles import HostRole
from app.services.context import build_context
from app.services.installation.instances import beat_instance, begin_instance
from tests.conftest import MakeSettings
from tests.running import wait_until
from workers.readiness import RoleQuestion

SECONDS = 300.0


def be_alive(settings: Settings) -> None:
    ctx = build_context(settings)
    with closing(ctx.db):
        beat_instance(ctx)


def test_a_database_that_is_away_for_a_while_is_asked_again(
    make_prepared_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_prepared_settings(database_url="")
    ctx = build_context(settings)
    with closing(ctx.db):
        begin_instance(ctx, HostRole.WEB)
    monkeypatch.setenv("LANDFORM_ENV", "demo")
    monkeypatch.setenv("LANDFORM_HOME", str(settings.home_dir))
    database = Path(settings.home_dir / "landform.db")
    kept = database.rename(database.with_name("kept.db"))
    database.write_bytes(b"no database" * 100)
    question = RoleQuestion([HostRole.WEB], SECONDS)
    wait_until(lambda: "failed" in question.problem, "the first answer", SECONDS)
    kept.replace(database)
    be_alive(settings)

    def is_answered() -> bool:
        be_alive(settings)
        return question.problem == ""

    wait_until(is_answered, "the second answer", SECONDS)
