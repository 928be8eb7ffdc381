"""A PostgreSQL that only answers questions, as a replica does after a failover gone wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.db import Database
from app.db_postgresql import takes_changes
from app.factory import create_app
from app.services.installation.setup import prepare
from app.web.context import context_of
from tests import postgresql
from tests.api.rest import Rest, problem
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.postgresql import OWNER, Server, following

BUCKET = {"name": "files", "cloud_account": "sandbox"}


@pytest.fixture
def replica(postgresql_server: Server) -> Iterator[Server]:
    binaries = postgresql.find_binaries()
    assert binaries is not None
    if not (binaries / "pg_basebackup").is_file():
        pytest.skip(f"{binaries} has no pg_basebackup: apt-get install postgresql")
    with following(binaries, postgresql_server) as made:
        yield made


def test_a_replica_answers_questions_and_refuses_changes_for_a_while(
    make_prepared_settings: MakeSettings, postgresql_server: Server, request: pytest.FixtureRequest
) -> None:
    name = postgresql_server.create_database()
    settings = make_prepared_settings(redis_url=NOWHERE, database_url=postgresql_server.url(name))
    prepare(settings, "a token of no cloud")
    rest = Rest(create_app(settings))
    rest.create("buckets", "before")
    assert rest.get("/readyz").get_json()["checks"]["database"]["status"] == "ok"
    replica: Server = request.getfixturevalue("replica")  # of what is there by now
    primary = rest.app
    rest.app = create_app(settings.model_copy(update={"database_url": replica.url(name)}))
    refused = rest.post("/buckets", BUCKET)
    assert problem(refused, 503, "unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert [item["name"] for item in rest.get("/stacks").get_json()["items"]] == ["before"]
    ready = rest.get("/readyz")
    assert ready.status_code == 503
    assert "takes no changes" in ready.get_json()["checks"]["database"]["detail"]
    context_of(rest.app).db.close()
    both = Database(
        f"postgresql+psycopg://{OWNER}@/{name}?host={replica.folder},{postgresql_server.folder}"
        "&target_session_attrs=read-write"
    )
    with both.read() as session:
        assert takes_changes(session), "it follows the primary"
    both.close()
    rest.app = primary
    assert rest.post("/buckets", BUCKET).status_code == 202
    context_of(rest.app).db.close()
    postgresql_server.drop_database(name)
