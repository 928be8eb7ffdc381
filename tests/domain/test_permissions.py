"""Rights grow with the role, and secrets belong to administrators."""

from app.domain.permissions import RIGHTS, Right, Role


def test_a_higher_role_has_all_rights_of_the_lower_one() -> None:
    assert RIGHTS[Role.VIEWER] < RIGHTS[Role.OPERATOR] < RIGHTS[Role.ADMIN]


def test_a_viewer_changes_nothing_and_reads_no_secret() -> None:
    assert RIGHTS[Role.VIEWER] == {Right.PROJECT_READ, Right.STACK_READ}


def test_state_and_secrets_are_for_administrators_only() -> None:
    for right in (Right.STATE_READ, Right.STATE_WRITE, Right.SECRET_READ, Right.LOCK_FORCE):
        assert [role for role in Role if right in RIGHTS[role]] == [Role.ADMIN]


def test_every_right_is_given_to_somebody() -> None:
    assert RIGHTS[Role.ADMIN] == set(Right)
