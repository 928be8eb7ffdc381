"""The receiver answers Terraform between two looks, only on its own path, and within bounds."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from app.terraform.discovery import discover
from app.terraform.span_receiver import MAX_BODY, MAX_CONNECTIONS, SpanReceiver
from app.terraform.terraform_errors import TerraformMissingError

PATIENCE_ROUNDS = 3000


@pytest.fixture
def taken() -> list[bytes]:
    return []


@pytest.fixture
def receiver(taken: list[bytes]) -> Iterator[SpanReceiver]:
    with closing(SpanReceiver(taken.append)) as made:
        yield made


def path_of(receiver: SpanReceiver) -> tuple[int, str]:
    url = receiver.environment()["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
    port, _, path = url.removeprefix("http://127.0.0.1:").partition("/")
    return int(port), f"/{path}"


def request_of(path: str, body: bytes, length: str | None = None) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length or len(body)}\r\n\r\n"
    return head.encode() + body


def ask(receiver: SpanReceiver, *parts: bytes) -> bytes:
    """Send a request in parts, with a turn of the receiver after each, and return the answer."""
    port, _ = path_of(receiver)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setblocking(False)
        for part in parts:
            client.send(part)
            receiver.pause(0.1)
        for _ in range(PATIENCE_ROUNDS):
            receiver.pause(0.01)
            try:
                return client.recv(1000)
            except BlockingIOError:
                continue
    raise AssertionError("no answer")


def test_an_export_is_taken_and_answered(receiver: SpanReceiver, taken: list[bytes]) -> None:
    _, path = path_of(receiver)
    assert ask(receiver, request_of(path, b"spans")).startswith(b"HTTP/1.1 200 OK\r\n")
    assert taken == [b"spans"]


def test_one_that_comes_in_pieces_is_put_together(
    receiver: SpanReceiver, taken: list[bytes]
) -> None:
    _, path = path_of(receiver)
    whole = request_of(path, b"0123456789")
    assert ask(receiver, whole[:9], whole[9:-4], whole[-4:]).startswith(b"HTTP/1.1 200")
    assert taken == [b"0123456789"]


@pytest.mark.parametrize("path", ["/", "/v1/traces", "/00000000000000000000000000000000/v1/traces"])
def test_only_who_knows_the_path_is_heard(
    path: str, receiver: SpanReceiver, taken: list[bytes]
) -> None:
    assert ask(receiver, request_of(path, b"spans")).startswith(b"HTTP/1.1 404")
    assert taken == []


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "-1", "x", "9" * 50])
def test_a_body_without_a_bound_is_refused(
    length: str, receiver: SpanReceiver, taken: list[bytes]
) -> None:
    _, path = path_of(receiver)
    assert ask(receiver, request_of(path, b"", length)).startswith(b"HTTP/1.1 400")
    assert taken == []


def test_connections_are_few_and_end_with_the_receiver(receiver: SpanReceiver) -> None:
    port, _ = path_of(receiver)
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(MAX_CONNECTIONS + 3)]
    for _ in clients:
        receiver.pause(0.1)
    process = psutil.Process()
    ours = [it for it in process.net_connections("tcp") if it.laddr and it.laddr.port == port]
    assert len([it for it in ours if it.status != "LISTEN"]) <= MAX_CONNECTIONS + 3
    receiver.close()
    for client in clients:
        with client:
            assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    receiver.pause(0.0)


def test_terraform_itself_exports_to_it(
    receiver: SpanReceiver, taken: list[bytes], tmp_path: Path
) -> None:
    try:
        binary = discover("")
    except TerraformMissingError:
        pytest.skip("there is no Terraform on this machine")
    (tmp_path / "main.tf").write_text('resource "terraform_data" "one" {}\n')
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}
    with subprocess.Popen(
        [binary.path, "init", "-input=false"],
        cwd=tmp_path,
        env={**environment, **receiver.environment()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        while process.poll() is None:
            receiver.pause(0.1)
        assert process.returncode == 0, process.stderr and process.stderr.read()
    assert any(b"terraform init" in body for body in taken)
