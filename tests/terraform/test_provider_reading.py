"""Asking a provider about resources without Terraform: what may be asked, and the words for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import msgpack
import pytest
from tf.gen import tfplugin_pb2 as pb

from app.domain.state_file import StateFile
from app.terraform.provider_client import ProviderClient
from app.terraform.provider_reading import (
    RecordedResource,
    parse_reading,
    parse_request,
    readable_resources,
    reading_line,
    request_line,
)

SOURCE = "a.test/b/c"
DISK = RecordedResource("c_disk", 2, '{"id":"d-1","name":"größe"}', "cHJpdmF0ZQ==")


def state_of(*resources: dict[str, Any]) -> StateFile:
    document = {"version": 4, "serial": 1, "lineage": "one", "resources": [*resources]}
    return StateFile.parse(json.dumps(document).encode())


def a_disk(provider: str = f'provider["{SOURCE}"]', **more: Any) -> dict[str, Any]:
    instance = {
        "schema_version": 2,
        "attributes": {"id": "d-1", "name": "größe"},
        "private": "cHJpdmF0ZQ==",
        **more,
    }
    return {
        "mode": "managed",
        "type": "c_disk",
        "name": "one",
        "provider": provider,
        "instances": [instance],
    }


def test_resources_are_read_as_the_state_has_them() -> None:
    looked_up = {**a_disk(), "mode": "data", "provider": 'provider["x.test/y/z"]'}
    assert readable_resources(state_of(a_disk(), looked_up), SOURCE, {}) == (DISK,)


@pytest.mark.parametrize(
    "resources",
    [
        (),
        ({**a_disk(), "mode": "data"},),
        (a_disk('provider["x.test/y/z"]'),),
        (a_disk(f'provider["{SOURCE}"].elsewhere'),),
        (a_disk(f'module.m.provider["{SOURCE}"]'),),
        (a_disk(), a_disk(status="tainted")),
        (a_disk(deposed="00aabbcc"),),
        (a_disk(attributes=None, attributes_flat={"id": "d-1"}),),
    ],
)
def test_what_one_configured_provider_cannot_tell_is_left_to_terraform(
    resources: tuple[dict[str, Any], ...],
) -> None:
    assert readable_resources(state_of(*resources), SOURCE, {}) is None


def test_words_travel_whole() -> None:
    assert parse_request(request_line([DISK])) == (DISK,)
    assert parse_reading(reading_line("abc")) == "abc"
    assert parse_reading(reading_line(None)) is None


def test_what_is_read_shows_no_secret() -> None:
    assert "größe" not in repr(DISK)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"read": 1}',
        b'{"read": [1]}',
        b'{"read": [["a", 1, "c", "d"]]}',
        b'{"read": [["a", "b", "c", "d", []]]}',
        b'{"read": [["a", true, "c", "d", []]]}',
        b'{"read": [["a", 1, "c", "d", [1]]]}',
        b'{"read": [["a", 1, "c"]]}',
    ],
)
def test_nonsense_is_no_request(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_request(line)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"reading": 1}', b'{"reading": ""}'])
def test_nonsense_is_no_reading(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_reading(line)


class Provider:
    """A provider of version 5 of the protocol: gives back what it is asked, until it is told."""

    def __init__(self) -> None:
        self.says = b""
        self.answer: dict[str, Any] | None = None
        self.has_failed = False
        self.heard: list[Any] = []

    def upgrade(self, request: Any, _: grpc.ServicerContext) -> Any:
        self.heard.append(request)
        return pb.UpgradeResourceState.Response(
            upgraded_state=pb.DynamicValue(msgpack=request.raw_state.json)
        )

    def read(self, request: Any, _: grpc.ServicerContext) -> Any:
        self.heard.append(request)
        trouble = pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary="no way")
        content = request.current_state.msgpack + self.says
        if self.answer is not None:
            content = msgpack.packb(self.answer)
        return pb.ReadResource.Response(
            new_state=pb.DynamicValue(msgpack=content),
            diagnostics=[trouble] if self.has_failed else [],
        )


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def reattach(provider: Provider, tmp_path: Path) -> Iterator[str]:
    """The value for TF_REATTACH_PROVIDERS with which the provider is reached."""
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            work,
            request_deserializer=messages.Request.FromString,
            response_serializer=messages.Response.SerializeToString,
        )
        for name, work, messages in (
            ("UpgradeResourceState", provider.upgrade, pb.UpgradeResourceState),
            ("ReadResource", provider.read, pb.ReadResource),
        )
    }
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("tfplugin5.Provider", handlers)]
    )
    address = str(tmp_path / "p.sock")
    server.add_insecure_port(f"unix:{address}")
    server.start()
    facts = {"ProtocolVersion": 5, "Addr": {"Network": "unix", "String": address}}
    yield json.dumps({SOURCE: facts})
    server.stop(None).wait()


def readings(reattach: str, *asked: list[RecordedResource]) -> list[str | None]:
    async def ask() -> list[str | None]:
        client = ProviderClient(reattach)
        try:
            return [await client.read(resources) for resources in asked]
        finally:
            await client.close()

    return asyncio.run(ask())


def test_a_provider_is_asked_as_terraform_asks_it(provider: Provider, reattach: str) -> None:
    (reading,) = readings(reattach, [DISK])
    assert reading is not None
    upgrade, read = provider.heard
    assert (upgrade.type_name, upgrade.version) == ("c_disk", 2)
    assert upgrade.raw_state.json == DISK.attributes.encode()
    assert (read.type_name, read.private) == ("c_disk", b"private")


def test_the_same_answers_are_the_same_reading(provider: Provider, reattach: str) -> None:
    other = RecordedResource("c_disk", 2, '{"id":"d-2"}', "")
    first, again, swapped = readings(reattach, [DISK, other], [DISK, other], [other, DISK])
    assert first == again != swapped
    provider.says = b"!"
    assert readings(reattach, [DISK, other]) != [first]


def test_what_the_cloud_moves_by_itself_is_in_no_reading(provider: Provider, reattach: str) -> None:
    (disk,) = readable_resources(state_of(a_disk()), SOURCE, {"c_disk": {"used"}}) or ()
    assert parse_request(request_line([disk])) == (disk,)
    provider.answer = {"id": "d-1", "used": 7}
    first = readings(reattach, [disk], [DISK])
    provider.answer = {"id": "d-1", "used": 8}
    second = readings(reattach, [disk], [DISK])
    assert first[0] == second[0] is not None
    assert first[1] != second[1]
    provider.answer = {"id": "d-2", "used": 8}
    assert readings(reattach, [disk]) != second[:1]


def test_an_error_of_the_provider_is_no_reading(provider: Provider, reattach: str) -> None:
    provider.has_failed = True
    assert readings(reattach, [DISK]) == [None]


def test_a_provider_that_is_gone_gives_no_reading(tmp_path: Path) -> None:
    facts = {"ProtocolVersion": 6, "Addr": {"String": str(tmp_path / "nobody.sock")}}
    assert readings(json.dumps({SOURCE: facts}), [DISK]) == [None]


def test_private_data_that_is_not_base64_is_no_reading(reattach: str) -> None:
    assert readings(reattach, [RecordedResource("c_disk", 2, "{}", "***")]) == [None]
