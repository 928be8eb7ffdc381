"""A Landform behind its API: real SQLite, volume and catalog; Redis is away unless said."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr

from app.config.settings import Settings
from app.factory import create_app
from app.services.installation.setup import prepare
from app.services.operations.watch import OperationWatch
from app.web.context import WATCH, context_of
from tests.api.rest import Rest
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY, forget_instances
from tests.landform import NOWHERE
from tests.postgresql import Server

PASSWORD = "correct horse battery staple"

MakeApp = Callable[..., Flask]


class Databases:
    """Database URLs for the prepared home and its copies; SQLite lies in the home itself."""

    def __init__(self, server: Server | None) -> None:
        self._server = server
        self._prepared = server.create_database() if server else ""

    @property
    def prepared(self) -> str:
        return self._server.url(self._prepared) if self._server else ""

    @contextmanager
    def copied(self) -> Iterator[str]:
        """Lend a copy of the prepared database."""
        if self._server is None:
            yield ""
            return
        name = self._server.create_database(template=self._prepared)
        yield self._server.url(name)
        self._server.drop_database(name)


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    is_postgresql = request.config.getoption("--database") == "postgresql"
    return Databases(request.getfixturevalue("postgresql_server") if is_postgresql else None)


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Path:
    """A home after the first start, to be copied: migrations and hashes take half a second."""
    home = tmp_path_factory.mktemp("prepared")
    settings = Settings(
        env="test",
        home=home,
        secret_key=SecretStr(SECRET_KEY),
        encryption_keys=SecretStr(ENCRYPTION_KEYS),
        admin_password=SecretStr(PASSWORD),
        database_url=databases.prepared,
        redis_url=NOWHERE,
    )
    prepare(settings, "sandbox-token-canary")
    forget_instances(settings)
    return home


@pytest.fixture(scope="session")
def make_reader(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> Iterator[Callable[[], Rest]]:
    """Return a factory of administrators, each of a Landform that several tests share."""
    made: list[Rest] = []
    copies = ExitStack()

    def make() -> Rest:
        home = tmp_path_factory.mktemp("shared") / "home"
        shutil.copytree(prepared_home, home)
        settings = Settings(
            env="test",
            home=home,
            secret_key=SecretStr(SECRET_KEY),
            encryption_keys=SecretStr(ENCRYPTION_KEYS),
            database_url=copies.enter_context(databases.copied()),
            redis_url=NOWHERE,
            log_level="ERROR",
            confirmation_seconds=86400,
            login_rate="1000/minute",
            api_rate="100000/minute",
            cloud_allowed_networks="127.0.0.0/8",
        )
        made.append(Rest(create_app(settings)))
        return made[-1]

    yield make
    for rest in made:
        _end(rest.app)
    copies.close()


@pytest.fixture(scope="session")
def reader(make_reader: Callable[[], Rest]) -> Rest:
    """The administrator of a Landform with a network that many tests share and none changes."""
    rest = make_reader()
    rest.made("networks", "shared")
    return rest


@pytest.fixture
def make_app(
    make_settings: Callable[..., Settings],
    prepared_home: Path,
    tmp_path: Path,
    databases: Databases,
) -> Iterator[MakeApp]:
    """Return a factory of applications on one and the same home; overrides are settings."""
    shutil.copytree(prepared_home, tmp_path / "home")
    made: list[Flask] = []

    with databases.copied() as database_url:
        defaults = {
            "redis_url": NOWHERE,
            "log_level": "ERROR",
            "database_url": database_url,
            "confirmation_seconds": 86400,
        }

        def make(**overrides: Any) -> Flask:
            app = create_app(make_settings(**defaults | overrides))
            app.testing = False  # a crash must be answered as it would be in production
            made.append(app)
            return app

        yield make
        for app in made:
            _end(app)


def _end(app: Flask) -> None:
    """Let go of the database, which a stream that nobody closed may still be reading."""
    watch: OperationWatch = app.extensions[WATCH]
    watch.close()
    context_of(app).db.engine.dispose()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def rest(app: Flask) -> Rest:
    """The administrator."""
    return Rest(app)


@pytest.fixture
def network(rest: Rest) -> dict[str, Any]:
    """A network that a worker has made."""
    return rest.made("networks", "web")
