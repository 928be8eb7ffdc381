"""What an author starts from loads at once, on each cloud."""

from __future__ import annotations

import pytest

from app.catalog.scaffold import write_scaffold
from app.errors import ValidationError
from tests.catalog.conftest import CatalogFolder


def test_a_new_kind_loads_as_it_is_written(folder: CatalogFolder) -> None:
    blueprints = folder.root / "blueprints"
    files = write_scaffold(blueprints, "mail-queue", "mail-queues", "Mail queue", ["sandbox"])
    assert all(file.is_file() for file in files)
    kind = folder.load().kind("mail-queue")
    assert (kind.plural, kind.title, kind.version) == ("mail-queues", "Mail queue", "1.0.0")
    assert kind.validate({"label": "a"}) == {"label": "a"}
    assert kind.clouds == ("sandbox",)


def test_a_kind_that_is_there_is_left_alone(folder: CatalogFolder) -> None:
    blueprints = folder.root / "blueprints"
    before = (blueprints / "bucket/blueprint.yaml").read_bytes()
    with pytest.raises(ValidationError, match="there already"):
        write_scaffold(blueprints, "bucket", "buckets", "Bucket", ["sandbox"])
    assert (blueprints / "bucket/blueprint.yaml").read_bytes() == before
