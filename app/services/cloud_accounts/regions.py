"""Choose the region of a stack from what the client, the account and the cloud say."""

from __future__ import annotations

from app.catalog.catalog import Cloud
from app.errors import ValidationError
from app.models import CloudAccount


def choose_region(cloud: Cloud, account: CloudAccount, wanted: str | None) -> str:
    """Return the neutral name of the region.

    Raises:
        ValidationError: the cloud or the account does not offer it, or none was given and there
            is no default (pointer ``/region``).
    """
    allowed = list(account.regions) or list(cloud.regions)
    name = wanted or account.default_region or (allowed[0] if len(allowed) == 1 else None)
    name = cloud.region(name).name
    if name not in allowed:
        raise ValidationError.at(
            "/region",
            f"Cloud account {account.name!r} allows {', '.join(allowed)}, not {name!r}.",
        )
    return name
