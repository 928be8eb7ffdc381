"""Each check finds what it is there to find, says where, and leaves good code alone."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.checks.foreign_paths import check_paths
from tests.checks.house_rules import check_rules
from tests.checks.operation_types import check_types
from tests.checks.plain_words import check_code, check_words
from tests.checks.size_budget import check_size
from tests.checks.templates import check_pages, check_templates
from tests.checks.tree import Finding

Check = Callable[[Path], Iterable[Finding]]
# Joined here, so that this file does not say it.
RETIRED = "Redis is a door" + "bell."
DOC = '"""Owns a thing."""\n'


def find(check: Check, root: Path, name: str, text: str) -> list[str]:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return [str(finding) for finding in check(root)]


@pytest.mark.parametrize(
    ("name", "text", "where", "what"),
    [
        ("app/utils.py", DOC, "app/utils.py:1:", "says nothing"),
        ("app/helpers/thing.py", DOC, "app/helpers/thing.py:1:", "says nothing"),
        ("app/a.py", DOC + "def f():\n    from app.errors import X\n", "app/a.py:3:", "to the top"),
        ("app/a.py", DOC + "def f():\n    import workers.jobs\n", "app/a.py:3:", "to the top"),
        ("app/a.py", DOC + "def f():\n    from . import b\n", "app/a.py:3:", "to the top"),
        ("app/a.py", DOC + "try:\n    x\nexcept Exception:\n    y\n", "app/a.py:4:", "broad"),
        ("app/a.py", DOC + "try:\n    x\nexcept:\n    y\n", "app/a.py:4:", "broad"),
        ("app/a.py", DOC + "try:\n    x\nexcept (OSError, BaseException):\n    y\n", "4:", "broad"),
        (
            "workers/duties.py",
            DOC + "try:\n    x\nexcept Exception:  # noqa: BLE001\n    y\n",
            "4:",
            "broad",
        ),
        ("app/domain/a.py", DOC + "import flask\n", "app/domain/a.py:2:", "standard library"),
        ("app/domain/a.py", DOC + "from yaml import load\n", "app/domain/a.py:2:", "standard"),
        (
            "app/api/a.py",
            DOC + "with ctx.write() as session:\n    x\n",
            "app/api/a.py:2:",
            "perform",
        ),
        ("app/console/a/b.py", DOC + "ctx.db.persist(work)\n", "app/console/a/b.py:2:", "perform"),
        ("app/a.py", DOC + "def f(x: str, work: Work):\n    y\n", "app/a.py:2:", "first argument"),
        ("app/a.py", DOC + "def f(w: Work):\n    y\n", "app/a.py:2:", "first argument"),
        (
            "app/a.py",
            DOC + "def f(work: Work):\n    with work.ctx.read() as s:\n        y\n",
            "app/a.py:3:",
            "inside that of its work",
        ),
        (
            "app/a.py",
            DOC + "def f(work: Work):\n    with perform(work.ctx, X) as other:\n        y\n",
            "app/a.py:3:",
            "inside that of its work",
        ),
        ("workers/a.py", DOC + "# TO" + "DO: later\n", "workers/a.py:2:", "unfinished"),
        ("sandbox/a.py", "x = 1\n", "sandbox/a.py:1:", "no module docstring"),
        ("wsgi.py", "x = 1\n", "wsgi.py:1:", "no module docstring"),
    ],
)
def test_a_breach_of_a_house_rule_is_found(
    tmp_path: Path, name: str, text: str, where: str, what: str
) -> None:
    (found,) = find(check_rules, tmp_path, name, text)
    assert where in found
    assert what in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        DOC + "def f():\n    import json\n",
        DOC + "try:\n    x\nexcept OSError:\n    y\n",
        DOC + "x = 'todos and fixmes are words of a list'\n",
    ],
)
def test_good_code_breaks_no_house_rule(tmp_path: Path, text: str) -> None:
    assert find(check_rules, tmp_path, "app/thing.py", text) == []


def test_the_guard_of_duties_may_catch_whatever_comes(tmp_path: Path) -> None:
    code = DOC + "try:\n    x\nexcept Exception:  # broad: a duty may raise anything\n    y\n"
    assert find(check_rules, tmp_path, "workers/duties.py", code) == []
    (found,) = find(check_rules, tmp_path, "app/a.py", code)
    assert "app/a.py:4: broad except" in found


def test_a_view_may_perform_and_a_service_may_write(tmp_path: Path) -> None:
    view = DOC + "with perform() as work:\n    rename_thing(work)\n"
    assert find(check_rules, tmp_path, "app/api/a.py", view) == []
    service = DOC + "with ctx.write() as session:\n    x\n"
    assert find(check_rules, tmp_path, "app/services/work.py", service) == []


def test_a_question_of_the_engine_outlasts_an_outage_or_says_how_patient_it_is(
    tmp_path: Path,
) -> None:
    bare = DOC + "with self._ctx.read() as session:\n    x\n"
    assert find(check_rules, tmp_path, "app/services/state/a.py", bare) == []
    told = bare.replace("read()", "read(patience_seconds=0)")
    assert find(check_rules, tmp_path, "app/services/engine/a.py", told) == []
    (found,) = find(check_rules, tmp_path, "app/services/engine/a.py", bare)
    assert "app/services/engine/a.py:2: an outage of the database" in found


def test_the_domain_may_use_the_standard_library_and_itself(tmp_path: Path) -> None:
    text = DOC + "import re\nimport ulid\nfrom app.domain.ids import new\n"
    assert find(check_rules, tmp_path, "app/domain/thing.py", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "if operation.type == OperationType.PLAN: x\n",
        "if kind is not domain.OperationType.PLAN.value: x\n",
        "if kind in (OperationType.PLAN, OperationType.APPLY): x\n",
        "KINDS = frozenset({OperationType.PLAN})\n",
        "KINDS = [*OTHERS, OperationType.PLAN]\n",
        "STEPS = {OperationType.PLAN: 3}\n",
        "STEPS[OperationType.PLAN]\n",
        "query.where(Operation.type == OperationType.PLAN)\n",
        "Operation.type.is_(OperationType.PLAN)\n",
        "match kind:\n    case OperationType.PLAN: x\n",
        "if operation.type == 'drift_check': x\n",
        "if operation_type in ('plan', 'apply'): x\n",
        "if claim.facts.name != 'plan': x\n",
    ],
)
def test_a_comparison_of_the_type_of_an_operation_is_found(tmp_path: Path, text: str) -> None:
    found = find(check_types, tmp_path, "app/a.py", text)
    assert found
    assert all("declare a fact" in finding for finding in found)


@pytest.mark.parametrize("text", ["operation.type == 'destroy'", 'row.type not in ["plan"]'])
def test_a_template_that_compares_the_type_of_an_operation_is_found(
    tmp_path: Path, text: str
) -> None:
    (found,) = find(check_types, tmp_path, "templates/a.html", f"{{% if {text} %}}x{{% endif %}}\n")
    assert "templates/a.html:1:" in found


@pytest.mark.parametrize(
    "text",
    [
        "add_operation(session, stack, OperationType.PLAN, principal)\n",
        "wanted = OperationType.PLAN if is_preview else OperationType.APPLY\n",
        "FIXES = {'reconcile': OperationType.RECONCILE}\n",
        "if facts_of(operation.type).destroys: x\n",
        "if following == operation.type: x\n",
        "if block.type == 'provider' or step == 'plan': x\n",
    ],
)
def test_to_name_a_type_is_no_comparison(tmp_path: Path, text: str) -> None:
    assert find(check_types, tmp_path, "app/a.py", text) == []


def test_a_long_module_is_found(tmp_path: Path) -> None:
    assert find(check_size, tmp_path, "app/a.py", "x = 1\n" * 350) == []
    (found,) = find(check_size, tmp_path, "app/a.py", "x = 1\n" * 351)
    assert found.startswith("app/a.py:351: 351 lines, 350 allowed")


def test_a_long_function_is_found_where_it_starts(tmp_path: Path) -> None:
    assert find(check_size, tmp_path, "app/a.py", "\ndef f():\n" + "    x = 1\n" * 59) == []
    (found,) = find(check_size, tmp_path, "app/a.py", "\ndef f():\n" + "    x = 1\n" * 60)
    assert found.startswith("app/a.py:2: f has 61 lines, 60 allowed")


def test_a_long_template_is_found(tmp_path: Path) -> None:
    assert find(check_size, tmp_path, "templates/a.html", "<p>\n" * 200) == []
    (found,) = find(check_size, tmp_path, "templates/a.html", "<p>\n" * 201)
    assert "templates/a.html:201:" in found


@pytest.mark.parametrize(
    "markup",
    [
        "<script>go()</script>",
        '<script type="module">go()</script>',
        "<style>p {}</style>",
        '<button onclick="go()">',
        '<p class="a"\n   style="color: red">',
        '<a href="javascript:go()">',
        '<p hx-on:click="go()">',
        "{{ text | safe }}",
        "{{ text|safe }}",
        "{% autoescape false %}{{ x }}{% endautoescape %}",
    ],
)
def test_what_the_content_security_policy_forbids_is_found(tmp_path: Path, markup: str) -> None:
    assert find(check_templates, tmp_path, "templates/a.html", f"<p>\n{markup}\n")[0].startswith(
        "templates/a.html:2: "
    )


@pytest.mark.parametrize(
    "markup",
    [
        '<script src="/static/a.js" defer></script>',
        '<p class="style" data-on="1">the style of one = two</p>',
        "{# <script> in a comment is not sent #}",
        "{{ text|e }}",
    ],
)
def test_a_clean_template_passes(tmp_path: Path, markup: str) -> None:
    assert find(check_templates, tmp_path, "templates/a.html", markup) == []


def test_a_page_has_the_path_of_its_view(tmp_path: Path) -> None:
    view = 'render_template("stacks/state.html")\n'
    assert find(check_pages, tmp_path, "app/console/stacks/state.py", view) == []
    assert find(check_pages, tmp_path, "templates/stacks/state.html", "<p>\n") == []
    assert find(check_pages, tmp_path, "templates/stacks/state_diff.html", "<p>\n") == []
    assert find(check_pages, tmp_path, "templates/stacks/_part.html", "<p>\n") == []
    assert find(check_pages, tmp_path, "templates/errors/error.html", "<p>\n") == []
    (found,) = find(check_pages, tmp_path, "templates/stacks/rollback.html", "<p>\n")
    assert found.startswith("templates/stacks/rollback.html:1: no view of its name")


def test_a_view_renders_no_page_of_another_noun(tmp_path: Path) -> None:
    view = 'render_template(\n    "drift/index.html", a=1\n)\n'
    (found,) = find(check_pages, tmp_path, "app/console/stacks/state.py", DOC + view)
    assert "renders a page of 'drift'" in found


@pytest.mark.parametrize(
    ("name", "text", "instead"),
    [
        ("templates/a.html", "<button>Put them away</button>", "dismiss"),
        ("templates/stacks/a.html", "<h2>Its end</h2>", "danger zone"),
        ("templates/a.html", "<th>Asked by</th>", "requested by"),
        ("docs/a.md", "A check of the clock asks the provider.", "scheduled check"),
        ("docs/a.md", "What waited is rung again.", "requeue"),
        ("README.md", RETIRED, "wake-up signal"),
        ("docs/adr/0001-a.md", RETIRED, "wake-up signal"),
        ("docs/operations/a.md", "Six hours unless said otherwise.", "by default"),
        ("CHANGELOG.md", RETIRED, "wake-up signal"),
    ],
)
def test_a_retired_word_is_found(tmp_path: Path, name: str, text: str, instead: str) -> None:
    (found,) = find(check_words, tmp_path, name, f"# Title\n{text}\n")
    assert found.startswith(f"{name}:2: ")
    assert instead in found


def test_plain_words_pass(tmp_path: Path) -> None:
    text = "Everything runs to its end; `workers/processes.py` is code."
    assert find(check_words, tmp_path, "docs/a.md", text) == []


def test_retired_words_of_tests_are_found_and_those_of_the_checks_pass(tmp_path: Path) -> None:
    text = "def test_it_is_rung() -> None: ...\n"
    (found,) = find(check_code, tmp_path, "tests/domain/test_a.py", text)
    assert "write: notify" in found
    (tmp_path / "tests/domain/test_a.py").unlink()
    assert find(check_code, tmp_path, "tests/checks/test_a.py", text) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("rung_at = 1\n", "write: notify"),
        ("class FindStranger:\n    stranger = 1\n", "write: unmanaged"),
        ('x = f"The stack is {stack.status}."\n', "shows stack.status as it is"),
        ('x = f"Its last apply was {status.value}."\n', "shows status as it is"),
        ('x = f"The cloud holds {len(left)} resources."\n', "write: counted"),
    ],
)
def test_a_retired_word_or_a_value_in_a_sentence_is_found_in_code(
    tmp_path: Path, text: str, what: str
) -> None:
    (found,) = find(check_code, tmp_path, "app/services/a.py", text)
    assert what in found


@pytest.mark.parametrize(
    "text",
    ['x = f"{stack.status}:{row.type}"\n', 'x = f"It is {in_words(stack.status)}."\n'],
)
def test_a_key_made_of_values_and_a_sentence_in_words_pass(tmp_path: Path, text: str) -> None:
    assert find(check_code, tmp_path, "app/services/a.py", text) == []


def test_two_classes_of_one_name_are_found(tmp_path: Path) -> None:
    find(check_rules, tmp_path, "app/a.py", f"{DOC}class Answer: ...\nclass _Part: ...\n")
    (found,) = find(
        check_rules, tmp_path, "app/b.py", f"{DOC}class Answer: ...\nclass _Part: ...\n"
    )
    assert "Answer is a class of app/a.py, too" in found


def test_a_template_that_does_not_parse_is_found(tmp_path: Path) -> None:
    (found,) = find(check_templates, tmp_path, "templates/a.html", "<p>\n{% if x %}\n")
    assert found.startswith("templates/a.html:2: does not parse")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "see /" + "root/notes",
        "cd /" + "work/thing && make",
        "PATH=/" + "home/alice/bin",
        "pip install --" + "index-url http://x/simple",
        "https://artifac" + "tory.example.com/pypi",
    ],
)
def test_a_path_of_one_machine_is_found(repository: Path, line: str) -> None:
    (found,) = find(check_paths, repository, "README.md", f"# Title\n{line}\n")
    assert found.startswith("README.md:2: ")


@pytest.mark.parametrize(
    "line",
    [
        "docs/work/plan.md",
        "https://pypi.org/simple",
        "$LANDFORM_HOME/work/runs",
        "/home/you/landform",
        "/usr/bin/python3",
    ],
)
def test_a_general_path_passes(repository: Path, line: str) -> None:
    assert find(check_paths, repository, "README.md", line) == []


def test_what_git_ignores_is_not_looked_at(repository: Path) -> None:
    (repository / ".gitignore").write_text("var/\n")
    assert find(check_paths, repository, "var/log", "/" + "root/notes") == []
