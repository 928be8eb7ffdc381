"""Answers in the form that was asked for: a table, JSON, YAML, or names alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from landform_client.command.terminal import print_table, printable

FORMS = ("table", "json", "yaml", "name")
Row = Sequence[object]


def show_list(
    form: str,
    items: list[Any],
    titles: Sequence[str],
    row_of: Callable[[Any], Row],
    name_of: Callable[[Any], str],
) -> None:
    """Print several things."""
    if form == "name":
        for item in items:
            print(printable(name_of(item)))
    elif form == "table":
        print_table(titles, [row_of(item) for item in items])
    else:
        show_data(form, items)


def show_data(form: str, data: Any) -> None:
    """Print data as JSON or YAML."""
    if form == "yaml":
        print(to_yaml(data), end="")
        return
    from landform_client import exact_json

    print(exact_json.dumps(data, indent=2))


def to_yaml(data: Any) -> str:
    """Return data as YAML, in the order in which it came, numbers with all digits."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes plain values, without anchors."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent(dumper: yaml.SafeDumper, number: Decimal) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:float", str(number))

    Dumper.add_representer(Decimal, represent)
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True))


def one_line(value: object) -> str:
    """Return a value as people read it in one line: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return printable(value)
    from landform_client import exact_json

    return printable(exact_json.dumps(value))
