"""A saved plan as typed objects, read from ``show -json`` and safe to store and show.

Owns what a plan means: which resources change and how, what changed outside Terraform, and the
counts. Sensitive values are masked at the door; the raw document must not be kept by a caller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app import exact_json
from app.domain.agreement import NOTHING, Agreement, Transition
from app.domain.plan_summary import PlanSummary
from app.domain.redaction import Redactor, secret_texts
from app.domain.state_file import StateFile
from app.terraform.destroy_drift import with_destroy_drift
from app.terraform.difference import (
    AttributeChange,
    Shadows,
    is_noise,
    list_differences,
    mask,
)
from app.terraform.masking import marked_texts
from app.terraform.plan_agreement import compare_with_agreed
from app.terraform.planned_owners import PlannedResource, read_planned_resources
from app.terraform.resource_change import NOOP, DriftedResource, ResourceChange
from app.terraform.terraform_errors import TerraformError

FORMAT_MAJOR = "1"
RESOURCE_LISTS = ("resource_changes", "resource_drift")
NOTHING_MOVES: Mapping[str, Collection[str]] = {}


@dataclass(frozen=True)
class OutputChange:
    """What happens to one root output; a sensitive value is masked."""

    name: str
    actions: tuple[str, ...]
    before: Any
    after: Any
    is_sensitive: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "actions": list(self.actions),
            "before": self.before,
            "after": self.after,
            "sensitive": self.is_sensitive,
        }


@dataclass(frozen=True)
class Plan:
    """A saved plan. ``drift`` is what changed outside, ``changes`` what the plan would do.

    ``existing`` has what is there and whose tags it carries.
    ``refreshed`` is what is otherwise than recorded, whether agreed or not. ``restored`` are the
    addresses of which the plan makes what was agreed. ``transition`` holds secrets.
    """

    terraform_version: str
    changes: tuple[ResourceChange, ...]
    drift: tuple[DriftedResource, ...]
    outputs: tuple[OutputChange, ...]
    is_errored: bool
    is_applyable: bool
    existing: tuple[PlannedResource, ...] = ()
    refreshed: tuple[DriftedResource, ...] = ()
    restored: frozenset[str] = frozenset()
    transition: Transition = field(default_factory=Transition, repr=False)
    settled: Agreement | None = field(default=None, repr=False)

    @classmethod
    def still(cls) -> Plan:
        """Return the plan of a stack that is as recorded and as configured."""
        return cls("", (), (), (), is_errored=False, is_applyable=False)

    @classmethod
    def parse(
        cls,
        data: bytes,
        secrets: Collection[str] = (),
        moving: Mapping[str, Collection[str]] = NOTHING_MOVES,
        agreement: Agreement = NOTHING,
        destroys: StateFile | None = None,
    ) -> Plan:
        """Read the output of ``show -json PLAN``.

        Args:
            data: the document.
            secrets: further values to mask wherever they occur, beside those marked sensitive.
            moving: attributes that the cloud changes by itself, by type of resource; a change of
                nothing else is no drift.
            agreement: what was agreed, over the state that the plan was made from.
            destroys: of a destroy, that state.

        Raises:
            TerraformError: not a plan, or of a format that Landform does not read.
        """
        document = _load(data)
        try:
            if destroys is not None:
                document = with_destroy_drift(document, destroys)
            found = compare_with_agreed(document, agreement, moving)
            agreed = {**document, "resource_drift": found.drift}
            texts = {*_sensitive_texts(document), *_sensitive_texts(agreed)}
            hidden = Redactor({*texts, *secrets})
            changes = tuple(
                _read_change(item, hidden) for item in document.get("resource_changes") or ()
            )
            outputs = tuple(
                _read_output(name, item, hidden)
                for name, item in (document.get("output_changes") or {}).items()
            )
            existing = read_planned_resources(document)
            drift = tuple(_read_drift(found.drift, hidden, moving))
            items = document.get("resource_drift") or ()
            refreshed = tuple(_read_drift(items, hidden, moving))
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise TerraformError("The plan's JSON is not shaped like a Terraform plan.") from error
        has_changes = any(not (item.is_noop or item.is_read) for item in changes)
        return cls(
            terraform_version=str(document.get("terraform_version", "")),
            changes=changes,
            drift=drift,
            outputs=outputs,
            is_errored=bool(document.get("errored", False)),
            is_applyable=bool(document.get("applyable", has_changes)),
            existing=existing,
            refreshed=refreshed,
            restored=found.restored,
            transition=found.transition,
            settled=found.settled,
        )

    @property
    def wanted(self) -> Plan:
        """The plan without what only makes again what was agreed, and the outputs that follow it.

        Which output depends on what is not said; where nothing else changes a resource, all do.
        """
        left = tuple(item for item in self.changes if item.address not in self.restored)
        is_more = any(not (item.is_noop or item.is_read) for item in left)
        outputs = self.outputs if is_more or not self.restored else ()
        return replace(self, changes=left, outputs=outputs)

    @property
    def summary(self) -> PlanSummary:
        """Counts of what the plan would do to managed resources."""
        managed = [item for item in self.changes if item.mode == "managed"]
        return PlanSummary(
            add=sum(item.is_create for item in managed),
            change=sum(item.is_update for item in managed),
            destroy=sum(item.is_delete for item in managed),
            replace=sum(item.is_replace for item in managed),
            import_=sum(item.is_import for item in managed),
            move=sum(item.is_move for item in managed),
            forget=sum(item.is_forget for item in managed),
        )

    @property
    def has_gone(self) -> bool:
        """Whether the state lists something that does not exist any more."""
        return any(item.change == "deleted" for item in self.refreshed)

    def made_anew(self, types: Collection[str]) -> tuple[str, ...]:
        """Return the addresses of what is gone and would be made anew, of these types."""
        gone = {
            item.resource.address
            for item in (*self.drift, *self.refreshed)
            if item.change == "deleted" and item.resource.type in types
        }
        return tuple(
            item.address for item in self.changes if item.is_create and item.address in gone
        )

    @property
    def only_records(self) -> bool:
        """Whether applying it changes the record and nothing else.

        Something is otherwise than recorded, and all that is there is as configured.
        """
        is_as_configured = all(item.is_noop or item.is_read for item in self.changes)
        return bool(self.refreshed) and not self.has_gone and is_as_configured

    @property
    def has_changes(self) -> bool:
        """Whether the plan would change a resource, its record or an output.

        Terraform calls a plan applyable also when it does no more than read what a ``check`` block
        asks for, which it does at every plan.
        """
        is_changed = any(not (item.is_noop or item.is_read) for item in self.changes)
        return is_changed or self.changed_outputs > 0

    @property
    def changed_outputs(self) -> int:
        """How many outputs the plan would change."""
        return sum(item.actions != NOOP for item in self.outputs)

    def sentence(self) -> str:
        """Say in one sentence what the plan would do."""
        return self.summary.sentence(self.changed_outputs)

    def to_dict(self) -> dict[str, Any]:
        """Return plain, masked values for JSON; what does not change is left out."""
        return {
            "terraform_version": self.terraform_version,
            "summary": self.summary.to_dict(),
            "changes": [item.to_dict() for item in self.changes if not item.is_noop],
            "drift": [item.to_dict() for item in self.drift],
            "outputs": [item.to_dict() for item in self.outputs if item.actions != NOOP],
            "errored": self.is_errored,
            "applyable": self.is_applyable,
        }


def _load(data: bytes) -> dict[str, Any]:
    try:
        document = exact_json.loads(data)
    except (ValueError, RecursionError) as error:
        raise TerraformError("The plan could not be read: its JSON is torn.") from error
    version = document.get("format_version") if isinstance(document, dict) else None
    if not isinstance(version, str) or version.split(".")[0] != FORMAT_MAJOR:
        raise TerraformError(
            f"The plan has format version {version!r}; Landform reads version {FORMAT_MAJOR}.x."
        )
    return dict(document)


def _read_change(
    item: Mapping[str, Any], hidden: Redactor, *, by_element: bool = False
) -> ResourceChange:
    change = item["change"]
    shadows = Shadows(
        change.get("before_sensitive", False),
        change.get("after_sensitive", False),
        change.get("after_unknown", False),
    )
    before, after = change.get("before"), change.get("after")
    replace_paths = tuple(tuple(path) for path in change.get("replace_paths") or ())
    return ResourceChange(
        address=item["address"],
        previous_address=item.get("previous_address"),
        mode=item["mode"],
        type=item["type"],
        name=item["name"],
        module=item.get("module_address", ""),
        index=item.get("index"),
        provider=item.get("provider_name", ""),
        deposed_key=item.get("deposed"),
        actions=tuple(change["actions"]) or NOOP,
        action_reason=item.get("action_reason"),
        before=hidden.blank(mask(before, shadows.before_sensitive)),
        after=hidden.blank(mask(after, shadows.after_sensitive, shadows.unknown)),
        attributes=tuple(
            _scrub_change(change, hidden)
            for change in list_differences(
                before, after, shadows, replace_paths, by_element=by_element
            )
        ),
        replace_paths=replace_paths,
        imported_id=(change.get("importing") or {}).get("id"),
    )


def _scrub_change(change: AttributeChange, hidden: Redactor) -> AttributeChange:
    before, after = hidden.blank(change.before), hidden.blank(change.after)
    # The key of a map can be a copy of a secret as well.
    path = tuple(hidden.blank(list(change.path)))
    is_hidden = (path, before, after) != (change.path, change.before, change.after)
    return replace(
        change,
        path=path,
        before=before,
        after=after,
        is_sensitive=change.is_sensitive or is_hidden,
    )


def _sensitive_texts(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text that the plan marks as sensitive somewhere, variables included."""
    declared = document.get("configuration", {}).get("root_module", {}).get("variables", {})
    for name, variable in (document.get("variables") or {}).items():
        if declared.get(name, {}).get("sensitive"):
            yield from secret_texts(variable.get("value"))
    changes = [item["change"] for key in RESOURCE_LISTS for item in document.get(key) or ()]
    for change in [*changes, *(document.get("output_changes") or {}).values()]:
        yield from marked_texts(change.get("before"), change.get("before_sensitive"))
        yield from marked_texts(change.get("after"), change.get("after_sensitive"))


def _read_drift(
    items: Any, hidden: Redactor, moving: Mapping[str, Collection[str]]
) -> list[DriftedResource]:
    """Read ``resource_drift`` without what is provably no drift.

    Left out: what the cloud changes by itself, entries without a difference (a moved address), and
    entries whose every difference is null against empty (see ``is_noise``). A computed attribute
    that changed is kept: the plan does not say which attributes are computed, so that it is noise
    cannot be proven here.
    """
    drift = []
    for item in items:
        resource = _read_change(item, hidden, by_element=True)
        if resource.is_delete:
            drift.append(DriftedResource(resource, "deleted"))
            continue
        ignored = moving.get(resource.type, ())
        attributes = tuple(item for item in resource.attributes if item.path[0] not in ignored)
        if any(not is_noise(change) for change in attributes):
            drift.append(DriftedResource(replace(resource, attributes=attributes), "updated"))
    return drift


def _read_output(name: str, item: Mapping[str, Any], hidden: Redactor) -> OutputChange:
    before_sensitive = item.get("before_sensitive", False)
    after_sensitive = item.get("after_sensitive", False)
    return OutputChange(
        name=name,
        actions=tuple(item["actions"]) or NOOP,
        before=hidden.blank(mask(item.get("before"), before_sensitive)),
        after=hidden.blank(
            mask(item.get("after"), after_sensitive, item.get("after_unknown", False))
        ),
        is_sensitive=before_sensitive is True or after_sensitive is True,
    )
