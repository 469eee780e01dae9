"""A proof of work that a browser does in about a second: what a sender of thousands cannot afford."""

import json
from datetime import timedelta
from typing import Any

from altcha import Payload, create_challenge, verify_solution
from django.utils.crypto import salted_hmac

from newsletter import clock

LIFETIME = timedelta(minutes=20)
COST = 5000  # rounds of PBKDF2 a try; a byte has to fit, so it takes 256 tries in the mean
LONGEST = 2000  # characters of a proof


def challenge() -> str:
    """Return a new challenge as JSON for static/proof.js."""
    until = int((clock.now() + LIFETIME).timestamp())
    made: Any = create_challenge("PBKDF2/SHA-256", COST, data={"until": until}, hmac_secret=secret())
    return json.dumps(made.to_dict())


def nonce_of(proof: str) -> str | None:
    """Return what tells this challenge from others, where it is ours, not too old, and solved; None elsewhere."""
    if not proof or len(proof) > LONGEST or not verify_solution(proof, secret()).verified:
        return None
    asked: Any = Payload.from_base64(proof).challenge.parameters
    is_over = clock.now().timestamp() > asked.data["until"]
    return None if is_over else str(asked.nonce)


def secret() -> str:
    return salted_hmac("paper-round.proof", "key", algorithm="sha256").hexdigest()
