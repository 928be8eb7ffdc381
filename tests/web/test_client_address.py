"""Only trusted proxies are believed about where a request comes from."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

import pytest

from app.config.settings import Settings
from app.errors import ConfigurationError
from app.web.client_address import TrustedProxies

PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "127.0.0.1/32", "2001:db8::/32")))


def seen(peer: str, forwarded: str | None, proto: str = "", proxies: Any = PROXIES) -> Any:
    """Return address and scheme that the application sees."""
    told: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start: Any) -> Iterable[bytes]:
        told.update(environ)
        return []

    environ: dict[str, Any] = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    if proto:
        environ["HTTP_X_FORWARDED_PROTO"] = proto
    TrustedProxies(application, proxies)(environ, lambda *_: None)
    return told["REMOTE_ADDR"], told["wsgi.url_scheme"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.7, 10.1.1.1", "192.0.2.7"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
        ("127.0.0.1", "127.0.0.1, 192.0.2.7", "192.0.2.7"),
        ("10.2.3.4", "10.9.9.9, 10.1.1.1", "10.9.9.9"),
        ("127.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
        ("127.0.0.1", "[2001:db8:ffff::1]:443, 10.0.0.1", "2001:db8:ffff::1"),
        ("127.0.0.1", "2a00::1", "2a00::1"),
        ("127.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:127.0.0.1", "192.0.2.7", "192.0.2.7"),
    ],
)
def test_the_last_address_that_is_no_proxy_is_the_client(
    peer: str, forwarded: str, client: str
) -> None:
    assert seen(peer, forwarded) == (client, "http")


@pytest.mark.parametrize("forwarded", ["192.0.2.7", "127.0.0.1", "10.0.0.1, 192.0.2.7"])
def test_nobody_else_is_believed(forwarded: str) -> None:
    assert seen("198.51.100.3", forwarded, "https") == ("198.51.100.3", "http")
    assert seen("127.0.0.1", forwarded, "https", proxies=()) == ("127.0.0.1", "http")


@pytest.mark.parametrize(
    "forwarded", [None, "", ",", "unknown", "_hidden", "' OR 1=1", "192.0.2", "1.2.3.4.5", "é" * 99]
)
def test_nonsense_from_a_proxy_leaves_the_proxy_as_the_client(forwarded: str | None) -> None:
    assert seen("127.0.0.1", forwarded)[0] == "127.0.0.1"


def test_nonsense_further_left_is_never_reached() -> None:
    assert seen("127.0.0.1", "nonsense, 192.0.2.7")[0] == "192.0.2.7"
    assert seen("127.0.0.1", "192.0.2.7, nonsense, 10.0.0.1")[0] == "10.0.0.1"


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [("https", "https"), ("HTTPS", "https"), ("http, https", "https"), ("javascript", "http")],
)
def test_a_proxy_tells_the_scheme(proto: str, scheme: str) -> None:
    assert seen("127.0.0.1", None, proto)[1] == scheme


def test_the_setting_is_read_and_a_mistake_in_it_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("LANDFORM_ENV", "demo")
    monkeypatch.setenv("LANDFORM_HOME", str(tmp_path / "home"))
    assert Settings.from_env().proxy_networks == ()
    monkeypatch.setenv("LANDFORM_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
    assert Settings.from_env().proxy_networks == tuple(
        map(ip_network, ("127.0.0.1/32", "10.0.0.0/8"))
    )
    for mistake in ("*", "proxy.example", "10.0.0.1/8", "127.0.0.1;10.0.0.1"):
        monkeypatch.setenv("LANDFORM_TRUSTED_PROXIES", mistake)
        with pytest.raises(ConfigurationError, match="LANDFORM_TRUSTED_PROXIES"):
            Settings.from_env()
