"""``python -m tests.mutation``: try a sample of mutants and write ``docs/mutation.md``.

A run that was interrupted, or whose time was over, goes on where it was: results are kept in
``build/mutation.jsonl`` until the module or its tests change.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from app.clock import utc_now
from app.config.settings import REPOSITORY_ROOT
from tests.mutation.ledger import Ledger
from tests.mutation.runner import SEED, Result, run, sample, targets

PAGE = REPOSITORY_ROOT / "docs/mutation.md"
KEPT = REPOSITORY_ROOT / "build/mutation.jsonl"
HEAD = """# Mutation

Tests are worth what they notice. `python -m tests.mutation` changes one thing at a time in the
rules (`app/domain`), the claims, the queue and the access checks, and runs the tests of that
module; `make test-thorough` does so with a smaller sample. A mutant that no test notices survives.
Run are the tests that import the module and, for a rule, those of the rules which use it; so some
survivors are killed by others.
"""


def report(results: list[Result], drawn: int, commit: str) -> str:
    """Return the page."""
    counted = [item for item in results if item.is_killed or item.reason is None]
    killed = Counter(item.module for item in counted if item.is_killed)
    tried = Counter(item.module for item in counted)
    score = 100 * killed.total() / max(1, len(counted))
    alive = sorted(
        (item for item in results if not item.is_killed),
        key=lambda item: (item.module, item.mutant.line),
    )
    lines = [
        HEAD,
        f"Run of {utc_now():%Y-%m-%d} on commit {commit}: with seed {SEED}, {drawn} mutants",
        f"of {len(targets())} modules were drawn, {len(results)} of them tried.",
        f"Equivalent are {len(results) - len(counted)}; of the rest **{score:.1f} %** are killed.",
        "",
        "| module | tried | killed |",
        "|---|---|---|",
        *(f"| `{name}` | {tried[name]} | {killed[name]} |" for name in sorted(tried)),
        "",
        "Survivors:",
        "",
        *([_line(item) for item in alive if item.reason is None] or ["none."]),
        "",
        "Equivalent mutants, which do what the module does:",
        "",
        *(f"{_line(item)}. {item.reason}" for item in alive if item.reason),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _line(item: Result) -> str:
    place = " ".join(item.mutant.place.split())
    return f"- `{item.module}` line {item.mutant.line}, `{place}`: {item.mutant.change}"


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(
        command, cwd=REPOSITORY_ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    """Run it and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3600)
    wanted = parser.parse_args()
    drawn, results = sample(wanted.count), []
    with tempfile.TemporaryDirectory() as folder:
        for result in run(drawn, Path(folder), wanted.seconds, Ledger(KEPT)):
            results.append(result)
            sign = "killed" if result.is_killed else "SURVIVED"
            print(f"{sign:9} {_line(result)}", flush=True)
    PAGE.write_text(report(results, len(drawn), _commit()), encoding="utf-8")
    print(f"{len(results)} of {len(drawn)} tried, {len(targets())} modules")


if __name__ == "__main__":
    main()
