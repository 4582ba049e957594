"""Seeds: every random draw of a grading is derived from one secret and from what the draw is for."""

import hmac


def derive(secret: bytes, purpose: str, bits: int = 63) -> int:
    """A seed from 0 to 2^bits - 1; the same secret and purpose always give the same one.

    Seeds of different purposes are independent: who knows one cannot compute another, nor the secret.

    Args:
        secret: of one submission in one results folder, see `autograder.grading.grade.secret_of`.
        purpose: what is drawn, such as "held-out images".
        bits: at most 256. Take 64 or more where student code sees enough of the draw to try out all seeds.
    """
    return int.from_bytes(hmac.digest(secret, purpose.encode(), "sha256"), "big") >> (256 - bits)
