"""The one rule for text that people write: nobody is shown less, or in another order, than is kept.

Control characters, zero-width characters and direction marks let two names look alike, turn the end
of a line around, or hide words from whoever reviews them. They are refused wherever text comes in.
Prose (a reason, a note, a rule, a sheet) may have line breaks and tabs, and the two joiners without
which Persian, several Indian scripts and joined emoji cannot be written.

Outside the rule is what a kind of stack or a cloud describes itself (parameters, credentials), and
passwords, which are hashed as they are and never shown.
"""

from __future__ import annotations

import unicodedata

PROSE = frozenset({"reason", "note", "rule", "csv"})
LABELS = "labels"
OUTSIDE = frozenset({"parameters", "credentials"})
PASSWORDS = frozenset({"password", "current_password", "new_password", "repeated"})

HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
ALLOWED_IN_PROSE = frozenset("\n\r\t\u200c\u200d")
# Letters and marks by their category, and yet nothing to see (Default_Ignorable_Code_Point, and the
# blank of Braille). U+FE0E and U+FE0F are left out: they choose between two looks of an emoji.
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
INVISIBLE_RANGES = ((0x180B, 0x180F), (0xFE00, 0xFE0D), (0xE0000, 0xE0FFF))


def find_hidden(text: str, *, is_prose: bool = False) -> str | None:
    """Return the name of the first character of ``text`` that it may not have, if there is one.

    Args:
        text: what somebody wrote.
        is_prose: whether it may have several lines.
    """
    if text.isascii() and text.isprintable():
        return None
    for letter in dict.fromkeys(text):  # each once: a long text has few
        if _is_hidden(letter) and not (is_prose and letter in ALLOWED_IN_PROSE):
            name = unicodedata.name(letter, "a control character")
            return f"U+{ord(letter):04X} ({name})"
    return None


def explain_hidden(path: tuple[str, ...], text: str) -> str | None:
    """Return what is wrong with the characters of ``text``, if anything.

    Args:
        path: the names of the fields down to the one that holds ``text``.
        text: its value.
    """
    is_named_by_user = path[:1] == (LABELS,)  # a label may be called "reason", or "password"
    if not path or path[0] in OUTSIDE or (path[-1] in PASSWORDS and not is_named_by_user):
        return None
    found = find_hidden(text, is_prose=path[-1] in PROSE and not is_named_by_user)
    return f"Has {found}, which cannot be seen or turns text around." if found else None


def _is_hidden(letter: str) -> bool:
    if unicodedata.category(letter) in HIDDEN_CATEGORIES or letter in INVISIBLE:
        return True
    return any(first <= ord(letter) <= last for first, last in INVISIBLE_RANGES)
