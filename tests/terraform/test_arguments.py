"""The argument list of each subcommand, literally."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.terraform import arguments
from app.terraform.arguments import PlanMode

PLAN = Path("/run/a plan")


def test_version() -> None:
    assert arguments.version_arguments() == ["version"]


def test_init() -> None:
    assert arguments.init_arguments() == [
        "init",
        "-input=false",
        "-no-color",
        "-json",
        "-lock-timeout=0s",
        "-lockfile=readonly",
    ]


def test_validate() -> None:
    assert arguments.validate_arguments() == ["validate", "-no-color", "-json"]


@pytest.mark.parametrize(
    ("mode", "extra"),
    [
        (PlanMode.NORMAL, []),
        (PlanMode.DESTROY, ["-destroy"]),
        (PlanMode.REFRESH_ONLY, ["-refresh-only"]),
    ],
)
def test_plan(mode: PlanMode, extra: list[str]) -> None:
    assert arguments.plan_arguments(PLAN, mode) == [
        "plan",
        "-input=false",
        "-no-color",
        "-json",
        "-lock-timeout=0s",
        "-detailed-exitcode",
        "-out=/run/a plan",
        *extra,
    ]


def test_plan_of_named_resources() -> None:
    found = arguments.plan_arguments(PLAN, targets=["a.b", 'a.c["x"]'], replace=["a.d"])
    assert found[-3:] == ["-target=a.b", '-target=a.c["x"]', "-replace=a.d"]


def test_apply() -> None:
    assert arguments.apply_arguments(PLAN) == [
        "apply",
        "-input=false",
        "-no-color",
        "-json",
        "-lock-timeout=0s",
        "/run/a plan",
    ]


def test_show_and_output() -> None:
    assert arguments.show_plan_arguments(PLAN) == ["show", "-no-color", "-json", "/run/a plan"]
    assert arguments.output_arguments() == ["output", "-no-color", "-json"]


def test_a_relative_plan_path_could_be_an_option_and_is_refused() -> None:
    for build in (arguments.apply_arguments, arguments.show_plan_arguments):
        with pytest.raises(ValueError, match="absolute"):
            build(Path("-destroy"))
