"""``make run``: checks the machine, prepares the home, runs every process, stops them in order.

Owns the sequence and what a person reads meanwhile. Each failure is one sentence on standard error
and exit status 2. With ``--roles`` it starts a host of several, which share PostgreSQL and Redis:
neither a Redis nor a sandbox cloud of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Collection, Mapping

from app.config.settings import Settings
from app.domain.host_roles import ALL_ROLES, HostRole, parse_roles
from app.errors import LandformError, UnavailableError
from app.process_secrecy import close_to_others
from app.terraform.discovery import discover
from app.terraform_account import AccountChoice, choose_account, open_home
from workers.embedded_redis import is_redis_listening
from workers.preflight import check_machine, hold_home
from workers.process import Program, run_to_end
from workers.processes import IDLE_SECONDS, Processes, StopRequests
from workers.programs import foundation, landform, warm_parent
from workers.readiness import RoleQuestion, find_problem, local_url
from workers.refusal import refuse
from workers.terminal import Terminal

START_SECONDS = 30.0
LOAD_SECONDS = 180.0  # three seconds of CPU, which a machine with other work gives late
READY_SECONDS = 60.0
# What a host shares with others may be away for a while; meanwhile its workers may work already.
HOST_READY_SECONDS = 300.0
ASK_SECONDS = 0.1
REMINDER_SECONDS = 10.0
INSTALL_SECONDS = 60.0
PREPARE_SECONDS = 600.0  # a migration of a large database takes its time
# How long running applies may take at a stop, and when to say that they are waited for.
PATIENCE_SECONDS = 90.0
NOTICE_SECONDS = 30.0


class StopAskedError(Exception):
    """Unwinds a start when a person asked to stop."""


class Supervisor:
    """One ``make run``, from the checks to the last process stopped."""

    def __init__(
        self,
        settings: Settings,
        terminal: Terminal,
        roles: Collection[HostRole] = ALL_ROLES,
    ) -> None:
        """Prepare; nothing is started before ``run``."""
        self._settings = settings
        self._roles = roles
        self._is_alone = roles == ALL_ROLES
        self._terminal = terminal
        self._requests = StopRequests()
        self._processes = Processes(terminal, self._requests)

    def run(self) -> None:
        """Start everything, stay until asked to stop, stop everything.

        Raises:
            LandformError: a start is not possible; nothing is left running.
        """
        settings = self._settings
        check_machine(settings, self._roles)
        with self._requests.listening():
            try:
                self._start()
                while not self._requests.count:
                    self._processes.watch(IDLE_SECONDS)
            except (StopAskedError, KeyboardInterrupt):
                pass  # asked to stop before all was up
            finally:
                self._terminal.say("stopping")
                self._processes.stop(PATIENCE_SECONDS, NOTICE_SECONDS)
                self._terminal.say("stopped")

    def _prepare_terraform(self) -> None:
        settings = self._settings
        terraform = discover(settings.terraform)
        self._terminal.say(f"using {terraform.flavor} {terraform.version} ({terraform.path})")
        choice = choose_account(settings)
        open_home(settings, choice.account)
        self._terminal.say(describe_account(choice))
        mirror = str(self._settings.sandbox_mirror)
        command = [sys.executable, "-m", "sandbox.provider.install", "--mirror", mirror]
        run_to_end(command, os.environ, INSTALL_SECONDS)

    def _prepare(self) -> dict[str, str | None]:
        """Return where the first password is, and the password itself when it is new."""
        command = [sys.executable, "-m", "workers.prepare"]
        if not self._is_alone:
            command.append("--without-sandbox")
        told = run_to_end(command, os.environ, PREPARE_SECONDS, self._processes.start_once)
        prepared: dict[str, str | None] = json.loads(told.rpartition("\n")[2])
        return prepared

    def _start(self) -> None:
        # It loads for seconds: meanwhile everything else is done that needs no code of Landform.
        self._processes.start_warm_parent(warm_parent(self._settings, os.environ))
        if HostRole.WORKER in self._roles:
            self._prepare_terraform()
        if self._is_alone:
            self._lay_foundation()
        self._wait_for("the code", self._processes.find_warm_problem, LOAD_SECONDS)
        with self._requests.interrupting():
            self._terminal.say("preparing the database and the state volume")
            prepared = self._prepare()
        self._launch(landform(self._settings, os.environ, self._roles))
        self._wait_until_ready()
        self._terminal.frame(describe(self._settings, prepared, self._roles))

    def _lay_foundation(self) -> None:
        settings = self._settings
        self._launch(foundation(settings, os.environ))
        if not settings.redis_url:
            self._wait_for("Redis", lambda: _find_redis_problem(settings), START_SECONDS)
        health = f"{settings.sandbox_endpoint}/healthz"
        self._wait_for("the sandbox cloud", lambda: find_problem(health), START_SECONDS)

    def _wait_until_ready(self) -> None:
        ready = f"{local_url(self._settings)}/readyz"
        if self._is_alone:
            self._wait_for(ready, lambda: find_problem(ready), READY_SECONDS)
            return
        if HostRole.WEB in self._roles:
            web = f"{ready}/web"
            self._wait_for(web, lambda: find_problem(web), HOST_READY_SECONDS)
        told = " and ".join(sorted(self._roles))
        question = RoleQuestion(self._roles, HOST_READY_SECONDS)
        self._wait_for(f"the roles {told}", lambda: question.problem, HOST_READY_SECONDS)

    def _launch(self, programs: list[Program]) -> None:
        self._terminal.say("starting " + ", ".join(program.name for program in programs))
        self._processes.start(programs)

    def _wait_for(self, what: str, find_problem: Callable[[], str], seconds: float) -> None:
        """Watch the processes until ``find_problem`` returns an empty text."""
        self._terminal.say(f"waiting for {what}")
        deadline = time.monotonic() + seconds
        while problem := self._processes.watch_until(find_problem, REMINDER_SECONDS, ASK_SECONDS):
            if self._requests.count:
                raise StopAskedError
            if time.monotonic() >= deadline:
                break
            self._terminal.say(f"still waiting for {what}: {problem}")
        if problem:
            raise UnavailableError(
                f"{what} was not ready within {seconds:g} s ({problem}): the lines above say why."
            )


def describe_account(choice: AccountChoice) -> str:
    """Return as whom Terraform runs, and why not as somebody else."""
    if choice.account is not None:
        return f"Terraform and its providers run as user {choice.account.uid}"
    return f"Terraform and its providers run as Landform's user: {choice.reason}"


def describe(
    settings: Settings,
    prepared: Mapping[str, str | None],
    roles: Collection[HostRole] = ALL_ROLES,
) -> list[str]:
    """Return what a person needs to know once all is up; the password only when it is new."""
    url = local_url(settings)
    password = f"the password of the first start is in {prepared['password_file']}"
    if prepared["password"] is not None:
        kept = f"(shown once, kept in {prepared['password_file']})"
        password = f"password {prepared['password']}  {kept}"
    lines = ["Landform is ready."]
    if HostRole.WEB in roles:
        lines += [
            f"  Console        {url}/",
            f"  API            {url}/api/v1   browse it at {url}/api/docs",
        ]
    if roles == ALL_ROLES or prepared["password"] is not None:
        lines.append(f"  Sign in as     admin, {password}")
    if roles == ALL_ROLES:
        lines.append(f"  Sandbox cloud  {settings.sandbox_endpoint}")
        return [*lines, "  Ctrl-C stops everything; the next make run finds it as it was."]
    lines.append(f"  This host      {', '.join(sorted(roles))}")
    return [*lines, "  Ctrl-C stops this host; what it runs ends first."]


def _find_redis_problem(settings: Settings) -> str:
    if is_redis_listening(settings.home_dir):
        return ""
    return f"its log is {settings.home_dir / 'redis' / 'redis.log'}"


def main() -> int:
    """Run Landform and return the exit status."""
    close_to_others()
    try:
        roles = read_roles(sys.argv[1:])
        settings = Settings.from_env()
        with hold_home(settings.home_dir):
            Supervisor(settings, Terminal(sys.stdout, width=9), roles).run()
    except LandformError as error:
        return refuse(error)
    except KeyboardInterrupt:
        return 130
    return 0


def read_roles(arguments: list[str]) -> frozenset[HostRole]:
    """Return the roles of this host; all of them when none is named.

    Raises:
        ConfigurationError: one of them does not exist.
    """
    parser = argparse.ArgumentParser(prog="landform admin start")
    parser.add_argument("--roles", metavar="ROLE,…")
    text = parser.parse_args(arguments).roles
    return ALL_ROLES if text is None else parse_roles(text)


if __name__ == "__main__":
    sys.exit(main())
