"""Fixtures for every test: a clean environment, settings in a folder of their own, a real Redis.

``--database=postgresql`` gives each test a PostgreSQL database of its own instead of SQLite.
Folders add their own ``conftest.py`` for those.
"""

from __future__ import annotations

import base64
import gc
import itertools
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from playwright.sync_api import Browser, sync_playwright
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import delete

from app.catalog.loader import load_catalog
from app.config.settings import Settings, redis_socket
from app.models import Instance
from app.services.context import PARSED_FILE, build_context
from app.services.installation.instances import INSTANCE_FILE
from app.services.installation.setup import prepare
from app.storage.kept_catalog import keep_parsed, load_kept_catalog
from tests import postgresql
from tests.computed_once import computed_once
from tests.moto_cloud import Moto
from tests.sandbox_cloud import Cloud, Service
from tests.state_bucket import StateBucket
from workers.embedded_redis import redis_command

SECRET_KEY = "a test key of thirty-two bytes or more, never used elsewhere"
ENCRYPTION_KEYS = "k1:" + base64.b64encode(bytes(range(32))).decode()
# What a developer may choose for the tests; every other setting would change their meaning.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LONG = {"campaign", "end_to_end", "engine", "workers", "test_schemathesis.py"}
KEPT_VARIABLES = {"LANDFORM_PROVIDER_MIRROR", "LANDFORM_TERRAFORM"}

MakeSettings = Callable[..., Settings]

_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """Keep the developer's Landform and Terraform variables out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("LANDFORM_", "TF_", "OTEL_")) and name not in KEPT_VARIABLES:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_catalog() -> Iterator[None]:
    """Load the project's own catalog once: it does not change while tests run.

    Catalogues that tests make themselves are loaded as always.
    """
    own: Path = Settings.model_fields["catalog_root"].get_default(call_default_factory=True)
    loaded = load_catalog(own)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "app.services.context.load_kept_catalog",
            lambda root, kept: loaded if root == own else load_kept_catalog(root, kept),
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def one_computation() -> Iterator[None]:
    """Compute addresses and SQL once, not for each app of a test."""
    with computed_once():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="which database the tests use",
    )

    parser.addoption(
        "--state-backend",
        choices=("volume", "s3"),
        default="volume",
        help="where the tests keep the state of new stacks",
    )


def pytest_configure() -> None:
    """Let no property fail for its time: an example waits when the machine is busy."""
    hypothesis.settings.register_profile("landform", deadline=None)
    hypothesis.settings.load_profile("landform")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first, or all but one worker would wait for it at the end."""
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


def pytest_collection_finish() -> None:
    """Spare the collector what lives as long as the process: it took a quarter of all CPU time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture
def make_settings(
    tmp_path: Path, database_url_of: Callable[[Path], str], state_place: dict[str, Any]
) -> MakeSettings:
    """Return a factory of complete settings with a home of their own; overrides by name."""

    def make(**overrides: Any) -> Settings:
        home = overrides.get("home", tmp_path / "home")
        values: dict[str, Any] = {
            "env": "test",
            "home": home,
            "secret_key": SecretStr(SECRET_KEY),
            "encryption_keys": SecretStr(ENCRYPTION_KEYS),
            "cookie_secure": False,
            "ballast_bytes": 0,  # hundreds of homes would fill the disk
            "cloud_allowed_networks": "127.0.0.0/8",  # where the clouds of tests are
        }
        if "database_url" not in overrides:
            values["database_url"] = database_url_of(home)
        return Settings(**(values | state_place | overrides))

    return make


@pytest.fixture
def state_place(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings that say where state is kept: none for the volume, else a bucket of its own."""
    if request.config.getoption("--state-backend") == "volume":
        return {}
    return {"state_backend": "s3", **StateBucket(request.getfixturevalue("moto")).settings}


@pytest.fixture
def state_on_volume(request: pytest.FixtureRequest) -> None:
    """Leave out a test of what only a volume can do, in a run with state on S3."""
    if request.config.getoption("--state-backend") != "volume":
        pytest.skip("this run is on S3, where nothing is on a volume")


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """Serve a stand-in for AWS for this test process."""
    server = Moto(tmp_path_factory.mktemp("moto"))
    yield server
    server.close()


@pytest.fixture
def database_url_of(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], str]]:
    """Return the database URL of a home: empty for SQLite, else of a new PostgreSQL database."""
    if request.config.getoption("--database") == "sqlite":
        yield lambda _home: ""
        return
    server: postgresql.Server = request.getfixturevalue("postgresql_server")
    made: dict[Path, str] = {}

    def find(home: Path) -> str:
        if home not in made:
            made[home] = server.create_database()
        return server.url(made[home])

    yield find
    for name in made.values():
        server.drop_database(name)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """Serve a private PostgreSQL for this test process."""
    binaries = postgresql.find_binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine: apt-get install postgresql")
    with postgresql.serve(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def sandbox_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve a sandbox cloud for this test process; each test makes an account of its own."""
    service = Service(tmp_path_factory.mktemp("sandbox"))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def cloud(sandbox_service: Service) -> Iterator[Cloud]:
    """A new account of the sandbox cloud; ``connect`` makes it that of a Landform."""
    account = f"cloud-{next(_numbers)}"
    made = Cloud(sandbox_service.endpoint, sandbox_service.make_account(account))
    yield made
    made.close()


@pytest.fixture(scope="session")
def prepared_sqlite_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after its first start on SQLite, to be copied: that start takes half a second."""
    home = tmp_path_factory.mktemp("prepared-sqlite")
    keys = {"secret_key": SecretStr(SECRET_KEY), "encryption_keys": SecretStr(ENCRYPTION_KEYS)}
    settings = Settings(env="test", home=home, ballast_bytes=0, **keys)
    prepare(settings, "a token of no cloud")
    keep_parsed(home / PARSED_FILE)  # so that the processes that tests start need not parse, too
    forget_instances(settings)
    return home


def forget_instances(settings: Settings) -> None:
    """Have copies of a home know no host that may or may not count as alive when they are made."""
    ctx = build_context(settings)
    with closing(ctx.db), ctx.write() as session:
        session.execute(delete(Instance))
    (settings.home_dir / INSTANCE_FILE).unlink()


@pytest.fixture
def make_prepared_settings(
    make_settings: MakeSettings, request: pytest.FixtureRequest
) -> MakeSettings:
    """Return ``make_settings`` whose homes look as after a first start, on SQLite at least."""

    def make(**overrides: Any) -> Settings:
        settings = make_settings(**overrides)
        if not settings.database_url:
            template: Path = request.getfixturevalue("prepared_sqlite_home")
            shutil.copytree(template, settings.home_dir)
        return settings

    return make


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    """Settings of one test, without Redis; use ``make_settings(redis_url=...)`` for one."""
    return make_settings()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a private Redis for this test process; its content is shared by its tests."""
    home = tmp_path_factory.mktemp("redis")
    url = f"unix://{redis_socket(home)}"
    with subprocess.Popen(redis_command(home)) as server:
        try:
            _wait_for_redis(url)
            yield url
        finally:
            server.terminate()


@pytest.fixture
def restored_logs() -> Iterator[None]:
    """Give the handlers of the log back to pytest after a test that configures logging."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def fresh_redis_url(redis_url: str) -> str:
    """Return the URL of the private Redis, emptied."""
    with Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


def _wait_for_redis(url: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    with Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
                return
            except RedisConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Each module ends its own, since Playwright holds the thread's event loop."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()
