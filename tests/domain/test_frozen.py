"""Values of the rules are never changed in place: whoever holds one may rely on it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil

import app.domain
from app.domain.audit_chain import ChainCheck

# Adds up what it is shown, one event after another.
CHANGES = {ChainCheck}


def test_every_dataclass_of_the_rules_is_frozen() -> None:
    found = [
        one
        for module in pkgutil.iter_modules(app.domain.__path__, "app.domain.")
        for _, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if dataclasses.is_dataclass(one) and one.__module__ == module.name
    ]
    assert len(found) > 10
    assert {one for one in found if not one.__dataclass_params__.frozen} == CHANGES
