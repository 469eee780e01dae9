import os
import random
from base64 import urlsafe_b64encode

import pytest

from subscribers import tokens
from subscribers.tokens import Purpose

FORGERIES = 1_000_000 if os.environ.get("NIGHTLY") else 10_000


@pytest.mark.nightly
def test_of_ten_thousand_forged_or_altered_tokens_none_is_accepted() -> None:
    dice = random.Random(7)
    genuine = {tokens.sign(purpose, pk, epoch) for purpose in Purpose for pk in (1, 2, 71) for epoch in (0, 1)}
    known = sorted(genuine)
    for _ in range(FORGERIES):
        token, purpose = forged(dice, known), dice.choice(list(Purpose))
        if token not in genuine:
            assert tokens.unsign_with_epoch(purpose, token) is None, token


def forged(dice: random.Random, known: list[str]) -> str:
    """Return a token that nobody signed: another's signature, changed or cut letters, a signature by chance."""
    token = dice.choice(known)
    value, _, signature = token.partition("~")
    at = dice.randrange(len(token))
    match dice.randrange(8):
        case 0:
            return f"{value}~{dice.choice(known).partition('~')[2]}"
        case 1:
            return token[:at] + dice.choice("0123456789.~-_AZaz=+/ ١é\0\n") + token[at + 1 :]
        case 2:
            return token[:at] + token[at + 1 :]
        case 3:
            return token[:at] + dice.choice("09.~=A ") + token[at:]
        case 4:
            return f"{dice.randrange(10)}.{dice.randrange(3)}~{signature}"
        case 5:
            return f"{value}~{urlsafe_b64encode(dice.randbytes(32)).rstrip(b'=').decode()}"
        case 6:
            return token.swapcase() + dice.choice(["", "=", "~", "\n", "\0"])
        case _:
            return f"{value}~{signature}{dice.choice(['=', '==', ' ', 'A'])}"
