"""Pairs of submissions whose code is nearly the same after renaming: a hint for teaching assistants, and no points."""

import contextlib
import itertools
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox.launcher import Zygote
from autograder.sandbox.reader import read_confined
from autograder.submission import UnreadableSubmission

LEAST = 0.8
"""Share from which a pair is listed. A renamed copy has 1, each line that is edited takes about 0.05, and right answers
of different people in the gallery share at most 0.32."""


@dataclass(frozen=True)
class Pair:
    """Two submissions that are nearly the same.

    Args:
        names: of the two.
        share: of the parts of both, how many are in both, 0 to 1.
        alone: share of the common parts that no other submission has. Right answers to a small task are much alike;
            what only two have is telling.
    """

    names: tuple[str, str]
    share: float
    alone: float


def read_sketches(files: Mapping[str, Path]) -> dict[str, frozenset[int]]:
    """What submissions are compared by; those without code that can be read are left out.

    Raises:
        SandboxUnavailable: they cannot be read in a confined process here.
    """
    found = {}
    with Zygote() as zygote:
        for name, path in files.items():
            with contextlib.suppress(UnreadableSubmission):
                found[name] = frozenset(read_confined(path, zygote).sketch)
    return {name: parts for name, parts in found.items() if parts}


def similar_pairs(sketches: Mapping[str, Collection[int]], least: float = LEAST) -> list[Pair]:
    """The pairs that have at least this share in common; those first that share most of what no other has."""
    owners = Counter(itertools.chain.from_iterable(sketches.values()))
    pairs = []
    for (one, a), (other, b) in itertools.combinations(sketches.items(), 2):
        if min(len(a), len(b)) < least * max(len(a), len(b)):
            continue
        common = a & b
        share = len(common) / len(a | b)
        if share >= least:
            pairs.append(Pair((one, other), share, sum(owners[part] == 2 for part in common) / len(common)))
    return sorted(pairs, key=lambda pair: (-pair.alone, -pair.share, pair.names))
