"""The settings of who comes in: sessions, tokens, passwords and the identity provider.

A part of ``app.config.settings.Settings``, which is what everything else reads.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings


class SignInSettings(BaseSettings):
    """How people and machines sign in, and for how long. Times are seconds."""

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
    confirmation_seconds: int = Field(
        600,
        ge=30,
        le=86400,
        description="How long a session counts as confirmed after the password was given again.",
    )
    require_second_factor: Literal["none", "admins", "all"] = Field(
        "none",
        description="Who needs a second factor to do anything, of those with a password here: "
        "`none`, `admins` or `all`.",
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

    @model_validator(mode="after")
    def _check_token_lives(self) -> Self:
        if self.api_token_seconds > self.api_token_max_seconds:
            raise ValueError("LANDFORM_API_TOKEN_SECONDS exceeds LANDFORM_API_TOKEN_MAX_SECONDS")
        return self
