"""Each check finds what it is there to find, says where, and leaves good code alone."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.checks.foreign_paths import check_paths
from tests.checks.house_rules import check_rules
from tests.checks.size_budget import check_size
from tests.checks.templates import check_templates
from tests.checks.tree import Finding

Check = Callable[[Path], Iterable[Finding]]
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
            "app/a.py",
            DOC + "try:\n    x\nexcept Exception:  # noqa: BLE001\n    y\n",
            "4:",
            "broad",
        ),
        ("app/domain/a.py", DOC + "import flask\n", "app/domain/a.py:2:", "standard library"),
        ("app/domain/a.py", DOC + "from yaml import load\n", "app/domain/a.py:2:", "standard"),
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
        DOC + "try:\n    x\nexcept Exception:  # noqa: BLE001 a hook may raise anything\n    y\n",
        DOC + "x = 'todos and fixmes are words of a list'\n",
    ],
)
def test_good_code_breaks_no_house_rule(tmp_path: Path, text: str) -> None:
    assert find(check_rules, tmp_path, "app/thing.py", text) == []


def test_the_domain_may_use_the_standard_library_and_itself(tmp_path: Path) -> None:
    text = DOC + "import re\nimport ulid\nfrom app.domain.ids import new\n"
    assert find(check_rules, tmp_path, "app/domain/thing.py", text) == []


def test_a_long_module_is_found(tmp_path: Path) -> None:
    assert find(check_size, tmp_path, "app/a.py", "x = 1\n" * 400) == []
    (found,) = find(check_size, tmp_path, "app/a.py", "x = 1\n" * 401)
    assert found.startswith("app/a.py:401: 401 lines, 400 allowed")


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
