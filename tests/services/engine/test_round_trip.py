"""What a client gives is what Terraform gets, byte for byte, whatever it looks like.

The way is the real one: blueprint, SQL, ``*.tfvars.json``, Terraform, state, outputs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.catalog.json_limits import MAX_NUMBER
from app.config.settings import Settings
from app.errors import ValidationError
from app.services.secrets import output_value
from sandbox.provider.install import install
from tests.landform import NOWHERE, Landform
from tests.sandbox_cloud import Cloud
from tests.services.engine.echo import write_echo

VALUES, BATCH = 500, 125
CANARY = "host-file-canary-61f0"

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40).filter(
    lambda text: unicodedata.is_normalized("NFC", text)
)
WHOLE = st.integers(-MAX_NUMBER, MAX_NUMBER)
REAL = st.floats(-1e100, 1e100, allow_nan=False) | st.decimals(-1, 1, places=40)
ENTRY = st.fixed_dictionaries(
    {
        "text": TEXT,
        "whole": WHOLE,
        "real": REAL,
        "flag": st.booleans(),
        "maybe": st.none() | TEXT,
        "words": st.lists(TEXT, max_size=3),
        "pairs": st.dictionaries(TEXT, TEXT, max_size=3),
        "inner": st.fixed_dictionaries({"ports": st.lists(WHOLE, max_size=3), "note": TEXT}),
    }
)

# What HCL, a shell, JavaScript, YAML, SQL, a log or a terminal would make something of.
CORPUS = [
    *("${1+1}", "$${x}", '${file("/etc/passwd")}', "%{ for x in [1] }y%{ endfor }", "%%{x}"),
    *("<<EOF\nx\nEOF", "<<-EOF", "~>", '"', "'", "\\", '\\"', "\\u0041", "\\${x}", "`id`", "$(id)"),
    *("; rm -rf /", "| cat /etc/passwd", "&& true", "../../../etc/passwd", "file:///etc/passwd"),
    *("__proto__", "constructor", "{{7*7}}", "{% raw %}", "<script>alert(1)</script>", "&lt;"),
    *("' OR 1=1 --", "%s%n", "\r\nSet-Cookie: x=y", "\x1b[31m", "\x7f", "\x01", "\t", "\n", " "),
    *("\u202eRTL", "\u2066x\u2069", "\u200b", "\ufeff", "\u2028", "\uffff", "\U0001f680", "ß", "İ"),
    *("null", "true", "1e400", "NaN", "-0", "0x10", "1_000", "!!python/object:x", "*a", "&a", "@x"),
    *("var.landform_name", "local.x", "terraform.workspace", "path.cwd", "each.key", "self"),
]


@pytest.fixture
def landform(
    make_settings: Callable[..., Settings], sandbox_service: Any, tmp_path: Path
) -> Iterator[Landform]:
    """A Landform whose catalog has the kind ``echo``."""
    root = write_echo(tmp_path / "terraform")
    token = sandbox_service.make_account(f"round-trip-{tmp_path.name}")
    port = sandbox_service.port
    made = make_settings(redis_url=NOWHERE, sandbox_port=port, catalog_root=root)
    install(made.sandbox_mirror)
    landform = Landform(made, Cloud(sandbox_service.endpoint, token))
    yield landform
    landform.close()


def entry(text: str) -> dict[str, Any]:
    """Return an entry that has ``text`` everywhere."""
    return {
        "text": text,
        "whole": 1,
        "real": 0.5,
        "flag": True,
        "maybe": text,
        "words": [text, text],
        "pairs": {text: text},
        "inner": {"ports": [], "note": text},
    }


def echo(landform: Landform, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Have a stack made of ``parameters`` and return what Terraform gave back."""
    stack = landform.made("echo", name, parameters=parameters)
    return {row.name: output_value(landform.ctx.keys, row) for row in stack.outputs}


def test_five_hundred_values_of_all_types_come_back_as_they_went(landform: Landform) -> None:
    values: list[dict[str, Any]] = []

    @settings(
        max_examples=VALUES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(ENTRY)
    def collect(value: dict[str, Any]) -> None:
        values.append(value)

    collect()
    assert len(values) >= VALUES
    for number, start in enumerate(range(0, VALUES, BATCH)):
        batch = values[start : start + BATCH]
        back = echo(landform, f"batch-{number}", {"entries": batch})["entries"]
        for given_value, returned in zip(batch, back, strict=True):
            assert in_decimals(returned) == in_decimals(given_value)


def in_decimals(value: Any) -> Any:
    """Return ``value`` with each number as JSON writes it: Terraform computes with decimals."""
    if isinstance(value, dict):
        return {name: in_decimals(item) for name, item in value.items()}
    if isinstance(value, list):
        return [in_decimals(item) for item in value]
    return Decimal(repr(value)) if type(value) in (int, float) else value


def test_what_looks_like_code_comes_back_as_it_went_and_reads_nothing(
    landform: Landform, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    canary.write_text(CANARY)
    texts = [*CORPUS, f'${{file("{canary}")}}', f'%{{ if true }}${{file("{canary}")}}%{{ endif }}']
    secret = {"open": texts[-1], "closed": texts[-2]}
    back = echo(landform, "corpus", {"entries": [entry(text) for text in texts], "hidden": secret})
    assert back["entries"] == [entry(text) for text in texts]
    assert back["hidden"] == secret
    assert CANARY not in landform.everything_in_sql()
    assert landform.cloud.list() == []


REFUSED = [
    ("a\x00b", "NUL"),
    ("\ud800", "lone surrogate"),
    ("x\udfffy", "lone surrogate"),
    ("e\u0301", "normal form C"),
    ("\u212b", "normal form C"),
    ("x" * 65_537, "at most 65536"),
]
PLACES = {"text": "", "words": "/0", "pairs": "/pairs", "inner": "/note"}


def test_what_could_not_come_back_is_refused_with_its_place(landform: Landform) -> None:
    for text, message in REFUSED:
        for field, rest in PLACES.items():
            value = entry("fine")
            value[field] = {field: text} if field == "pairs" else entry(text)[field]
            with pytest.raises(ValidationError) as caught:
                landform.create("echo", "no", parameters={"entries": [value]})
            problem = caught.value.problems[0]
            assert problem.pointer == f"/parameters/entries/0/{field}{rest}"
            assert message in problem.message


def test_a_bad_name_in_a_map_is_refused_at_the_map(landform: Landform) -> None:
    for text, message in REFUSED:
        value = entry("fine") | {"pairs": {text: "x"}}
        with pytest.raises(ValidationError) as caught:
            landform.create("echo", "no", parameters={"entries": [value]})
        problem = caught.value.problems[0]
        assert problem.pointer == "/parameters/entries/0/pairs"
        assert message in problem.message
