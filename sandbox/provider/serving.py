"""Owns the provider process: sockets, the go-plugin handshake, signals and its end.

Instead of `tf.runner`, which cuts off running calls when Terraform asks it to stop, dies of
SIGINT, and outlives a killed Terraform. Must not know resources.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import grpc
from tf.gen import (
    grpc_controller_pb2,
    grpc_controller_pb2_grpc,
    grpc_stdio_pb2_grpc,
    tfplugin_pb2_grpc,
)
from tf.gen.tfplugin_pb2_grpc import ProviderServicer

from sandbox.provider.certificate import make_certificate
from sandbox.provider.provider import SandboxProvider
from sandbox.provider.servicer import SandboxServicer
from sandbox.scheduling import let_threads_finish
from sandbox.version import PROVIDER_ADDRESS

Make = Callable[[], tuple[ProviderServicer, Event]]

# How often signals and the parent are looked at.
CHECK_SECONDS = 0.25
GRACE_SECONDS = 5.0
# Creates block a thread each while they wait; a stop must still find a free one.
MAX_CALLS = 128
# What the address of a unix socket holds, less what is made in the folder: unix(7).
MAX_SOCKET_FOLDER_LENGTH = 107 - len("/sandbox-xxxxxxxx/plugin.sock")


class _Controller(grpc_controller_pb2_grpc.GRPCControllerServicer):
    """go-plugin's request to shut down, sent when Terraform has finished with the provider."""

    def __init__(self, ended: Event) -> None:
        self._ended = ended

    def Shutdown(
        self, request: grpc_controller_pb2.Empty, context: grpc.ServicerContext
    ) -> grpc_controller_pb2.Empty:
        self._ended.set()
        return grpc_controller_pb2.Empty()


class _Stdio(grpc_stdio_pb2_grpc.GRPCStdioServicer):
    """go-plugin's stream of our output; there is none beyond stderr, which Terraform reads."""

    def StreamStdio(self, request: object, context: grpc.ServicerContext) -> object:
        return iter(())


def make_sandbox() -> tuple[ProviderServicer, Event]:
    """Return what answers Terraform, and what is set to end its waits."""
    provider = SandboxProvider()
    stop = provider.connection.stop
    return SandboxServicer(provider, stop), stop


def serve_plugin(make: Make = make_sandbox) -> None:
    """Serve Terraform, which started this process, until it shuts us down or is gone.

    Args:
        make: returns what answers Terraform, and what is set to end its waits.

    SIGINT is Terraform's business: it reaches the whole process group, and Terraform then asks
    for a stop over gRPC. SIGTERM ends waits, and the process once running calls are answered.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    certificate = make_certificate()

    def bind(server: grpc.Server, address: str) -> None:
        pair = (certificate.key_pem, certificate.certificate_pem)
        server.add_secure_port(address, grpc.ssl_server_credentials([pair]))

    def announce(socket_path: str) -> str:
        encoded = base64.b64encode(certificate.certificate_der).decode().rstrip("=")
        return f"1|6|unix|{socket_path}|grpc|{encoded}"

    _serve(make, bind, announce)


def serve_reattach() -> None:
    """Serve many Terraform runs from one process; ends on SIGTERM, SIGINT or its parent's end.

    Prints one line, the value for TF_REATTACH_PROVIDERS. The socket has no TLS: it lies in a
    folder only this user can enter.
    """

    def bind(server: grpc.Server, address: str) -> None:
        server.add_insecure_port(address)

    def announce(socket_path: str) -> str:
        reattach = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": socket_path},
        }
        return json.dumps({PROVIDER_ADDRESS: reattach})

    _serve(make_sandbox, bind, announce, may_shut_down=False)


def _serve(
    make: Make,
    bind: Callable[[grpc.Server, str], None],
    announce: Callable[[str], str],
    *,
    may_shut_down: bool = True,
) -> None:
    # Should the parent die before this line, the announcement below finds a broken pipe.
    parent_pid = os.getppid()
    let_threads_finish()
    servicer, stop = make()
    ended = Event()
    signals: list[int] = []  # a handler may not set an Event: it could wait for its own thread
    signal.signal(signal.SIGTERM, lambda number, _: signals.append(number))
    if not may_shut_down:
        signal.signal(signal.SIGINT, lambda number, _: signals.append(number))
    server = grpc.server(ThreadPoolExecutor(max_workers=MAX_CALLS))
    tfplugin_pb2_grpc.add_ProviderServicer_to_server(servicer, server)
    controller = _Controller(ended if may_shut_down else Event())
    grpc_controller_pb2_grpc.add_GRPCControllerServicer_to_server(controller, server)
    grpc_stdio_pb2_grpc.add_GRPCStdioServicer_to_server(_Stdio(), server)
    with tempfile.TemporaryDirectory(prefix="sandbox-", dir=_choose_socket_folder()) as folder:
        socket_path = f"{folder}/plugin.sock"
        # Without slashes, of which gRPC counts two as part of the address.
        bind(server, f"unix:{socket_path}")
        server.start()
        print(announce(socket_path), flush=True)
        while not (ended.wait(CHECK_SECONDS) or signals or os.getppid() != parent_pid):
            pass
        stop.set()
        server.stop(GRACE_SECONDS).wait()


def _choose_socket_folder() -> str:
    """A unix socket's path holds about 100 bytes; a run directory's TMPDIR may be longer."""
    # The first is what go-plugin calls the folder that it was told to listen in.
    for folder in (os.environ.get("PLUGIN_UNIX_SOCKET_DIR"), tempfile.gettempdir()):
        if folder and len(os.fsencode(folder)) <= MAX_SOCKET_FOLDER_LENGTH:
            return folder
    return "/tmp"  # noqa: S108  # nosec B108  # the folder made in it is private to the user
