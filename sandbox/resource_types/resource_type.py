"""What a resource type is, and the attributes that several types share."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.attributes import LABEL, SLUG, Attribute, Reference


@dataclass(frozen=True)
class ResourceType:
    """A type of resource.

    Args:
        name: the type's name in the API; the provider adds the prefix `sandbox_`.
        id_prefix: every id starts with it, so that a reader sees what an id belongs to.
        schema_version: raise it when attributes are added, so that the provider upgrades old state.
    """

    name: str
    id_prefix: str
    description: str
    attributes: tuple[Attribute, ...]
    schema_version: int = 1

    @property
    def schema_name(self) -> str:
        """The name as part of a class or of an OpenAPI schema: `NodePool`."""
        return "".join(word.capitalize() for word in self.name.split("_"))


def name_attribute(description: str = "Name shown to people; need not be unique.") -> Attribute:
    return Attribute("name", "string", description, required=True, pattern=LABEL)


def region_attribute() -> Attribute:
    return Attribute(
        "region",
        "string",
        "Region, for example eu-west. Any word of this form is a region here.",
        required=True,
        immutable=True,
        pattern=SLUG,
    )


def network_id_attribute() -> Attribute:
    return Attribute(
        "network_id",
        "string",
        "Id of the network it belongs to.",
        required=True,
        immutable=True,
        reference=Reference("network"),
    )
