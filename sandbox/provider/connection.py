"""Owns the provider's configured client and the signal to stop; shared by all resources.

Settings come from the provider block, else from SANDBOX_ENDPOINT and SANDBOX_TOKEN.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import Event
from typing import Any

from tf.utils import Diagnostics

from sandbox.provider.client import CloudClient, InvalidEndpointError
from sandbox.provider.unknowns import is_unknown

_SETTINGS = {"endpoint": "SANDBOX_ENDPOINT", "token": "SANDBOX_TOKEN"}


class Connection:
    """The way to the sandbox cloud.

    `stop` is set when Terraform wants running work to end; waits then return at once.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._client: CloudClient | None = None
        self.stop = Event()

    def configure(self, diagnostics: Diagnostics, config: Mapping[str, Any]) -> None:
        """Take the provider block. Does not call the cloud: planning new things works offline."""
        self.stop.clear()
        self._forget_client()
        values = {name: self._find(name, config) for name in _SETTINGS}
        if any(is_unknown(value) for value in values.values()):
            return
        for name, value in values.items():
            if not value:
                diagnostics.add_error(
                    f"The sandbox provider has no {name}",
                    f"Set {name} in the provider block, or {_SETTINGS[name]} in the environment.",
                    path=[name],
                )
        if diagnostics.has_errors():
            return
        try:
            self._client = CloudClient(values["endpoint"], values["token"])
        except InvalidEndpointError as error:
            diagnostics.add_error(
                "The sandbox provider's endpoint is not usable",
                f"{error}. It looks like http://127.0.0.1:8090/v1.",
                path=["endpoint"],
            )

    def get_client(self, diagnostics: Diagnostics) -> CloudClient | None:
        """Return the client; without one, add an error that says why and return None."""
        if self._client is None:
            diagnostics.add_error(
                "The sandbox provider is not configured yet",
                "Its endpoint or token depends on something that is only known after apply. "
                "Apply that first, with -target, or use values that are known.",
            )
        return self._client

    def _forget_client(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def _find(self, name: str, config: Mapping[str, Any]) -> Any:
        value = config.get(name)
        return self._environ.get(_SETTINGS[name]) if value is None else value
