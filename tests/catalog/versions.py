"""Kinds with several versions, for tests: built-in resources only, so no provider is needed."""

from __future__ import annotations

from pathlib import Path

STANDARD = "".join(
    f'variable "{name}" {{\n  description = "Landform\'s."\n  type        = {type_}\n}}\n'
    for name, type_ in (
        ("landform_name", "string"),
        ("landform_region", "string"),
        ("landform_zones", "list(string)"),
        ("landform_tags", "map(string)"),
    )
)
HEAD = "kind: note\nplural: notes\nversion: {version}\n{extra}title: Note\ndescription: A text.\n"
TEXT = """    text:
      type: string
      title: Text
      description: What to remember.
      maxLength: {longest}
"""
COLOUR = """    colour:
      type: string
      title: Colour
      description: Its colour.
      enum: [white, yellow]
      default: white
"""
PIN = """    pin:
      type: string
      title: Pin
      description: A secret.
      sensitive: true
    place:
      type: string
      title: Place
      description: Where it hangs. It cannot change later.
      default: wall
      immutable: true
"""
OUTPUTS = "outputs:\n  text:\n    type: string\n    description: What is remembered.\n"


def write_version(  # the tests read better with every choice by name
    folder: Path,
    version: str,
    *,
    properties: str = TEXT,
    variables: tuple[str, ...] = ("text",),
    required: str = "[text]",
    longest: int = 50,
    extra: str = "",
) -> None:
    """Write the kind ``note`` in one version to ``folder``, for the sandbox."""
    module = folder / "sandbox"
    module.mkdir(parents=True, exist_ok=True)
    shown = properties.replace("{longest}", str(longest))
    (folder / "blueprint.yaml").write_text(
        HEAD.format(version=version, extra=extra)
        + f"parameters:\n  required: {required}\n  properties:\n{shown}{OUTPUTS}"
    )
    text = STANDARD
    for name in variables:
        sensitive = "  sensitive = true\n" if name == "pin" else ""
        text += f'variable "{name}" {{\n  description = "A."\n  type = string\n{sensitive}}}\n'
    (module / "variables.tf").write_text(text)
    values = ", ".join(f"nonsensitive(var.{n})" if n == "pin" else f"var.{n}" for n in variables)
    (module / "main.tf").write_text(
        f'resource "terraform_data" "this" {{\n  input = join("/", compact([{values}]))\n}}\n'
        'output "text" {\n  description = "T."\n  value = terraform_data.this.output\n}\n'
    )


def write_two_versions(root: Path, *, may_go_back: bool = False) -> None:
    """Add ``note`` to the catalog at ``root``: 1.0.0 has a colour, 2.0.0 a pin and a place."""
    kind = root / "blueprints" / "note"
    extra = "downgrade_to: [1.0.0]\n" if may_go_back else ""
    write_version(
        kind,
        "2.0.0",
        properties=TEXT + PIN,
        variables=("text", "pin", "place"),
        required="[text, pin]",
        longest=20,
        extra=extra,
    )
    write_one_version(root)


def write_one_version(root: Path) -> None:
    """Add ``note`` 1.0.0 as an earlier version."""
    write_version(
        root / "blueprints/note/versions/1.0.0",
        "1.0.0",
        properties=TEXT + COLOUR,
        variables=("text", "colour"),
    )
