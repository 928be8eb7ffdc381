"""Completion for bash and zsh: commands, options, and names that the server knows."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from landform_client.command.exits import DONE, UsageError
from landform_client.command.parser import COMMANDS

BASH = """\
_landform() {
  local IFS=$'\\n'
  COMPREPLY=($(landform __complete "$COMP_CWORD" "${COMP_WORDS[@]}" 2>/dev/null))
}
complete -o default -F _landform landform
"""
ZSH = """\
#compdef landform
_landform() {
  local -a found
  found=("${(@f)$(landform __complete $((CURRENT - 1)) "${words[@]}" 2>/dev/null)}")
  [[ -n "$found" ]] && compadd -- $found || _files
}
compdef _landform landform
"""
OF_STACKS = {"delete", "drift", "outputs"}
OF_BOTH = {"wait", "logs", "approve", "discard", "cancel", "open"}
OF_GET = ("stacks", "operations", "kinds", "clouds", "accounts", "projects")
ANSWER_SECONDS = 2.0


def script(chosen: argparse.Namespace) -> int:
    """Print what a shell has to read once."""
    print(BASH if chosen.shell == "bash" else ZSH, end="")
    return DONE


def complete(words: list[str]) -> int:
    """Print what the word at an index could be; ``words`` are the index and the whole line."""
    index, line = int(words[0]), words[1:]
    begun = line[index] if index < len(line) else ""
    for word in sorted(set(_candidates(line[1:index], begun))):
        if word.startswith(begun):
            print(word)
    return DONE


def _candidates(before: list[str], begun: str) -> Iterable[str]:
    if not before:
        return [*COMMANDS, "admin"]
    command = before[0]
    if command not in COMMANDS:
        return []
    options = _options(command)
    last = options.get(before[-1])
    if last is not None and last.nargs != 0:
        return [str(item) for item in last.choices or ()] or _values(before[-1])
    if begun.startswith("-"):
        return options
    return _positional(command, before)


def _options(command: str) -> dict[str, argparse.Action]:
    parser = argparse.ArgumentParser()
    COMMANDS[command].add(parser)
    actions = parser._actions  # noqa: SLF001  argparse has no other way to ask
    return {name: action for action in actions for name in action.option_strings}


def _values(option: str) -> list[str]:
    nouns = {"--project": "/projects", "-p": "/projects", "--account": "/cloud-accounts"}
    if option in nouns:
        return _names(nouns[option])
    return _names("/stacks") if option == "--stack" else []


def _positional(command: str, before: list[str]) -> Iterable[str]:
    words = [word for word in before[1:] if not word.startswith("-")]
    if command == "completion":
        return ("bash", "zsh")
    if command == "create" and not words:
        return _names("/kinds", "kind")
    if command == "get" and not words:
        return [*OF_GET, *_names("/kinds", "plural")]
    if command in OF_STACKS | OF_BOTH or (command == "get" and words):
        return _names("/stacks")
    if command == "profiles":
        from landform_client.command.profiles import read_profiles

        return read_profiles().by_name
    return []


def _names(path: str, member: str = "name") -> list[str]:
    """Ask the server; completion says nothing where that fails."""
    from landform_client.errors import LandformError

    chosen = argparse.Namespace(profile=None, url=None, project=None)
    try:
        from landform_client.command.connection import connect
        from landform_client.transport import Retry

        landform = connect(chosen)
        landform.transport.retry = Retry(attempts=1)
        landform.transport.http.timeout = ANSWER_SECONDS
        return [item[member] for item in landform.read(path)["items"]]
    except (LandformError, UsageError):
        return []
