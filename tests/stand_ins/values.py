"""Values as the plugin protocol carries them, and those that a stand-in makes up.

A made-up value is a function of the resource's id and the attribute's name: the same resource has
the same ones whenever it is made.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import msgpack
from tf.gen import tfplugin_pb2 as pb

from tests.stand_ins.schemas import Block

UNKNOWN = msgpack.ExtType(0, b"\0")
ADDRESSES = ("_ip", "ip_address", "gateway_address", "endpoint", "private_ip")
BASE64 = ("certificate", "ca_certificate", "client_key")
State = dict[str, Any]


def decode(value: pb.DynamicValue) -> Any:
    """Return a value of Terraform's; what is not known yet is a ``msgpack.ExtType``."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def encode(value: Any) -> pb.DynamicValue:
    """Return a value for Terraform."""
    return pb.DynamicValue(msgpack=msgpack.packb(value, use_bin_type=True))


def is_unknown(value: Any) -> bool:
    """Whether a value is only known after the apply, refined or not."""
    return isinstance(value, msgpack.ExtType)


def fits(type_: Any, value: Any) -> bool:
    """Whether a value may be one of this type: the same name is a number here and a text there."""
    kinds = {"string": str, "number": (int, float), "bool": bool}
    return value is None or not isinstance(type_, str) or isinstance(value, kinds[type_])


def mark_computed(block: Block, value: State) -> State:
    """Return a new resource as planned: what it computes and nobody sets is not known yet."""
    planned = dict(value)
    for name, item in block.get("attributes", {}).items():
        if planned.get(name) is None and item.get("computed"):
            planned[name] = UNKNOWN
    for name, item in block.get("block_types", {}).items():
        planned[name] = _each(
            planned.get(name), lambda part, of=item: mark_computed(of["block"], part)
        )
    return planned


def make_up(block: Block, value: State, identity: str) -> State:
    """Return a resource in which everything that was not known has a made-up value."""
    made = dict(value)
    for name, item in block.get("attributes", {}).items():
        if is_unknown(made.get(name)):
            made[name] = _invent(item["type"], name, identity)
    for name, item in block.get("block_types", {}).items():
        made[name] = _each(
            made.get(name), lambda part, of=item: make_up(of["block"], part, identity)
        )
    return made


def _each(value: Any, change: Any) -> Any:
    if isinstance(value, list):
        return [change(part) for part in value]
    return change(value) if isinstance(value, dict) else value


def _invent(type_: Any, name: str, identity: str) -> Any:
    digest = hashlib.sha256(f"{identity} {name}".encode()).digest()
    if type_ == "string":
        return _invent_text(name, identity, digest)
    if type_ == "number":
        return int.from_bytes(digest[:3], "big")
    if type_ == "bool":
        return False
    if type_[0] == "object":
        return {key: _invent(part, key, identity) for key, part in type_[1].items()}
    if type_[0] == "map":
        return {}
    # A list of objects that the cloud fills has one: that is how modules read them.
    has_parts = isinstance(type_[1], list) and type_[1][0] == "object"
    return [_invent(type_[1], name, identity)] if has_parts else []


def _invent_text(name: str, identity: str, digest: bytes) -> str:
    if name == "self_link":
        return f"https://www.googleapis.com/compute/v1/{identity}"
    if name.endswith(ADDRESSES) and not name.endswith("_blob_endpoint"):
        return f"10.{digest[0]}.{digest[1]}.{digest[2] or 1}"
    if name.endswith(BASE64):
        return base64.b64encode(digest).decode()
    if name.endswith(("_endpoint", "url", "_uri", "host")):
        return f"https://{digest.hex()[:12]}.example/"
    return f"{name.replace('_', '-')}-{digest.hex()[:12]}"
