"""Which submissions are trained: what is proved to be the reference network reaches the reference's accuracy."""

import random

POLICIES = ("all", "unproved", "audit")
AUDITED = 0.1
"""Share of the proved submissions that an audit trains all the same."""


def must_train(policy: str, proved: bool, seed: int) -> bool:
    """Does the policy ask for this training?

    Args:
        policy: "all"; "unproved"; or "audit", which is "unproved" and some of the others.
        proved: the network is proved, see `autograder.training.proof`.
        seed: the submission's, secret: an audit can be repeated, but not foreseen.
    """
    if policy == "all" or not proved:
        return True
    return policy == "audit" and random.Random(f"audit {seed}").random() < AUDITED
