"""The settings of the web process: where it listens, whom it believes and how long it waits.

A part of ``app.config.settings.Settings``, which is what everything else reads.
"""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from app.config.outbound import Networks, read_networks


class WebSettings(BaseSettings):
    """Address, threads, limits and deadlines of the API and the console. Times are seconds."""

    host: str = Field("127.0.0.1", description="Address that the web process listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port of the API and the console.")
    web_processes: int = Field(
        1, ge=1, le=64, description="Web processes that `make run` starts, on one port."
    )
    web_threads: int = Field(288, ge=4, le=512, description="Threads of each web process.")
    web_connections: int = Field(
        2000,
        ge=16,
        le=20_000,
        description="Connections of a web process that may wait without a thread: idle, or still "
        "sending a request. Beyond it the address with the most of them loses its oldest.",
    )
    web_head_seconds: float = Field(
        10, gt=0, le=300, description="A client has so long to send the head of a request."
    )
    web_body_seconds: float = Field(
        60, gt=0, le=3600, description="A client has so long to send the body of a request."
    )
    web_answer_seconds: float = Field(
        60,
        gt=0,
        le=3600,
        description="A client that takes nothing of an answer or event stream for so long is "
        "dropped; at 16 KiB a second it is never too slow.",
    )
    streams: int = Field(
        200,
        ge=1,
        description="Event streams that may be open at once through all web processes and hosts.",
    )
    streams_per_user: int = Field(
        20, ge=1, description="Event streams that one user may have open at once."
    )
    streams_per_address: int = Field(
        100, ge=1, description="Event streams that may be open at once to one address."
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
    api_rate: str = Field(
        "1200/minute",
        description="Requests allowed for one user, or for one address without a token.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, text: str) -> str:
        read_networks(text)
        return text

    @property
    def proxy_networks(self) -> Networks:
        """Networks of the proxies that are believed."""
        return read_networks(self.trusted_proxies)
