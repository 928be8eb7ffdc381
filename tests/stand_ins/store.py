"""The sandbox service, which here also keeps resources of the types of other clouds.

Its accounts, faults, quotas, search by tag and HTTP interface are its own. Of a resource of another
cloud it knows no rule: it keeps the attributes as the stand-in provider sends them. The attribute
``id`` must be there and names the resource; a second one of the same type and id is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from flask import Flask

from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.resource_types.resource_type import ResourceType
from sandbox.scheduling import let_threads_finish
from sandbox.service import api as views
from sandbox.service.accounts import Accounts
from sandbox.service.database import Database
from sandbox.service.errors import NameTakenError
from sandbox.service.factory import create_app
from sandbox.service.faults import FaultSettings, check_quota, read_faults
from sandbox.service.records import Resource, count_resources, find_attributes, get_resource
from sandbox.service.resources import Resources
from sandbox.service.settings import Settings
from sandbox.service.validation import check_tags
from tests.stand_ins.identities import record_name
from tests.stand_ins.protocols import azure, google
from tests.stand_ins.schemas import NAMES, Schemas


class ForeignResources(Resources):
    """Resources of the sandbox's own types as ever, and of other types without their rules."""

    def create(
        self,
        account_id: int,
        type_name: str,
        attributes: Mapping[str, object],
        tags: Mapping[str, str],
    ) -> Resource:
        if type_name not in FOREIGN:
            return super().create(account_id, type_name, attributes, tags)
        self._faults.raise_injected_fault(account_id)
        with self._database.transaction() as connection:
            query = "SELECT token_sha256 FROM accounts WHERE id = ?"
            (account,) = connection.execute(query, (account_id,)).fetchone()
            name = record_name(account, type_name, str(attributes["id"]))
            faults = read_faults(connection, account_id)
            check_quota(faults, count_resources(connection, account_id))
            if find_attributes(connection, account_id, name) is not None:
                raise NameTakenError(f"{attributes['id']} is already there.")
            now = self._now()
            row = (name, account_id, type_name, json.dumps(dict(attributes)))
            connection.execute(
                "INSERT INTO resources (id, account_id, type, attributes, tags, created_at, "
                "available_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, json.dumps(check_tags(tags)), now, now + faults.create_delay_seconds),
            )
            return get_resource(connection, account_id, name, now)

    def update(
        self,
        account_id: int,
        resource_id: str,
        attributes: Mapping[str, object],
        tags: Mapping[str, str] | None,
    ) -> Resource:
        held = self.get(account_id, resource_id)
        if held.type not in FOREIGN:
            return super().update(account_id, resource_id, attributes, tags)
        with self._database.transaction() as connection:
            held = get_resource(connection, account_id, resource_id, self._now())
            merged: dict[str, Any] = {**held.attributes, **attributes}
            kept = held.tags if tags is None else check_tags(tags)
            connection.execute(
                "UPDATE resources SET attributes = ?, tags = ? WHERE seq = ?",
                (json.dumps(merged), json.dumps(kept), held.seq),
            )
            return get_resource(connection, account_id, resource_id, self._now())


FOREIGN = frozenset(type_ for name in NAMES for type_ in Schemas.read(name).resources)


def create_store(settings: Settings) -> Flask:
    """Return the sandbox service with room for the types of other clouds."""
    RESOURCE_TYPES.update({name: ResourceType(name, "res", name, ()) for name in FOREIGN})
    app = create_app(settings)
    database = Database(settings.database_path)
    resources = ForeignResources(database)
    accounts = Accounts(database)
    app.extensions[views.SERVICES] = views.Services(accounts, resources, FaultSettings(database))
    for protocol in (google, azure):
        app.register_blueprint(protocol.make_routes(accounts, resources))
    return app


def build() -> Flask:
    """Return the service for gunicorn."""
    os.umask(0o077)
    let_threads_finish()
    return create_store(Settings.from_env())
