"""Checks kinds that stand for another: who takes outputs of that one must find them there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from app.catalog.blueprint_draft import BlueprintDraft
from app.catalog.diagnostics import Diagnostics


def check_stand_ins(
    drafts: Sequence[BlueprintDraft], unreadable: Collection[str], diagnostics: Diagnostics
) -> None:
    """Note what is wrong between each kind of ``drafts`` and the one that it stands for.

    Args:
        drafts: the newest version of each kind.
        unreadable: kinds that could not be read; what is wrong there is noted already.
        diagnostics: takes what is wrong.
    """
    kinds = {draft.kind: draft for draft in drafts}
    for draft in drafts:
        if draft.stands_for is None or draft.stands_for in unreadable:
            continue
        for message in _faults(draft, kinds):
            diagnostics.add(draft.document.file, draft.line("stands_for"), message)


def _faults(draft: BlueprintDraft, kinds: Mapping[str, BlueprintDraft]) -> Iterator[str]:
    target = kinds.get(draft.stands_for or "")
    if target is None:
        yield f"there is no kind {draft.stands_for}; the kinds are: {', '.join(sorted(kinds))}"
    elif target is draft:
        yield f"{draft.kind} stands for itself; name another kind or remove it"
    elif target.stands_for is not None:
        yield f"{target.kind} itself stands for {target.stands_for}; name that kind"
    else:
        for name, taker in _taken_outputs(target, kinds.values()).items():
            yield from _output_faults(draft, target, name, taker)


def _taken_outputs(target: BlueprintDraft, takers: Collection[BlueprintDraft]) -> dict[str, str]:
    """Return the outputs of ``target`` that references take, each with a kind that does."""
    return {
        output: taker.kind
        for taker in takers
        for reference in taker.references.values()
        if reference["kind"] == target.kind
        for output in reference["outputs"]
        if output in target.outputs
    }


def _output_faults(
    draft: BlueprintDraft, target: BlueprintDraft, name: str, taker: str
) -> Iterator[str]:
    found, wanted = draft.outputs.get(name), target.outputs[name]
    if found is None:
        yield f"{taker} takes the output {name} of {target.kind}; {draft.kind} lacks it, so add it"
        return
    for key in ("type", "items", "sensitive"):
        if found.get(key, False) != wanted.get(key, False):
            yield f"{key} of the output {name}, which {taker} takes, is another in {target.kind}"
