"""Evaluates rules in CEL, in a child process that can be stopped at any moment.

The library counts the turns of loops, but not what each of them costs: a chain of ``map`` that
makes a text ten times longer at each step takes gigabytes within a few turns. So no rule is
evaluated in a process that does anything else. A rule that is stopped has no result, which is told
as an error; what an error means is not decided here.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app import exact_json
from app.cel.cel_errors import RulesUnavailableError

CHILD = Path(__file__).with_name("child.py")
LIBRARY = "cel_expr_python"
CPU_SECONDS = 0.15
"""What a rule may take, beside ``CPU_SECONDS_PER_CHANGE`` for each resource."""
CPU_SECONDS_PER_CHANGE = 0.0005
WALL_SECONDS = 20.0
"""How long a child may live, however busy the machine is."""
MAX_STOPPED = 4
"""After so many rules that had to be stopped the others are not evaluated."""
TOO_LONG = "takes too long, or too much memory"
NOT_EVALUATED = "was not evaluated, because others took too long"


@dataclass(frozen=True)
class Given:
    """The values of facts: what is common, and of each resource (``change.…``) by itself."""

    common: Mapping[str, Any]
    changes: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Rule:
    """A rule to compile, and to evaluate with ``givens[given]`` where that is not None.

    ``types`` is the number of its environment.
    """

    source: str
    types: int = 0
    given: int | None = None


@dataclass(frozen=True)
class RuleMistake:
    """Why a rule is refused; line and column count from 1."""

    line: int
    column: int
    message: str

    def sentence(self) -> str:
        """Say it with its place."""
        return f"Line {self.line}, column {self.column}: {self.message}."


@dataclass(frozen=True)
class RuleAnswer:
    """What became of one rule.

    Attributes:
        mistake: why it does not compile.
        error: why it could not be evaluated.
        is_each: whether it is about each resource by itself.
        failed: for which of the resources it is false; ``(0,)`` where it is about no resource.
            With an error, the one that it happened at.
    """

    mistake: RuleMistake | None = None
    error: str | None = None
    is_each: bool = False
    failed: tuple[int, ...] = ()


def evaluate(
    types: Sequence[Mapping[str, str]], givens: Sequence[Given], rules: Sequence[Rule]
) -> list[RuleAnswer]:
    """Compile and evaluate rules.

    Args:
        types: environments; each has the type of every fact that may be named in it.
        givens: what rules are evaluated with.
        rules: which ones; each has one answer, in this order.

    Raises:
        RulesUnavailableError: the library is not there, or does not start.
    """
    answers: list[RuleAnswer] = []
    stopped = 0
    while len(answers) < len(rules) and stopped < MAX_STOPPED:
        left = rules[len(answers) :]
        found = _run(_job(types, givens, left))
        answers += found
        if len(found) < len(left):
            answers.append(RuleAnswer(error=TOO_LONG))
            stopped += 1
    return answers + [RuleAnswer(error=NOT_EVALUATED)] * (len(rules) - len(answers))


def _job(
    types: Sequence[Mapping[str, str]], givens: Sequence[Given], rules: Sequence[Rule]
) -> bytes:
    text = exact_json.dumps(
        {
            "types": types,
            "givens": _named(givens, rules),
            "rules": [
                {
                    "source": rule.source,
                    "types": rule.types,
                    "given": rule.given,
                    "cpu_seconds": _allowance(givens, rule),
                }
                for rule in rules
            ],
        },
        default=dict,
    )
    return text.encode()


def _named(givens: Sequence[Given], rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Return what is given without the facts that no rule names: a plan can be large."""
    sources = "".join("".join(rule.source.split()) for rule in rules)

    def named(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name in sources}

    return [
        {"common": named(item.common), "changes": [named(change) for change in item.changes]}
        for item in givens
    ]


def _allowance(givens: Sequence[Given], rule: Rule) -> float:
    count = 0 if rule.given is None else len(givens[rule.given].changes)
    return CPU_SECONDS + CPU_SECONDS_PER_CHANGE * count


def _run(job: bytes) -> list[RuleAnswer]:
    """Have a child do a job; return what it answered before it ended, or was ended."""
    command = [sys.executable, "-I", "-S", str(CHILD), _place_of_library()]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no text of anybody's
            command, input=job, capture_output=True, timeout=WALL_SECONDS, check=False, env={}
        )
    except subprocess.TimeoutExpired as error:
        return _read(error.stdout or b"")
    except OSError as error:
        raise RulesUnavailableError(f"No process could be started: {error.strerror}.") from error
    if b"ImportError" in done.stderr or b"ModuleNotFoundError" in done.stderr:
        raise RulesUnavailableError("The library that evaluates policies does not start.")
    return _read(done.stdout)


def _read(output: bytes) -> list[RuleAnswer]:
    lines = output.split(b"\n")[:-1]  # what follows the last line break is torn, or nothing
    return [_answer(json.loads(line)) for line in lines]


def _answer(data: Mapping[str, Any]) -> RuleAnswer:
    if "problem" in data:
        return RuleAnswer(mistake=RuleMistake(data["line"], data["column"], data["problem"]))
    if "stopped" in data:
        return RuleAnswer(error=TOO_LONG)
    if "error" in data:
        return RuleAnswer(error=data["error"], is_each=data["each"], failed=(data["index"],))
    return RuleAnswer(is_each=data["each"], failed=tuple(data["failed"]))


@cache
def _place_of_library() -> str:
    """Return the folder that holds the library, without loading it."""
    found = importlib.util.find_spec(LIBRARY)
    places: Iterable[str] = (found.submodule_search_locations or ()) if found else ()
    for place in places:
        return str(Path(place).parent)
    raise RulesUnavailableError(f"The package {LIBRARY!r} is not installed.")
