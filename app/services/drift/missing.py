"""Which outputs of a stack tell of a resource that a drift check found missing in the cloud.

They stay kept: what is missing may come back, and the next apply makes it again. Until then nobody
should take them for what is there.
"""

from __future__ import annotations

from app.crypto import KeyRing
from app.domain.redaction import secret_texts
from app.models import Stack
from app.services.secrets import output_value


def missing_outputs(keys: KeyRing, stack: Stack) -> frozenset[str]:
    """Return the names of those outputs; for a list, one missing resource in it is enough."""
    if not stack.outputs:
        return frozenset()
    gone = {finding.resource_id for finding in stack.deletions}
    if not gone:
        return frozenset()
    return frozenset(
        row.name
        for row in stack.outputs
        if not gone.isdisjoint(secret_texts(output_value(keys, row)))
    )
