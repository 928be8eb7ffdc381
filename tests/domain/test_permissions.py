"""Rights grow with the role, and secrets belong to administrators."""

from app.domain.permissions import (
    INCLUDED,
    PROOFS,
    RIGHTS,
    Act,
    Right,
    Role,
    Scope,
    ServiceRight,
)


def test_a_higher_role_has_all_rights_of_the_lower_one() -> None:
    assert RIGHTS[Role.VIEWER] < RIGHTS[Role.OPERATOR] < RIGHTS[Role.ADMIN]


def test_a_viewer_changes_nothing_and_reads_no_secret() -> None:
    assert RIGHTS[Role.VIEWER] == {Right.PROJECT_READ, Right.STACK_READ}


def test_state_and_secrets_are_for_administrators_only() -> None:
    for right in (Right.STATE_READ, Right.STATE_WRITE, Right.SECRET_READ, Right.LOCK_FORCE):
        assert [role for role in Role if right in RIGHTS[role]] == [Role.ADMIN]


def test_every_right_is_given_to_somebody() -> None:
    assert RIGHTS[Role.ADMIN] == set(Right)


def test_a_scope_includes_nothing_that_a_role_would_not_give_with_it() -> None:
    for scope, included in INCLUDED.items():
        assert all(included in rights for rights in RIGHTS.values() if scope in rights)
        assert Scope.of([scope]).rights == {scope, included}


def test_a_scope_of_one_project_gives_nothing_elsewhere_and_nothing_on_the_whole() -> None:
    scope = Scope.of([Right.STACK_WRITE, ServiceRight.USER_MANAGE], "prj_1")
    assert scope.allows(Right.STACK_READ, "prj_1")
    assert not scope.allows(Right.STACK_READ, "prj_2")
    assert not scope.allows(Right.STATE_READ, "prj_1")
    assert not scope.allows_service(ServiceRight.USER_MANAGE)
    assert Scope.of([ServiceRight.USER_MANAGE]).allows_service(ServiceRight.USER_MANAGE)


def test_every_act_asks_for_the_password_and_only_two_may_be_done_by_a_machine() -> None:
    assert set(PROOFS) == set(Act)
    assert all(proof.is_confirmed for proof in PROOFS.values())
    assert {act for act, proof in PROOFS.items() if proof.is_for_tokens} == {
        Act.DOWNLOAD_STATE,
        Act.ROTATE_WEBHOOK_SECRET,
    }
