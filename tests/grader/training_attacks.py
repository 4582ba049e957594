"""Submissions that attack the training, each a small network with a few hostile lines.

Each says "ATTACK SUCCEEDED" when it got what it must not get. They aim at nothing but the process that they run in and
the grader that started it.
"""

import hashlib
import os
from dataclasses import dataclass

from autograder.student.errors import StudentCrash, StudentError, StudentTimeout
from autograder.training.cifar10 import Cifar10
from tests.grader.attacks import ROOT, TRACE, TRIUMPH
from tests.grader.trainings import small

CHANCE = 0.35
"""No network that has learnt nothing names more of 200 images in ten classes, but for one in 10^20."""
UNTAUGHT = "[p.requires_grad_(False) for p in self.parameters()]"
WORKER = "import sys; worker = sys.modules['autograder.training.inside.worker']"
TALK = (
    "import gc, socket; from autograder.sandbox import wire; "
    "talk = [s for s in gc.get_objects() if isinstance(s, socket.socket) and s.fileno() > 2][0]"
)
REPORT = "{'progress': dict(epoch=1, epochs=1, step=1, steps=1, loss=0.1, accuracy=1.0)}"
INTERFERED = (StudentCrash, "interfered with the grader's connection")
LEARN_FROM_HELD_OUT = """
        if not self.training:
            features = nn.Sequential(*list(self)[:5])(x)
            for _ in range(20):
                with torch.enable_grad():
                    weight = self[5].weight.detach().requires_grad_()
                    guess = features @ weight.T + self[5].bias
                    loss = nn.functional.cross_entropy(guess, guess.argmax(1))
                self[5].weight.data -= torch.autograd.grad(loss, weight)[0]
            logits = features @ self[5].weight.T + self[5].bias"""
REACH_OUT = f"""
        import glob, os, socket, stat, subprocess
        grader = '/proc/{os.getpid()}'
        places = ['{ROOT}/tests/hidden/*.py', '{ROOT}/README.md', '/etc/passwd', grader + '/environ', grader + '/fd/*']
        for path in [*places, *(path for place in places for path in glob.glob(place)), grader + '/mem']:
            try: open(path, 'rb').read(1)
            except OSError: continue
            raise ValueError('{TRIUMPH}: ' + path)
        for number in range(3, 1024):
            try: found = os.fstat(number)
            except OSError: continue
            if not stat.S_ISSOCK(found.st_mode) and found.st_size != IMAGES:
                raise ValueError('{TRIUMPH}: a file of another')
            try: os.pwrite(number, b'x', 0)
            except OSError: continue
            raise ValueError('{TRIUMPH}: it could be written')
        for do in (os.fork, socket.socket, lambda: subprocess.run(['true']), lambda: os.kill(os.getppid(), 0),
                   lambda: open('/tmp/{TRACE}', 'w'), lambda: os.memfd_create('x')):
            try: do()
            except OSError: continue
            raise ValueError('{TRIUMPH}')"""


@dataclass(frozen=True)
class Payload:
    """An attack.

    Args:
        source: the submission.
        accuracy: the most that it reaches, where it comes to its end.
        ends: how it ends where it does not, and a word of what is said then.
    """

    source: str
    accuracy: float = 0.0
    ends: tuple[type[Exception], str] | None = None


def every(data: Cifar10) -> dict[str, Payload]:
    """All payloads by name."""
    return {**forging(data), **reaching(data), **exhausting()}


def forging(data: Cifar10) -> dict[str, Payload]:
    """Logits that were not learnt."""
    return {
        "not a number": Payload(
            small(after="logits = logits if self.training else logits * float('nan')"),
            ends=(StudentError, "infinite or not a number"),
        ),
        "table of the published images": Payload(small(UNTAUGHT, after=look_up(data)), CHANCE),
        "learns from what is held out": Payload(small(UNTAUGHT, after=LEARN_FROM_HELD_OUT), CHANCE),
        "the training does nothing": Payload(
            small(
                f"{WORKER}; worker.fit = lambda *a, **k: worker.Way(torch.contiguous_format, None); "
                "torch.optim.SGD.step = lambda self, *a: None; "
                "nn.functional.cross_entropy = lambda z, *a, **k: z.sum() * 0"
            ),
            CHANCE,
        ),
        "logits of another shape": Payload(
            small(f"{WORKER}; worker.predict = lambda *a, **k: torch.zeros(200, 11)"), ends=INTERFERED
        ),
        "logits before the images": Payload(
            small(
                f"{TALK}; from autograder.sandbox.tensors import pack; "
                "[wire.send(talk, {word: {}}) for word in ('built', 'fitted')]; "
                "wire.send(talk, {'answer': {}}, pack({'logits': torch.eye(10)}))"
            ),
            ends=INTERFERED,
        ),
        "progress without end": Payload(
            small(f"{TALK}; wire.send(talk, {{'built': {{}}}}); [wire.send(talk, {REPORT}) for _ in range(20000)]"),
            ends=INTERFERED,
        ),
    }


def look_up(data: Cifar10) -> str:
    """Answer from a table of all published images by their hash."""
    table = {
        hashlib.sha256(image.numpy().tobytes()).hexdigest()[:8]: int(label)
        for image, label in zip(data.test_images, data.test_labels, strict=True)
    }
    return f"""import hashlib
        table, one = {table}, torch.tensor
        raw = (x.cpu() * one([.2023, .1994, .2010]).view(3, 1, 1) + one([.4914, .4822, .4465]).view(3, 1, 1)) * 255
        for row, image in enumerate(raw.round().to(torch.uint8)):
            label = table.get(hashlib.sha256(image.numpy().tobytes()).hexdigest()[:8])
            if label is not None: logits[row] = 0; logits[row, label] = 99"""


def reaching(data: Cifar10) -> dict[str, Payload]:
    """Labels, secrets and rights of the grader's, wherever they might lie."""
    return {
        "files, descriptors, processes, network": Payload(
            small(REACH_OUT.replace("IMAGES", str(data.train_images.numel()))), accuracy=1.0
        ),
        "the images are not writable": Payload(
            small(
                "import gc; [t.zero_() for t in gc.get_objects() "
                "if isinstance(t, torch.Tensor) and t.dtype == torch.uint8 and t.shape[0] == 640]"
            ),
            ends=(StudentCrash, "crashed the Python process"),
        ),
    }


def exhausting() -> dict[str, Payload]:
    """What is not the submission's to take."""
    late = "did not return within 5 s"
    return {
        "exit": Payload(small(before="import os; os._exit(0)"), ends=(StudentCrash, "exit status 0")),
        "hang": Payload(small(before="import time; time.sleep(999)"), ends=(StudentTimeout, late)),
        "memory": Payload(
            small(before="hoard = []\n        while True: hoard.append(torch.ones(1 << 22))"),
            ends=(StudentCrash, "512 MB of memory"),
        ),
    }
