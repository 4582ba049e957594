"""Drive payloads against the sandbox of this machine, and say which layers held them.

    python -m tests.grader.attacks.attack_run [--reader] [NAME ...]

With `--reader`, the payloads attack from the process that reads, see `exploited_reader`.

Prints one JSON object: `isolation`, `seconds`, and under `broken` what went wrong, by payload. For `conditions`, where
pytest may not be able to write its files.
"""

import json
import platform
import sys
import tempfile
import time
from pathlib import Path

from autograder.sandbox.launcher import Zygote
from tests.grader import attacks
from tests.grader.attacks.exploited_reader import attack_reader, exploited_zygote


def main(names: list[str], folder: Path, in_reader: bool = False) -> dict:
    """Run each payload in `folder`, which must be writable."""
    began, broken, isolation = time.monotonic(), {}, ()
    with attacks.bait(folder) as bait, exploited_zygote() if in_reader else Zygote() as zygote:
        for name in names:
            if needs_x86_64(bait.aim(name)) and platform.machine() != "x86_64":
                continue
            try:
                if in_reader:
                    attack_reader(name, bait, zygote, folder)
                    isolation = zygote.layers
                else:
                    isolation = attacks.run_gallery(name, bait, zygote, folder)
            except AssertionError as error:
                broken[name] = str(error) or repr(error)
    return {"isolation": isolation, "payloads": len(names), "seconds": time.monotonic() - began, "broken": broken}


def needs_x86_64(source: str) -> bool:
    """Does a payload use system calls by their numbers?"""
    return "syscall(" in source


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        names = [name for name in sys.argv[1:] if name != "--reader"]
        print(json.dumps(main(names or attacks.NAMES, Path(scratch), "--reader" in sys.argv)))
