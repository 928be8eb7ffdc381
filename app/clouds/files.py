"""What a cloud account's files and keys mean, where a cloud has more than a plain one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.clouds.aws_profile import resolve_profile
from app.clouds.gcp_key import resolve_key

Resolve = Callable[[Mapping[str, str], Mapping[str, bytes]], dict[str, str]]
"""Takes credentials and what is in their files, by field; returns credentials in which the content
stands instead of files whose content is understood. All other files are handed on as they are."""

RESOLVERS: Mapping[str, Resolve] = {"aws": resolve_profile, "gcp": resolve_key}


def resolve_files(
    cloud: str, fields: Mapping[str, str], contents: Mapping[str, bytes]
) -> dict[str, str]:
    """Return the credentials with the content of files that Landform itself understands.

    Raises:
        ProfileError, KeyContentError: a file or a key holds what it may not.
    """
    resolve = RESOLVERS.get(cloud)
    return resolve(fields, contents) if resolve else dict(fields)
