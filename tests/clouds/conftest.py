"""What stands in for Google Cloud and Azure, for the adapters that ask them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stand_ins.clouds import StandInClouds


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInClouds]:
    clouds = StandInClouds(tmp_path_factory.mktemp("stand-ins"))
    yield clouds
    clouds.stop()
