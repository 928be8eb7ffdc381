"""Is the bucket ours, and does it keep the conditions of writes: asked before any is relied on.

Owns the object ``installation.json``, which names the installation as the sentinel of a volume does
(``volume``). It knows nothing of what else is stored there.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from contextlib import suppress

from app.storage.s3_bucket import ObjectChangedError, S3Bucket
from app.storage.s3_errors import StateBucketForeignError, StateBucketUnconditionalError

NAME = "installation.json"
FORMAT = 1
LOOKED_AT = 1000
"""Of so many objects it is looked whether any is of a stack that SQL knows."""


def check_bucket(bucket: S3Bucket, installation_id: str) -> None:
    """Prove that states can be kept in the bucket, and that it is ours.

    Args:
        bucket: where states are kept.
        installation_id: of this installation; empty where it is not known, which proves less.

    Raises:
        StateBucketForeignError: it is another installation's, or nobody's yet.
        StateBucketError: it cannot be used.
    """
    bucket.check(lambda: _require_identity(bucket, installation_id) if installation_id else None)


def read_identity(bucket: S3Bucket) -> str | None:
    """Return the id of the installation that the bucket belongs to, or None when it has none yet.

    Raises:
        StateBucketForeignError: the object that says so is damaged.
        StateBucketError: the bucket cannot be asked.
    """
    found = bucket.get(_key(bucket))
    if found is None:
        return None
    try:
        said = json.loads(found.data)
        is_whole = said["format"] == FORMAT and isinstance(said["id"], str) and said["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise StateBucketForeignError(
            f"{_key(bucket)} in the bucket {bucket.place.bucket} is damaged or of another format.",
            advice="Put an earlier version of this object back.",
        )
    return str(said["id"])


def take_possession(
    bucket: S3Bucket, installation_id: str, is_known: Callable[[str], bool]
) -> None:
    """Make the bucket this installation's, or recognize it as that.

    Args:
        bucket: where states are to be kept.
        installation_id: of this installation.
        is_known: tells whether a stack is one of this installation, by its id.

    Raises:
        StateBucketForeignError: it is another installation's, or has states of stacks that this one
            does not know.
        StateBucketError: it cannot be used.
    """
    if read_identity(bucket) is None:
        _refuse_foreign_states(bucket, is_known)
        content = json.dumps({"format": FORMAT, "id": installation_id}) + "\n"
        with suppress(ObjectChangedError):  # another host of ours is faster, or another Landform
            bucket.put(_key(bucket), content.encode())
    _require_identity(bucket, installation_id)


def require_conditions(bucket: S3Bucket) -> None:
    """Prove that the store keeps the conditions by which one of two writers wins.

    Raises:
        StateBucketUnconditionalError: it does not.
        StateBucketError: it cannot be asked.
    """
    key = bucket.place.key(f"probe-{secrets.token_hex(8)}")
    try:
        first = bucket.put(key, b"first")
        if _is_put(lambda: bucket.put(key, b"second")):
            raise _ignored(bucket, "If-None-Match")
        bucket.put(key, b"third", replaces=first)
        if _is_put(lambda: bucket.put(key, b"fourth", replaces=first)):
            raise _ignored(bucket, "If-Match")
    except ObjectChangedError:
        return  # a write whose answer was lost was tried again and refused: conditions are kept
    finally:
        bucket.delete(key)


def _key(bucket: S3Bucket) -> str:
    return bucket.place.key(NAME)


def _require_identity(bucket: S3Bucket, installation_id: str) -> None:
    found = read_identity(bucket)
    place = f"s3://{bucket.place.bucket}/{bucket.place.prefix}"
    if found is None:
        raise StateBucketForeignError(
            f"There is no Landform at {place}, but {installation_id} is expected.",
            advice="Name the bucket of this Landform in LANDFORM_STATE_S3_*; if it is, put the "
            f"object {NAME} back from an earlier version.",
        )
    if found != installation_id:
        raise StateBucketForeignError(
            f"The Landform at {place} is {found}, but {installation_id} is expected."
        )


def _refuse_foreign_states(bucket: S3Bucket, is_known: Callable[[str], bool]) -> None:
    start = bucket.place.key("stacks") + "/"
    keys = (key for key, _ in zip(bucket.list(start), range(LOOKED_AT), strict=False))
    stacks = {key.removeprefix(start).partition("/")[0] for key, _ in keys}
    if stacks and not any(is_known(stack_id) for stack_id in sorted(stacks)):
        raise StateBucketForeignError(
            f"The bucket {bucket.place.bucket} has states of stacks that this Landform does not "
            f"know, such as {min(stacks)}."
        )


def _is_put(put: Callable[[], object]) -> bool:
    try:
        put()
    except ObjectChangedError:
        return False
    return True


def _ignored(bucket: S3Bucket, header: str) -> StateBucketUnconditionalError:
    return StateBucketUnconditionalError(
        f"The store of the bucket {bucket.place.bucket} ignores {header}, so two writers could "
        "overwrite each other's state."
    )
