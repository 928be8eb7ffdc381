"""Evaluates rules in CEL, in a process of its own: ``python -I -S child.py PLACE_OF_THE_LIBRARY``.

Reads one job (JSON) from standard input and writes one line (JSON) for each rule in turn, as soon
as it is known. A rule that takes too much processor time is ended by the kernel (SIGPROF), one that
takes too much memory by its limit; whoever started this knows by the missing line which one it was.
It must import nothing but the standard library and the library, and nothing of ``app``.
"""

import json
import re
import resource
import signal
import sys
from typing import Any

MEMORY_BYTES = 512 * 1024 * 1024
PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")
MAX_MESSAGE = 300


def main() -> None:
    """Evaluate what standard input asks for."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.path.append(sys.argv[1])
    from cel_expr_python import cel

    job = json.load(sys.stdin)
    evaluator = Evaluator(cel, job["types"], job["givens"])
    for rule in job["rules"]:
        signal.setitimer(signal.ITIMER_PROF, rule["cpu_seconds"])
        answer = evaluator.judge(rule)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


class Evaluator:
    """The environments and the values of one job.

    ``types`` has for each environment the type of every fact; ``givens`` the values that rules are
    evaluated with: those that are common, and those of each resource.
    """

    def __init__(self, cel: Any, types: list[dict[str, str]], givens: list[dict[str, Any]]) -> None:
        self._cel = cel
        self._types = types
        self._givens = givens
        self._environments: dict[tuple[int, bool], Any] = {}
        self._activations: dict[tuple[int, int, bool], list[Any]] = {}
        self._known = {
            "string": cel.Type.STRING,
            "int": cel.Type.INT,
            "double": cel.Type.DOUBLE,
            "bool": cel.Type.BOOL,
            "list<string>": cel.Type.List(cel.Type.STRING),
            "map<string, string>": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
            "map<string, int>": cel.Type.Map(cel.Type.STRING, cel.Type.INT),
            "map<string, dyn>": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
            "dyn": cel.Type.DYN,
        }

    def judge(self, rule: dict[str, Any]) -> dict[str, Any]:
        """Compile a rule and evaluate it for what is given: all at once, or each resource."""
        number, source, given = rule["types"], rule["source"], rule["given"]
        try:
            expression, is_each = self._compile(number, source)
        except RuntimeError as error:
            return _misplaced(str(error))
        if expression.return_type() != self._cel.Type.BOOL:
            found = expression.return_type().name()
            return {"line": 1, "column": 1, "problem": f"gives {found}, not true or false"}
        failed: list[int] = []
        if given is not None:
            for place, activation in enumerate(self._activations_of(number, given, is_each)):
                try:
                    value = expression.eval(activation)
                except (RuntimeError, MemoryError):  # the budget of loops or of memory is used up
                    return {"stopped": True}
                if value.type() != self._cel.Type.BOOL:
                    return {"error": _clip(str(value.value())), "index": place, "each": is_each}
                if not value.value():
                    failed.append(place)
        return {"failed": failed, "each": is_each}

    def _compile(self, number: int, source: str) -> tuple[Any, bool]:
        """Compile a rule; one that needs no resource is evaluated once."""
        try:
            return self._environment(number, is_each=False).compile(source), False
        except RuntimeError:
            return self._environment(number, is_each=True).compile(source), True

    def _environment(self, number: int, *, is_each: bool) -> Any:
        key = (number, is_each)
        if key not in self._environments:
            facts = self._types[number].items()
            variables = {
                name: self._known[type_]
                for name, type_ in facts
                if is_each or not name.startswith("change.")
            }
            self._environments[key] = self._cel.NewEnv(variables=variables)
        return self._environments[key]

    def _activations_of(self, number: int, given: int, is_each: bool) -> list[Any]:
        key = (number, given, is_each)
        if key not in self._activations:
            environment, values = self._environment(number, is_each=is_each), self._givens[given]
            declared = self._types[number]
            common = {name: item for name, item in values["common"].items() if name in declared}
            changes = values["changes"] if is_each else [{}]
            self._activations[key] = [environment.Activation(common | item) for item in changes]
        return self._activations[key]


def _misplaced(message: str) -> dict[str, Any]:
    """Read where the compiler found a mistake; lines and columns count from 1."""
    found = PLACE.search(message)
    if found is None:
        return {"line": 1, "column": 1, "problem": _clip(message)}
    problem = found[3].replace(" (in container '')", "").removesuffix(" [INVALID_ARGUMENT]")
    return {"line": int(found[1]), "column": int(found[2]), "problem": _clip(problem)}


def _clip(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "…"


if __name__ == "__main__":
    main()
