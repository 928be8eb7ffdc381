"""Landforms with one account each, of a cloud that is wholly here: sandbox or stand-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from app.factory import create_app
from sandbox.provider.install import install
from tests.api.rest import Rest
from tests.cloud_landform import CloudLandform
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.sandbox_cloud import Cloud
from tests.stand_ins.clouds import StandInClouds


@dataclass(frozen=True)
class Ground:
    """A Landform, and the cloud of its account as a person at a shell would see it."""

    landform: CloudLandform
    cloud: Cloud


OpenGround = Callable[[str], Ground]


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInClouds]:
    clouds = StandInClouds(tmp_path_factory.mktemp("stand-ins"))
    yield clouds
    clouds.stop()


@pytest.fixture
def open_ground(
    stand_ins: StandInClouds, make_prepared_settings: MakeSettings
) -> Iterator[OpenGround]:
    opened: list[Ground] = []

    def open_(cloud: str) -> Ground:
        held, credentials = stand_ins.open(cloud)
        settings = make_prepared_settings(redis_url=NOWHERE, provider_mirror=stand_ins.mirror)
        if cloud == "sandbox":
            install(settings.sandbox_mirror)
        rest = Rest(create_app(settings))
        opened.append(Ground(CloudLandform(rest, f"{cloud}-test", cloud, credentials), held))
        return opened[-1]

    yield open_
    for ground in opened:
        ground.landform.rest.ctx.db.close()
