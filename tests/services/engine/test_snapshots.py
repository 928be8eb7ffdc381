"""A long apply keeps the newest states that it saves on its way, not all of them."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from app.domain.state_file import StateFile
from app.models import StateVersion
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import NOWHERE, Landform
from tests.sandbox_cloud import Cloud

SHIPPED = Path(__file__).parents[3] / "terraform"
CHAIN = Path(__file__).parents[2] / "blueprints/chain"
KEPT = 2


@pytest.fixture
def landform(make_prepared_settings: MakeSettings, tmp_path: Path) -> Iterator[Landform]:
    root = tmp_path / "terraform"
    shutil.copytree(SHIPPED, root)
    shutil.copytree(CHAIN, root / "blueprints/chain")
    settings = make_prepared_settings(redis_url=NOWHERE, catalog_root=root, log_level="ERROR")
    install(settings.sandbox_mirror)
    made = Landform(settings, Cloud("http://127.0.0.1:1999", "a token of no cloud"))
    yield made
    made.close()


@contextmanager
def watching(landform: Landform, stack_id: str) -> Iterator[list[tuple[int, ...]]]:
    """Note the serials that SQL knows of, each time that they are others; each is readable."""
    met: list[tuple[int, ...]] = []
    has_ended = threading.Event()

    def look() -> None:
        while not has_ended.is_set():
            with landform.ctx.read() as session:
                query = select(StateVersion.serial).where(StateVersion.stack_id == stack_id)
                serials = tuple(sorted(session.scalars(query)))
            if serials and (not met or met[-1] != serials):
                met.append(serials)
            time.sleep(0.05)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield met
    finally:
        has_ended.set()
        thread.join()


def test_what_was_saved_on_the_way_is_removed_as_it_goes(landform: Landform) -> None:
    stack, operation = landform.create("chain", "chain")
    with watching(landform, stack.id) as met:
        done = landform.carry_out(operation)
    assert done.status == "applied", done.error
    seen = {serial for serials in met for serial in serials}
    assert len(seen) > KEPT + 1, "several states were saved on the way"
    assert max(map(len, met)) <= KEPT
    (last,) = landform.state_versions(stack)
    store = landform.ctx.state_store(stack.id)
    assert [item.serial for item in store.versions(stack.id)] == [last.serial]
    state = StateFile.parse(store.read(stack.id, last.serial, last.sha256))
    assert len(state.resources) == 8
