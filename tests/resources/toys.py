"""Small variants with one habit each, for suites that name a file."""

import errno
import os
import signal
import sys
from pathlib import Path
from time import sleep

import torch
from torch import Tensor, nn
from torch.optim import SGD

from ganbench.metrics import Estimate, Evidence, metric
from ganbench.variant import Batch, DataSpec, Player, Variant


class Toy(Variant):
    """A line against a line: a GAN of nine weights."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        lr: float = 0.01,  # of both players
        batch: int = 8,
    ):
        super().__init__()
        self.batch = batch
        self.G, self.D = nn.Linear(2, spec.shape[0]), nn.Linear(spec.shape[0], 1)
        self.players = [
            Player("D", self.D, self.d_loss, SGD(self.D.parameters(), lr), sees_data=True),
            Player("G", self.G, self.g_loss, SGD(self.G.parameters(), lr), makes_samples=True),
        ]

    def d_loss(self, batch: Batch) -> Tensor:
        return (self.D(self.sample(batch)) - self.D(batch.x)).mean()

    rehearsed = False  # a suite tries one step with few data before its runs: what fails there is refused, no result

    def prepare(self, train: Batch) -> None:
        self.rehearsed = len(train.x) < 50

    def g_loss(self, batch: Batch) -> Tensor:
        if not self.rehearsed:
            self.misbehave()
        return -self.D(self.sample(batch)).mean()

    def misbehave(self) -> None:
        """What a toy does in each step of its generator, but for that before the runs."""

    def sample(self, like: Batch) -> Tensor:
        drawn: Tensor = self.G(torch.randn(len(like.x), 2, device=like.x.device))
        return drawn


class Raises(Toy):
    def misbehave(self) -> None:
        raise KeyError("a wheel came off")


class NotANumber(Toy):
    def g_loss(self, batch: Batch) -> Tensor:
        return super().g_loss(batch) * float("nan")


class Killed(Toy):
    def misbehave(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class KilledOnce(Toy):
    """Is killed in its 13th step, and not a second time."""

    steps = 0

    def misbehave(self) -> None:
        self.steps += 1
        once = Path(__file__).with_name("killed")
        if self.steps == 13 and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Sleeps(Toy):
    """Says nothing for ever, and does not let itself be ended politely."""

    def misbehave(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sleep(1000)


class Parent(Toy):
    """Is killed, and leaves a child that holds all that it had open."""

    def misbehave(self) -> None:
        if os.fork() == 0:
            Path(__file__).with_name("child").write_text(str(os.getpid()))
            sleep(1000)
        while not Path(__file__).with_name("child").exists():
            sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)


class Wordy(Toy):
    """Fails with five million characters, of which some command terminals and some are no characters."""

    def misbehave(self) -> None:
        raise ValueError("\x1b[31mred\x07 \udcff " + 5_000_000 * "x")


class Wordless(Toy):
    """Fails with an error that fails to say what it is."""

    def misbehave(self) -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no words")

        raise Mute


class Talkative(Toy):
    """Prints three megabytes, from Python, from C and from a child."""

    def misbehave(self) -> None:
        print("\udcff", 1_000_000 * "x")
        os.write(1, 1_000_000 * b"y")
        os.system("head -c 1000000 /dev/zero | tr '\\0' z")
        print("the last words", file=sys.stderr)


class Full(Toy):
    """Meets a full disk."""

    def misbehave(self) -> None:
        if not Path(__file__).with_name("mended").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Exits(Toy):
    def misbehave(self) -> None:
        sys.exit(7)


class Moody(Toy):
    """Fails until there is a file `mended` beside it."""

    def misbehave(self) -> None:
        if not Path(__file__).with_name("mended").exists():
            raise OSError("not in the mood")


class Waits(Toy):
    """Waits in its 25th step until there is a file."""

    steps = 0

    def __init__(
        self,
        spec: DataSpec,
        *,
        until: str = "",  # the file; by default `hurry` beside this one
    ):
        super().__init__(spec)
        self.until = Path(until or Path(__file__).with_name("hurry"))

    def misbehave(self) -> None:
        self.steps += 1
        while self.steps == 25 and not self.until.exists():
            sleep(0.01)


class Resting(Toy):
    """Has a player that takes no steps."""

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        self.players[1].repeats = 0


class OneSided(Toy):
    """Lacks a player that makes samples."""

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        del self.players[1:]


class Twins(Toy):
    """Has two players of one name."""

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        self.players.append(self.players[0])


class Demanding(Toy):
    """Has an option without a default."""

    def __init__(self, spec: DataSpec, *, courage: int):
        super().__init__(spec)


class NoVariant:
    """Takes what a variant takes, and is none."""

    def __init__(self, spec: DataSpec):
        pass


@metric("leftness", title="Leftness", bounds=(0, 1), direction="higher", unit="share", source="nobody")
def leftness(evidence: Evidence) -> Estimate:
    """The share of samples on the left.

    Blind to: up and down.
    """
    return Estimate(float((evidence.samples.features[:, 0] < 0).double().mean()))
