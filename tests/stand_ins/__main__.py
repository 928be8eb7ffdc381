"""Start a stand-in provider: ``python -m tests.stand_ins google|azurerm``; Terraform does."""

from __future__ import annotations

import os
import sys
from threading import Event

from sandbox.provider.serving import serve_plugin
from tests.stand_ins.provider import StandIn
from tests.stand_ins.schemas import Schemas


def main(name: str) -> None:
    """Serve Terraform, which started this process."""

    def make() -> tuple[StandIn, Event]:
        stop = Event()
        return StandIn(name, Schemas.read(name), stop), stop

    serve_plugin(make)


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.flush()
    os._exit(0)
