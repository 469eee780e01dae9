"""A proof of work that takes a browser about a second, too expensive for thousands of requests."""

import json
from datetime import timedelta
from typing import Any

from altcha import Payload, create_challenge, verify_solution
from django.utils.crypto import salted_hmac

from newsletter import clock

LIFETIME = timedelta(minutes=20)
COST = 5000  # PBKDF2 rounds per try; one byte must match, so 256 tries on average
LONGEST_PROOF = 2000  # characters


def new_challenge() -> str:
    """Return a new challenge as JSON for static/proof.js."""
    until = int((clock.now() + LIFETIME).timestamp())
    created: Any = create_challenge("PBKDF2/SHA-256", COST, data={"until": until}, hmac_secret=hmac_secret())
    return json.dumps(created.to_dict())


def nonce_of(proof: str) -> str | None:
    """Return the nonce of a solved challenge of ours; None if it is forged, unsolved or expired."""
    if not proof or len(proof) > LONGEST_PROOF or not verify_solution(proof, hmac_secret()).verified:
        return None
    parameters: Any = Payload.from_base64(proof).challenge.parameters
    is_expired = clock.now().timestamp() > parameters.data["until"]
    return None if is_expired else str(parameters.nonce)


def hmac_secret() -> str:
    return salted_hmac("paper-round.proof", "key", algorithm="sha256").hexdigest()
