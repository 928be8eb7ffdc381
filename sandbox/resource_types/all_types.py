"""The list of resource types that the sandbox cloud offers: one declarative entry for each.

The service's validation, its OpenAPI document and the provider's schema are all derived from
these entries; a new type needs no code elsewhere unless it brings a new kind of computation.
"""

from __future__ import annotations

from sandbox.resource_types.clusters import CLUSTER, NODE_POOL
from sandbox.resource_types.machines import MACHINE
from sandbox.resource_types.networks import NETWORK, SUBNET
from sandbox.resource_types.resource_type import ResourceType
from sandbox.resource_types.services import QUEUE, REGISTRY, SECRET
from sandbox.resource_types.storage import BUCKET, DATABASE

RESOURCE_TYPES: dict[str, ResourceType] = {
    entry.name: entry
    for entry in (
        NETWORK,
        SUBNET,
        MACHINE,
        BUCKET,
        CLUSTER,
        NODE_POOL,
        DATABASE,
        QUEUE,
        SECRET,
        REGISTRY,
    )
}
