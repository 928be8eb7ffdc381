"""Ask a cloud to which stacks resources belong, by the tag that each stack puts on what it makes.

One small adapter for each cloud; nothing of a cloud without one can be taken in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from app.clouds import aws_owners, azure_search, gcp_search, sandbox
from app.clouds.login import CloudLogin
from app.clouds.named import NamedResource

FindOwners = Callable[[CloudLogin, str, Sequence[NamedResource]], list[frozenset[str]]]
"""Takes a login, the cloud's name of a region, and what is asked about."""

ADAPTERS: Mapping[str, FindOwners] = {
    "aws": aws_owners.find_owners,
    "azure": azure_search.find_owners,
    "gcp": gcp_search.find_owners,
    "sandbox": sandbox.find_owners,
}


def find_owners(
    cloud: str, login: CloudLogin, region: str, resources: Sequence[NamedResource]
) -> list[frozenset[str]] | None:
    """Return the ids of the stacks whose tags the resources carry, in the same order.

    What does not exist, and what nobody has tagged, has no owner.

    Args:
        cloud: its neutral name.
        login: of the account.
        region: what the cloud calls the region that the stack is in.
        resources: as a state or an import names them.

    Returns:
        A set for each resource, or None when this cloud cannot be asked.

    Raises:
        CloudSearchError: the cloud did not answer as it should.
    """
    adapter = ADAPTERS.get(cloud)
    return adapter(login, region, resources) if adapter is not None else None
