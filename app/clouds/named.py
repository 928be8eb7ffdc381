"""A resource as a state or an import names it, in whichever spelling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.resource_names import spellings, texts_within


@dataclass(frozen=True)
class NamedResource:
    """What somebody claims to be a resource of a stack.

    Attributes:
        type: Terraform's word for it.
        attributes: as recorded, with at least the ``id``.
        is_part: it carries no tags of its own and belongs to what its attributes name, such as
            the policy of a bucket.
    """

    type: str
    attributes: Mapping[str, Any] = field(repr=False)
    is_part: bool = False

    @property
    def id(self) -> str | None:
        """The provider's id of it, when it has one."""
        value = self.attributes.get("id")
        return value if isinstance(value, str) and value else None

    def text(self, name: str) -> str | None:
        """Return the attribute ``name`` where it is text."""
        value = self.attributes.get(name)
        return value if isinstance(value, str) and value else None

    def names(self) -> set[str]:
        """Return every name by which it, or for a part what it belongs to, may be known."""
        texts = [text for text in (self.id, self.text("arn")) if text]
        if self.is_part:
            texts += texts_within(self.attributes)
        return {name for text in texts for name in spellings(text)}
