"""What keeps data: buckets and databases."""

from __future__ import annotations

from sandbox.attributes import (
    BUCKET_NAME,
    HOST_LABEL,
    LABEL,
    SLUG,
    SQL_NAME,
    VERSION,
    Attribute,
    Digest,
    Template,
)
from sandbox.resource_types.resource_type import (
    ResourceType,
    network_id_attribute,
    region_attribute,
)

BUCKET = ResourceType(
    "bucket",
    "bkt",
    "A place for objects.",
    (
        Attribute(
            "name",
            "string",
            "Name, unique in the account.",
            required=True,
            immutable=True,
            unique=True,
            pattern=BUCKET_NAME,
        ),
        region_attribute(),
        Attribute("versioning", "boolean", "Whether old versions are kept.", default=False),
        Attribute("public", "boolean", "Whether anybody may read it.", default=False),
        Attribute(
            "expire_after_days",
            "integer",
            "Days after which objects are deleted; null keeps them.",
            minimum=1,
            maximum=36_500,
        ),
        Attribute(
            "url",
            "string",
            "Where the bucket would be. Nothing answers there: objects are not simulated.",
            computed=Template("sandbox://{region}/{name}"),
        ),
    ),
)

DATABASE = ResourceType(
    "database",
    "dbs",
    "A managed SQL database.",
    (
        Attribute(
            "name",
            "string",
            "Name, unique in the account.",
            required=True,
            immutable=True,
            unique=True,
            pattern=HOST_LABEL,
        ),
        network_id_attribute(),
        region_attribute(),
        Attribute(
            "engine",
            "string",
            "Kind of database, for example postgresql.",
            required=True,
            immutable=True,
            pattern=SLUG,
        ),
        Attribute(
            "engine_version", "string", "Version, for example 17.", required=True, pattern=VERSION
        ),
        Attribute("size", "string", "Size, for example small.", required=True, pattern=LABEL),
        Attribute(
            "storage_gb",
            "integer",
            "Storage in GiB. It can grow, never shrink.",
            required=True,
            minimum=10,
            maximum=65_536,
            can_shrink=False,
        ),
        Attribute(
            "high_availability",
            "boolean",
            "Whether a stand-by in another zone takes over.",
            default=False,
        ),
        Attribute(
            "backup_days",
            "integer",
            "For how many days backups are kept; 0 makes none.",
            default=7,
            minimum=0,
            maximum=35,
        ),
        Attribute(
            "final_snapshot",
            "boolean",
            "Whether a snapshot would be kept at deletion. No data is simulated, so none is.",
            default=False,
        ),
        Attribute(
            "database_name",
            "string",
            "Name of the first database in it.",
            required=True,
            immutable=True,
            pattern=SQL_NAME,
        ),
        Attribute(
            "username",
            "string",
            "Name of the administrator.",
            required=True,
            immutable=True,
            pattern=SQL_NAME,
        ),
        Attribute(
            "password",
            "string",
            "The administrator's. Never returned; compare password_sha256 instead.",
            write_only=True,
        ),
        Attribute(
            "password_sha256",
            "string",
            "SHA-256 of password, hexadecimal.",
            computed=Digest("password"),
        ),
        Attribute(
            "host",
            "string",
            "Where it would be. Nothing answers there.",
            computed=Template("{name}.{region}.databases.sandbox.invalid"),
        ),
        Attribute(
            "port",
            "integer",
            "Port it would listen at.",
            default=5432,
            immutable=True,
            minimum=1024,
            maximum=65_535,
        ),
    ),
)
