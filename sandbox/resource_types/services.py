"""What programs use: queues, secrets and registries of container images."""

from __future__ import annotations

from sandbox.attributes import HOST_LABEL, LABEL, Attribute, Digest, Template
from sandbox.resource_types.resource_type import ResourceType, region_attribute


def _unique_name(pattern: str) -> Attribute:
    return Attribute(
        "name",
        "string",
        "Name, unique in the account.",
        required=True,
        immutable=True,
        unique=True,
        pattern=pattern,
    )


QUEUE = ResourceType(
    "queue",
    "que",
    "A queue of messages.",
    (
        _unique_name(LABEL),
        region_attribute(),
        Attribute(
            "ordered",
            "boolean",
            "Whether messages are delivered in order, each once.",
            default=False,
            immutable=True,
        ),
        Attribute(
            "retention_seconds",
            "integer",
            "How long a message is kept.",
            default=345_600,
            minimum=60,
            maximum=1_209_600,
        ),
        Attribute(
            "lock_seconds",
            "integer",
            "How long a received message is hidden from others.",
            default=30,
            minimum=0,
            maximum=43_200,
        ),
        Attribute(
            "dead_letter_queue",
            "string",
            "Name of the queue that gets what was received too often; null for none.",
            pattern=LABEL,
        ),
        Attribute(
            "max_receives",
            "integer",
            "How often a message is received before it goes there.",
            minimum=1,
            maximum=1_000,
        ),
        Attribute(
            "url",
            "string",
            "Where the queue would be. Nothing answers there: messages are not simulated.",
            computed=Template("https://{region}.queues.sandbox.invalid/{name}"),
        ),
    ),
)

SECRET = ResourceType(
    "secret",
    "sec",
    "A secret text.",
    (
        _unique_name(LABEL),
        region_attribute(),
        Attribute(
            "recovery_days",
            "integer",
            "For how many days a deleted secret could be had back. None is: it is gone at once.",
            default=7,
            minimum=0,
            maximum=30,
        ),
        Attribute(
            "value",
            "string",
            "The text. Never returned; compare value_sha256 instead.",
            write_only=True,
        ),
        Attribute(
            "value_sha256", "string", "SHA-256 of value, hexadecimal.", computed=Digest("value")
        ),
    ),
)

REGISTRY = ResourceType(
    "container_registry",
    "reg",
    "A registry of container images.",
    (
        _unique_name(HOST_LABEL),
        region_attribute(),
        Attribute(
            "immutable_tags",
            "boolean",
            "Whether a tag of an image stays with that image.",
            default=True,
        ),
        Attribute(
            "scan_on_push",
            "boolean",
            "Whether each image is searched for known weaknesses.",
            default=True,
        ),
        Attribute(
            "untagged_days",
            "integer",
            "Days after which images without a tag are deleted; null keeps them.",
            minimum=1,
            maximum=3_650,
        ),
        Attribute(
            "url",
            "string",
            "Where the registry would be. Nothing answers there: images are not simulated.",
            computed=Template("{region}.registry.sandbox.invalid/{name}"),
        ),
    ),
)
