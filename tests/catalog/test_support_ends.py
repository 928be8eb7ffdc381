"""Versions end: who chose one is told, and no default is one that a cloud supports no more."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from app.catalog.loader import load_catalog
from app.catalog.support_ends import WARN_AHEAD, find_support_warnings
from tests.catalog.conftest import SHIPPED, CatalogFolder

TODAY = date(2026, 12, 1)
OLD = 'title: Kubernetes 1.34, supported_until: "2026-10-27"'


def warnings(today: date, **parameters: Any) -> list[str]:
    catalog = load_catalog(SHIPPED)
    kind = catalog.kind("cluster")
    return find_support_warnings(kind, catalog.cloud("aws"), parameters, today)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 12, 2) - WARN_AHEAD - timedelta(days=1), None),
        (date(2026, 12, 2) - WARN_AHEAD, "ends on 2026-12-02"),
        (date(2026, 12, 2), "ends on 2026-12-02"),
        (date(2026, 12, 3), "ended on 2026-12-02"),
    ],
)
def test_who_chose_a_version_is_told_before_its_support_ends(
    today: date, expected: str | None
) -> None:
    found = warnings(today, kubernetes_version="1.34")
    if expected is None:
        assert found == []
    else:
        [sentence] = found
        assert f"Support of Kubernetes 1.34 on Amazon Web Services {expected}." in sentence


def test_the_warning_names_what_is_supported_for_longer() -> None:
    [sentence] = warnings(TODAY, kubernetes_version="1.33")
    assert "Kubernetes 1.36" in sentence
    assert "Kubernetes 1.32" not in sentence
    last_day = date(2030, 1, 1)
    [sentence] = warnings(last_day, kubernetes_version="1.36")
    assert "longer" not in sentence, "nothing is, then"


@pytest.mark.parametrize("value", [None, 134, ["1.34"], {"a": "1.34"}, "no-such-version"])
def test_a_value_that_is_no_word_of_the_vocabulary_is_no_mistake_here(value: Any) -> None:
    found = warnings(TODAY, kubernetes_version=value)
    assert len(found) <= 1


def test_a_word_in_a_list_or_an_object_is_seen(folder: CatalogFolder) -> None:
    folder.add_parameter(
        "versions:\n"
        "  type: array\n  title: Versions\n  description: Some.\n  default: []\n"
        "  items:\n    type: object\n    properties:\n      of:\n        type: string\n"
        '        title: Of\n        description: One.\n        enum: ["1.34"]\n'
        "        x-vocabulary: kubernetes-version\n",
        {"versions": "list(object({ of = string }))"},
    )
    catalog = folder.load()
    given = {"versions": [{"of": "1.34"}, {"of": "1.34"}]}
    found = find_support_warnings(catalog.kind("bucket"), catalog.cloud("sandbox"), given, TODAY)
    assert len(found) == 2


def released_on() -> date:
    """Return the day of the newest release, as CHANGELOG.md says."""
    changes = (SHIPPED.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    return max(map(date.fromisoformat, re.findall(r"^## .* (\d{4}-\d\d-\d\d)$", changes, re.M)))


def test_a_release_has_no_default_that_ends_soon() -> None:
    soon = released_on() + WARN_AHEAD
    catalog = load_catalog(SHIPPED)
    chosen = [
        catalog.cloud(cloud).vocabulary[schema["x-vocabulary"]][str(schema["default"])]
        for kind in catalog.kinds.values()
        for cloud in kind.clouds
        for schema in kind.schema.properties.values()
        if "x-vocabulary" in schema and "default" in schema
    ]
    ends = [choice.supported_until for choice in chosen if choice.supported_until is not None]
    assert ends, "versions have a day"
    assert min(ends) >= soon


@pytest.mark.parametrize("day", ['"2026-13-01"', '"soon"', '"2026-12-1"', "20261201", "2026-12-01"])
def test_a_day_that_is_none_is_refused_with_its_line(folder: CatalogFolder, day: str) -> None:
    file = "clouds/sandbox.yaml"
    folder.replace(file, OLD, f"title: Kubernetes 1.34, supported_until: {day}")
    line = folder.line_of(file, "Kubernetes 1.34")
    assert any(f"{file}:{line}: " in said for said in folder.diagnostics())
