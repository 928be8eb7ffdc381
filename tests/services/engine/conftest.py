"""The engine against a real sandbox cloud and a real Terraform."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import NOWHERE, Landform
from tests.provider_pool import serving_pool
from tests.sandbox_cloud import Cloud, Service

_numbers = itertools.count()


def numbered_account() -> str:
    """Return the name of an account that no other test has."""
    return f"engine-{next(_numbers)}"


@pytest.fixture
def landform(make_prepared_settings: MakeSettings, sandbox_service: Service) -> Iterator[Landform]:
    """A Landform with an account of its own on the shared sandbox cloud."""
    token = sandbox_service.make_account(numbered_account())
    settings = make_prepared_settings(redis_url=NOWHERE, sandbox_port=sandbox_service.port)
    install(settings.sandbox_mirror)
    made = Landform(settings, Cloud(sandbox_service.endpoint, token))
    yield made
    made.close()


@pytest.fixture
def network(landform: Landform) -> Any:
    """A ready network."""
    return landform.made("network", "net", parameters={"zones": 1})


@pytest.fixture
def pool(landform: Landform) -> Iterator[psutil.Process]:
    """The process that keeps providers for ``landform``."""
    home = landform.settings.home_dir
    (home / "providers" / "pool.sock").unlink(missing_ok=True)
    with serving_pool(home) as process:
        yield process
