"""The form of an API token: found by scanners, mistakes told without asking anybody."""

import re

import pytest

from app.domain.api_tokens import CHECK_LENGTH, hint_of, is_whole, mint

SCANNER = re.compile(r"\blft_[0-9A-Za-z]{38}\b")


def test_a_token_is_found_in_any_text_and_never_made_twice() -> None:
    made = [mint() for _ in range(200)]
    assert len(set(made)) == 200
    for token in made:
        assert SCANNER.findall(f"TOKEN={token}; curl -H 'Bearer {token}'") == [token, token]
        assert is_whole(token)


def test_every_single_mistake_is_noticed() -> None:
    token = mint()
    for place in range(len(token)):
        for letter in ("0", "z", "é", "_", ""):
            changed = token[:place] + letter + token[place + 1 :]
            assert is_whole(changed) is (changed == token)


@pytest.mark.parametrize(
    "text", ["", "lft_", "lft_" + "0" * 38, "lft_" + "٣" * 38, "LFT_" + "0" * 32 + "000000"]
)
def test_an_invented_token_is_not_whole(text: str) -> None:
    assert not is_whole(text)


def test_a_hint_gives_away_nothing_but_the_checksum() -> None:
    token = mint()
    assert hint_of(token) == token[-4:]
    assert token[-CHECK_LENGTH:].endswith(hint_of(token))


def test_the_checksum_is_that_of_every_release() -> None:
    assert is_whole("lft_000000000000000000000000000000002wjyrI")
