"""A quiet Landform that knows the kind ``site``: what the judges of a campaign are tried on."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config.settings import REPOSITORY_ROOT
from sandbox.provider.install import install
from tests.campaign.trial import SITE
from tests.conftest import MakeSettings
from tests.landform import NOWHERE, Landform
from tests.sandbox_cloud import Cloud, Service

_numbers = itertools.count()


@pytest.fixture
def landform(
    make_prepared_settings: MakeSettings, sandbox_service: Service, tmp_path: Path
) -> Iterator[Landform]:
    """A Landform with an account of its own on the shared sandbox cloud."""
    token = sandbox_service.make_account(f"campaign-{next(_numbers)}")
    catalog = tmp_path / "catalogue"
    shutil.copytree(REPOSITORY_ROOT / "terraform", catalog)
    shutil.copytree(SITE, catalog / "blueprints" / "site")
    settings = make_prepared_settings(
        redis_url=NOWHERE, sandbox_port=sandbox_service.port, catalog_root=catalog
    )
    install(settings.sandbox_mirror)
    made = Landform(settings, Cloud(sandbox_service.endpoint, token))
    yield made
    made.close()
