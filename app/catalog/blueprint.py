"""A kind of infrastructure: its typed parameters and outputs, and its module for each cloud.

Owns the way from a client's neutral parameters to Terraform variables. Values only ever leave it
as JSON data, never as HCL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.catalog.cloud import Cloud, Region
from app.catalog.offers import Offer, find_unoffered
from app.catalog.parameters import ParameterSchema, merge_sensitive, raise_problems, to_pointer
from app.domain.declared_types import DeclaredTypes
from app.errors import FieldProblem, NotFoundError, ReferenceNotReadyError, ValidationError

PARAMETERS_POINTER = "/parameters"
STANDARD_VARIABLES = ("landform_name", "landform_region", "landform_zones", "landform_tags")


@dataclass(frozen=True)
class OutputSpec:
    """One output: ``schema`` is its JSON Schema, ``type`` the type when it is not null."""

    type: str
    description: str
    sensitive: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Requirement:
    """What ``cloud`` needs of a referenced stack of ``kind``: a JSON Schema for its parameters.

    ``message`` ends a sentence that begins with the referenced stack: "must span two zones".
    """

    cloud: str
    kind: str
    schema: Mapping[str, Any]
    message: str


@dataclass(frozen=True)
class ReferenceSpec:
    """A parameter that names a stack of ``kind``, or a list of them.

    ``outputs`` maps outputs to variables; those of a list are lists in the same order.
    """

    kind: str
    outputs: Mapping[str, str]
    requires: tuple[Requirement, ...] = ()


@dataclass(frozen=True)
class KindBlueprint:
    """One version of a blueprint, checked.

    ``digest`` is the SHA-256 of its whole folder, hexadecimal; ``downgrade_to`` has the earlier
    versions to which a stack of this one may go back; ``offers`` by cloud what it has less of,
    ``declared`` which types of resources its module declares there.
    A stack may be referred to wherever one of the kind that it ``stands_for`` may.
    """

    kind: str
    plural: str
    version: str
    title: str
    description: str
    schema: ParameterSchema
    outputs: Mapping[str, OutputSpec]
    references: Mapping[str, ReferenceSpec]
    modules: Mapping[str, Path]
    digest: str
    downgrade_to: frozenset[str] = frozenset()
    offers: Mapping[str, Offer] = field(default_factory=dict)
    declared: Mapping[str, DeclaredTypes] = field(default_factory=dict)
    stands_for: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of the parameters as clients see it; a new copy each time."""
        return self.schema.publish()

    @property
    def clouds(self) -> tuple[str, ...]:
        """The names of the clouds that implement this kind, sorted."""
        return tuple(sorted(self.modules))

    def module_dir(self, cloud: str) -> Path:
        """Return the folder of the Terraform root module for ``cloud``.

        Raises:
            NotFoundError: the kind is not implemented on that cloud.
        """
        if cloud not in self.modules:
            raise NotFoundError(self._not_on(cloud))
        return self.modules[cloud]

    def validate(
        self, parameters: object, *, pointer_prefix: str = PARAMETERS_POINTER
    ) -> dict[str, Any]:
        """Return ``parameters`` with every default filled in.

        Raises:
            ValidationError: has every problem, each with a JSON pointer.
        """
        return self.schema.validate(parameters, pointer_prefix=pointer_prefix)

    def generate(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return valid ``parameters`` with the secrets that Landform makes when left out."""
        return self.schema.generate(parameters)

    def immutable_changes(
        self,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
        *,
        pointer_prefix: str = PARAMETERS_POINTER,
    ) -> list[str]:
        """Return the pointer of each immutable parameter that ``new`` would change."""
        return [
            pointer_prefix + to_pointer(path) for path in self.schema.immutable_changes(old, new)
        ]

    def split_sensitive(
        self, parameters: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Part ``parameters`` into ``(public, secret)``; only ``public`` may be stored in clear."""
        return self.schema.split_sensitive(parameters)

    def merge_sensitive(
        self, public: Mapping[str, Any], secret: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Put together again what ``split_sensitive`` parted."""
        return merge_sensitive(public, secret)

    def mask(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy in which each sensitive value that is set reads ``********``."""
        return self.schema.mask(parameters)

    def check_offered(
        self,
        cloud: Cloud,
        parameters: Mapping[str, Any],
        *,
        pointer_prefix: str = PARAMETERS_POINTER,
    ) -> None:
        """Refuse parameters that ``cloud`` cannot offer, before anything is started.

        Raises:
            ValidationError: names the values it offers, or says that it lacks the whole kind.
        """
        self._translated(parameters, cloud, pointer_prefix)

    def variables(
        self,
        *,
        name: str,
        region: Region,
        parameters: Mapping[str, Any],
        reference_outputs: Mapping[str, Mapping[str, Any]],
        tags: Mapping[str, str],
        cloud: Cloud,
    ) -> dict[str, Any]:
        """Return all Terraform variables of a stack, ready for a ``*.tfvars.json`` file.

        Args:
            name: name of the stack.
            parameters: validated, secrets included.
            reference_outputs: for each reference parameter that is set, the outputs of its stack;
                those of a list are under ``parameter/index``.
            tags: what every resource must carry.

        Raises:
            ValidationError: ``cloud`` does not offer a value.
            ReferenceNotReadyError: a referenced stack has no such output, not even null.
        """
        translated = self._translated(parameters, cloud, PARAMETERS_POINTER)
        result: dict[str, Any] = {
            "landform_name": name,
            "landform_region": region.provider_name,
            "landform_zones": list(region.zones),
            "landform_tags": dict(tags),
        }
        for parameter, schema in self.schema.properties.items():
            if parameter not in self.references:
                result[variable_name(parameter, schema)] = translated.get(parameter)
        for parameter, reference in self.references.items():
            wanted = parameters.get(parameter)
            for output, variable in reference.outputs.items():
                if isinstance(wanted, list):
                    places = [f"{parameter}/{index}" for index in range(len(wanted))]
                    result[variable] = [
                        _take_output(reference_outputs, place, output) for place in places
                    ]
                elif wanted is not None:
                    result[variable] = _take_output(reference_outputs, parameter, output)
                else:
                    result[variable] = None
        return result

    def _translated(
        self, parameters: Mapping[str, Any], cloud: Cloud, pointer_prefix: str
    ) -> dict[str, Any]:
        if cloud.name not in self.modules:
            raise ValidationError.at("/cloud_account", self._not_on(cloud.name))
        translator = _Translator(cloud)
        result: dict[str, Any] = {
            name: translator.translate(self.schema.properties.get(name, {}), value, (name,))
            for name, value in parameters.items()
        }
        unoffered = find_unoffered(self.offers.get(cloud.name, {}), parameters)
        raise_problems(unoffered | translator.messages, pointer_prefix)
        return result

    def _not_on(self, cloud: str) -> str:
        offered = ", ".join(self.clouds)
        return f"The kind {self.kind} is not offered on {cloud}; it is offered on: {offered}."


class _Translator:
    """Replaces neutral words by the cloud's, and collects those it does not offer."""

    def __init__(self, cloud: Cloud) -> None:
        self.messages: dict[tuple[str | int, ...], str] = {}
        self._cloud = cloud

    def translate(self, schema: Mapping[str, Any], value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            properties, other = schema.get("properties", {}), schema.get("additionalProperties")
            return {
                name: self.translate(properties.get(name, other or {}), item, (*path, name))
                for name, item in value.items()
            }
        if isinstance(value, list):
            items = schema.get("items", {})
            return [self.translate(items, item, (*path, n)) for n, item in enumerate(value)]
        if "x-vocabulary" in schema and isinstance(value, str):
            return self._word(schema["x-vocabulary"], value, path)
        return value

    def _word(self, vocabulary: str, word: str, path: tuple[str | int, ...]) -> str | None:
        translated = self._cloud.translate(vocabulary, word)
        if translated is None:
            offered = ", ".join(self._cloud.vocabulary.get(vocabulary, {}))
            self.messages[path] = f"is not offered by {self._cloud.name}, which offers: {offered}"
        return translated


def variable_name(parameter: str, schema: Mapping[str, Any]) -> str:
    """Return the Terraform variable that ``parameter`` becomes."""
    name: str = schema.get("x-variable", parameter)
    return name


def _take_output(given: Mapping[str, Mapping[str, Any]], place: str, output: str) -> Any:
    values = given.get(place, {})
    if output not in values:  # one that is null has been made, and is null
        raise _reference_not_ready(place, output)
    return values[output]


def _reference_not_ready(parameter: str, output: str) -> ReferenceNotReadyError:
    pointer = f"{PARAMETERS_POINTER}/{parameter}"
    message = f"The stack named here has no output {output}; apply it, or upgrade its blueprint."
    return ReferenceNotReadyError(message, problems=(FieldProblem(pointer, message),))
