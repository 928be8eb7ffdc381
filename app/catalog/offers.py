"""The limits of one cloud on the parameters of a kind: ``blueprints/<kind>/<cloud>/offered.yaml``.

A limit, such as the largest network that the cloud allows, only narrows what the blueprint allows.
Parameters are checked against it before anything is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.catalog.diagnostics import Diagnostics
from app.catalog.document_checks import check_shape, check_value
from app.catalog.json_schema import find_faults
from app.catalog.shapes import OFFERED
from app.catalog.yaml_source import read_yaml

OFFERED_FILE_NAME = "offered.yaml"

Offer = Mapping[str, Mapping[str, Any]]
"""By parameter, the schema that its value must also fit on one cloud."""


def read_offer(module: Path, properties: Mapping[str, Any], diagnostics: Diagnostics) -> Offer:
    """Read the limits of one cloud; note what is wrong.

    Args:
        module: folder of the cloud's Terraform module; it need not have the file.
        properties: the parameters of the blueprint.
        diagnostics: takes what is wrong.
    """
    file = module / OFFERED_FILE_NAME
    if not file.exists():
        return {}
    document = read_yaml(file, diagnostics)
    if document is None or not check_shape(document, OFFERED, diagnostics):
        return {}
    limits: dict[str, Mapping[str, Any]] = {}
    for name, limit in document.data.items():
        if name not in properties:
            known = ", ".join(properties) or "none"
            message = f"{name} is no parameter of the kind; they are: {known}"
            diagnostics.add(file, document.line(name), message)
            continue
        base = properties[name]
        limits[name] = {"type": base["type"], **limit}
        if "default" in base:
            check_value(document, (name,), base["default"], limits[name], diagnostics)
    return limits


def find_unoffered(offer: Offer, parameters: Mapping[str, Any]) -> dict[tuple[str | int, ...], str]:
    """Return what is wrong with each of these parameters on the cloud, by its path."""
    return {
        (name, *path): schema.get("x-message", message)
        for name, schema in offer.items()
        if parameters.get(name) is not None
        for path, message in find_faults(schema, parameters[name]).items()
    }
