"""Asks a running provider about resources that exist, with the calls of Terraform's own plan.

Terraform's plugin protocol over gRPC (docs/plugin-protocol in its repository): the state is
upgraded to the provider's present schema, then each resource is read. Versions 5 and 6 of the
protocol have the same messages for both calls. Needs a provider that Terraform has configured.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio
import msgpack
from tf.gen import tfplugin_pb2 as pb

from app.logs import get_logger
from app.terraform.provider_reading import RecordedResource

AT_ONCE = 10
"""As many as Terraform reads at once by default (``-parallelism``)."""
CALL_SECONDS = 50.0
CHANNEL_OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0))
ERROR = pb.Diagnostic.ERROR

log = get_logger(__name__)


class UnreadableError(Exception):
    """The provider did not answer for a resource, or with an error."""


class ProviderClient:
    """Talks to one provider process; connects when it is first asked."""

    def __init__(self, reattach: str) -> None:
        """Use the provider of ``reattach``, a value for ``TF_REATTACH_PROVIDERS``.

        Raises:
            UnreadableError: it does not say where the provider is, or there are several.
        """
        try:
            (facts,) = json.loads(reattach).values()
            address, version = str(facts["Addr"]["String"]), int(facts["ProtocolVersion"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableError from error
        self._channel = grpc.aio.insecure_channel(f"unix:{address}", options=CHANNEL_OPTIONS)
        service = f"/tfplugin{version}.Provider"
        self._upgrade = _method(self._channel, f"{service}/UpgradeResourceState")
        self._read = _method(self._channel, f"{service}/ReadResource")
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def read(self, resources: Sequence[RecordedResource]) -> str | None:
        """Return a digest of what the provider answers for all of ``resources``, in their order.

        Returns:
            SHA-256 in hex, or None when it did not answer for one of them.
        """
        digest = hashlib.sha256()
        try:
            for answer in await asyncio.gather(*(self._read_one(item) for item in resources)):
                digest.update(f"{len(answer)}:".encode() + answer)
        except (grpc.RpcError, UnreadableError, ValueError) as error:
            # Never the words of the provider, which may repeat what it was given.
            log.info("resources_not_read", error=type(error).__name__)
            return None
        return digest.hexdigest()

    async def close(self) -> None:
        """End the connection."""
        await self._channel.close()

    async def _read_one(self, item: RecordedResource) -> bytes:
        async with self._slots:
            raw = pb.RawState(json=item.attributes.encode())
            upgraded = await self._upgrade(
                pb.UpgradeResourceState.Request(
                    type_name=item.type, version=item.schema_version, raw_state=raw
                ),
                timeout=CALL_SECONDS,
            )
            _require_answer(upgraded.diagnostics)
            found = await self._read(
                pb.ReadResource.Request(
                    type_name=item.type,
                    current_state=upgraded.upgraded_state,
                    private=base64.b64decode(item.private, validate=True),
                ),
                timeout=CALL_SECONDS,
            )
            _require_answer(found.diagnostics)
            return _steady(found.new_state, item.moving)


def _method(channel: grpc.aio.Channel, path: str) -> Any:
    messages = getattr(pb, path.rpartition("/")[2])
    return channel.unary_unary(
        path,
        request_serializer=messages.Request.SerializeToString,
        response_deserializer=messages.Response.FromString,
    )


def _steady(value: pb.DynamicValue, moving: Sequence[str]) -> bytes:
    """Return a value as bytes, without attributes that the cloud changes by itself."""
    content: bytes = value.msgpack
    known = msgpack.unpackb(content, strict_map_key=False) if moving and content else None
    if isinstance(known, dict):
        kept = {name: item for name, item in known.items() if name not in moving}
        content = msgpack.packb(kept)
    return content or bytes(value.json)


def _require_answer(diagnostics: Sequence[pb.Diagnostic]) -> None:
    if any(item.severity == ERROR for item in diagnostics):
        raise UnreadableError
