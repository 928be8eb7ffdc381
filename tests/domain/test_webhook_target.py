"""URLs and addresses that webhooks must not reach, in every spelling that has fooled somebody."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from app.domain.addresses import refusal_of
from app.domain.webhook_target import MAX_URL, Target, parse_target

FORBIDDEN = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200"),
    *("127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.170.2", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254"),
    *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8"),
    *("2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1"),
    *("3fff::1", "5f00::1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1"),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "172.15.0.1", "100.128.0.1", "169.253.0.1"]
PUBLIC_V6 = ["2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2400::1"]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_is_refused_with_a_reason(address: str) -> None:
    assert refusal_of(address)


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_V6])
def test_a_public_address_is_accepted(address: str) -> None:
    assert refusal_of(address) is None


@pytest.mark.parametrize(
    "text", ["", "x", "127.1", "0x7f.1", "1.2.3.4.5", "fe80::1%eth0", "1.2.3.4%1"]
)
def test_what_is_no_whole_address_is_refused(text: str) -> None:
    assert refusal_of(text)
    assert refusal_of(text, (ip_network("0.0.0.0/0"), ip_network("::/0")))


def test_a_network_that_was_allowed_is_let_through_and_nothing_else() -> None:
    allowed = [ip_network(text) for text in ("10.1.0.0/16", "fd00:1::/32", "127.0.0.1")]
    for address in ("10.1.2.3", "fd00:1::7", "127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"):
        assert refusal_of(address, allowed) is None, address
    for address in ("10.2.0.1", "fd00:2::1", "127.0.0.2", "169.254.169.254", "::ffff:10.2.0.1"):
        assert refusal_of(address, allowed), address


ACCEPTED = {
    "https://example.com": Target("https", "example.com", 443, "/"),
    "HTTPS://EXAMPLE.com/Path": Target("https", "example.com", 443, "/Path"),
    "http://example.com:8080/a?b=c&d=%20": Target("http", "example.com", 8080, "/a?b=c&d=%20"),
    "https://hooks.example.com/T0/B0/x": Target("https", "hooks.example.com", 443, "/T0/B0/x"),
    "https://8.8.8.8:8443/": Target("https", "8.8.8.8", 8443, "/"),
    "https://[2606:4700::1111]:443/x": Target("https", "2606:4700::1111", 443, "/x"),
    "https://[2606:4700:0:0::1111]": Target("https", "2606:4700::1111", 443, "/"),
    "https://xn--bcher-kva.example/": Target("https", "xn--bcher-kva.example", 443, "/"),
    "https://my_host.example?x": Target("https", "my_host.example", 443, "/?x"),
    "https://localhost.example": Target("https", "localhost.example", 443, "/"),
    "https://a.com//evil.example/../x": Target("https", "a.com", 443, "//evil.example/../x"),
}


@pytest.mark.parametrize("url", ACCEPTED)
def test_a_plain_url_is_read_as_it_is_sent(url: str) -> None:
    assert parse_target(url) == ACCEPTED[url]


REFUSED = [
    *("", "x", "/path", "//example.com/", "https:", "https://", "https:///x", "https:example.com"),
    *("ftp://example.com", "file:///etc/passwd", "gopher://example.com:25/", "javascript:alert(1)"),
    *("httpss://example.com", "unix:///run/x.sock", "data:text/plain,x", "http+unix://x/"),
    # Who is asked, and as whom
    *("https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/"),
    *("https://example.com@127.0.0.1/", "https://127.0.0.1#@example.com/", "https://a#b"),
    *("https://example.com\\@127.0.0.1/", "https:\\\\example.com", "https://example.com\\x"),
    *("https://ex%61mple.com/", "https://example.com%00.evil/", "https://127.0.0.1%2f@x/"),
    # Control characters that urlsplit drops without a word, and others that end a header
    *("https://example.com/\r\nHost: evil", "https://exa\nmple.com/", "https://example.com/\tx"),
    *(" https://example.com", "https://example.com ", "https://example.com/\x00", "https://a/\x7f"),
    # Loopback and metadata, as somebody's resolver reads it
    *("http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://2130706433/"),
    *("http://0177.0.0.1/", "http://017700000001/", "http://0x7f.0.0.1/", "http://0x7f000001/"),
    *("http://0x7f.1/", "http://0/", "http://0.0.0.0/", "http://00.0.0.0/", "http://127.000.000.001/"),
    *("http://169.254.169.254/latest/", "http://0xa9fea9fe/", "http://2852039166/"),
    *("http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[0:0:0:0:0:0:0:1]/"),
    *("http://[::ffff:7f00:1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/"),
    *("http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[fd00:ec2::254]/"),
    *("http://[::1", "http://::1/", "http://[127.0.0.1]/", "http://[v1.x]/", "http://[]/"),
    *("http://1.2.3/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://example.0x1/"),
    # Names that are none, or that programs read differently
    *("https://example.com./", "https://127.0.0.1./", "https://.example.com/", "https://a..b/"),
    *("https://-a.example/", "https://a-.example/", "https://exa mple.com/", "https://exämple.com/"),
    *("https://ⓔxample.com/", "https://example。com/", "https://127。0。0。1/", "https://\uff11\uff12\uff17.0.0.1/"),
    *(f"https://{'a' * 64}.com/", f"https://{'a.' * 130}com/", "https://*.example.com/"),
    # Ports
    *("https://example.com:/", "https://example.com:0/", "https://example.com:65536/"),
    *("https://example.com:22/", "http://example.com:25/", "https://example.com:-1/"),
    *("https://example.com:+443/", "https://example.com:80a/", "https://example.com:443:80/"),
    *("https://example.com:٤٤٣/", "https://example.com:1e3/", "https://example.com:100000/"),
    "https://example.com/" + "a" * MAX_URL,
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_an_odd_url_is_refused_with_a_reason(url: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_target(url)


def test_an_address_in_the_url_may_be_of_a_network_that_was_allowed() -> None:
    allowed = [ip_network("127.0.0.0/8")]
    assert parse_target("http://127.0.0.1:8080/", allowed).port == 8080
    with pytest.raises(ValueError, match="private"):
        parse_target("http://10.0.0.1/", allowed)


@pytest.mark.parametrize("port", [80, 443, 1024, 65535])
def test_a_port_of_the_web_or_a_free_one_is_taken(port: int) -> None:
    assert parse_target(f"https://example.com:{port}/", ()).port == port


@pytest.mark.parametrize("port", [0, 22, 1023, 65536])
def test_a_port_of_another_protocol_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="The port must be 80, 443, or from 1024 to 65535"):
        parse_target(f"https://example.com:{port}/", ())
