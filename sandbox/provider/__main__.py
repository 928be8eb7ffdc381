"""Owns the provider's command line: `python -m sandbox.provider [--reattach]`."""

from __future__ import annotations

import os
import sys

from sandbox.provider.serving import serve_plugin, serve_reattach

# go-plugin's handshake: Terraform sets it, a person at a shell does not.
MAGIC_COOKIE = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
)


def main(argv: list[str]) -> int:
    """Serve as Terraform's plugin, or with `--reattach` many runs from one process.

    Returns:
        Exit status: 0 after an orderly end, 1 when not started by Terraform, 2 on bad arguments.
    """
    if argv not in ([], ["--reattach"]):
        print("usage: python -m sandbox.provider [--reattach]", file=sys.stderr)
        return 2
    name, value = MAGIC_COOKIE
    if not argv and os.environ.get(name) != value:
        print(
            "This is a Terraform provider; Terraform starts it. To serve several runs from one "
            "process, use --reattach.",
            file=sys.stderr,
        )
        return 1
    if argv:
        serve_reattach()
    else:
        serve_plugin()
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    # Not sys.exit: a call stuck in a socket read would keep the process alive as an orphan.
    os._exit(status)
