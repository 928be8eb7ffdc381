"""Owns the life of resources: create, read, search, change, delete, each in one transaction.

Must not know HTTP. Reading delays are the caller's to wait for.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping

from sandbox.service.computing import compute_changed, compute_new
from sandbox.service.database import Database
from sandbox.service.faults import FaultSettings, check_quota, read_faults
from sandbox.service.records import Resource, count_resources, get_resource, search
from sandbox.service.rules import check_against_others, check_no_dependents
from sandbox.service.validation import check_change, check_tags, complete_attributes, get_type


class Resources:
    """The resources of all accounts; every method sees one account only.

    Parameters:
        now: gives the time in seconds since the epoch.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._faults = FaultSettings(database)
        self._now = now

    def create(
        self,
        account_id: int,
        type_name: str,
        attributes: Mapping[str, object],
        tags: Mapping[str, str],
    ) -> Resource:
        """Record a resource; it is `creating` until the account's create delay has passed.

        Raises:
            InvalidResourceError, NameTakenError, AddressesExhaustedError, QuotaExceededError,
            InjectedFaultError: nothing was recorded.
        """
        resource_type = get_type(type_name)
        complete = complete_attributes(resource_type, attributes)
        checked_tags = check_tags(tags)
        self._faults.raise_injected_fault(account_id)
        with self._database.transaction() as connection:
            faults = read_faults(connection, account_id)
            check_quota(faults, count_resources(connection, account_id))
            check_against_others(connection, account_id, resource_type, complete)
            complete.update(compute_new(connection, account_id, resource_type, complete))
            for attribute in resource_type.attributes:
                if attribute.write_only:
                    del complete[attribute.name]
            now = self._now()
            resource_id = _make_id(resource_type.id_prefix, now)
            connection.execute(
                "INSERT INTO resources (id, account_id, type, attributes, tags, created_at, "
                "available_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    resource_id,
                    account_id,
                    type_name,
                    json.dumps(complete),
                    json.dumps(checked_tags),
                    now,
                    now + faults.create_delay_seconds,
                ),
            )
            return get_resource(connection, account_id, resource_id, now)

    def get(self, account_id: int, resource_id: str) -> Resource:
        """Return one resource.

        Raises:
            ResourceNotFoundError: not in this account.
        """
        with self._database.reading() as connection:
            return get_resource(connection, account_id, resource_id, self._now())

    def search(
        self,
        account_id: int,
        type_name: str | None,
        tags: Iterable[tuple[str, str]],
        after_seq: int,
        limit: int,
    ) -> list[Resource]:
        """Return resources in order of creation; see `records.search` for the parameters."""
        with self._database.reading() as connection:
            return search(connection, account_id, type_name, tags, after_seq, limit, self._now())

    def update(
        self,
        account_id: int,
        resource_id: str,
        attributes: Mapping[str, object],
        tags: Mapping[str, str] | None,
    ) -> Resource:
        """Merge attributes into a resource; replace its tags as a whole unless None.

        Raises:
            ResourceNotFoundError, InvalidResourceError, ImmutableAttributeError: nothing changed.
        """
        with self._database.transaction() as connection:
            resource = get_resource(connection, account_id, resource_id, self._now())
            resource_type = get_type(resource.type)
            changed = check_change(resource_type, resource.attributes, attributes)
            changed.update(compute_changed(resource_type, resource.attributes, changed))
            merged = {name: changed.get(name, value) for name, value in resource.attributes.items()}
            connection.execute(
                "UPDATE resources SET attributes = ?, tags = ? WHERE seq = ?",
                (
                    json.dumps(merged),
                    json.dumps(resource.tags if tags is None else check_tags(tags)),
                    resource.seq,
                ),
            )
            return get_resource(connection, account_id, resource_id, self._now())

    def delete(self, account_id: int, resource_id: str, *, force: bool) -> None:
        """Delete a resource.

        Parameters:
            force: delete it although others refer to it, and leave them dangling.

        Raises:
            ResourceNotFoundError: not in this account.
            DependencyViolationError: others refer to it; nothing was deleted.
        """
        with self._database.transaction() as connection:
            resource = get_resource(connection, account_id, resource_id, self._now())
            if not force:
                check_no_dependents(connection, account_id, resource)
            connection.execute("DELETE FROM resources WHERE seq = ?", (resource.seq,))


def _make_id(prefix: str, now: float) -> str:
    """Sortable by time of creation, and unguessable enough never to collide."""
    return f"{prefix}_{int(now * 1000):011x}{secrets.token_hex(5)}"
