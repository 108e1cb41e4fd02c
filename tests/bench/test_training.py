"""How fast `gan` trains on MNIST, against the loop that tutorials teach, and against its own step called bare.

    pytest tests/bench/test_training.py --benchmark-only -s

Both sides of a comparison take turns every fraction of a second, so that whatever else the machine does
slows both. The ratios are medians over the turns, and beside them that of the fastest turn of either side,
which a busy machine disturbs least; they are printed, and kept as `extra_info`. Matrix products bound what
can be won: both loops spend the same floating-point operations on them, and only the rest differs.
"""

import os
import sys
from collections.abc import Callable, Iterator
from statistics import median
from subprocess import PIPE, Popen
from time import perf_counter

import pytest
import torch
from torch import Tensor, nn, optim

from ganbench.data.mnist import Mnist, find_mnist
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch
from ganbench.zoo.gan import GAN

BATCH = 64
TURN = 10  # rounds
TURNS = 25

Step = Callable[[], object]


@pytest.fixture(scope="module")
def digits() -> Batch:
    if find_mnist() is None:
        pytest.skip("MNIST's files are not here: set GANBENCH_DATA, or run `ganbench data fetch mnist`")
    return Mnist(size=28).train()


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ours(digits: Batch, turns: int = TURNS + 5) -> Step:
    """Each call trains `TURN` rounds of one run."""
    torch.manual_seed(0)
    variant = GAN(Mnist(size=28).spec)
    run = train(variant, digits, Budget("updates", TURN * turns), Ledger(), intervals=turns)
    return lambda: next(run)


# The tutorial


def tutorial() -> Step:
    """Each call trains `TURN` rounds of the loop of countless tutorials: DataLoader, transforms, plain Adam."""
    from torchvision import datasets, transforms

    found = find_mnist()
    assert found is not None
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    try:
        dataset = datasets.MNIST(root=str(found[0].parents[2]), train=True, download=False, transform=transform)
    except RuntimeError as error:
        pytest.skip(f"torchvision cannot read MNIST's files: {error}")
    loader = torch.utils.data.DataLoader(dataset=dataset, batch_size=BATCH, shuffle=True)

    generator = nn.Sequential(
        nn.Linear(100, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 1024), nn.ReLU(),
        nn.Linear(1024, 28 * 28), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Linear(28 * 28, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 512), nn.LeakyReLU(0.2),
        nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1), nn.Sigmoid(),
    )  # fmt: skip
    criterion = nn.BCELoss()
    optimizer_g = optim.Adam(generator.parameters(), lr=0.0002, betas=(0.5, 0.999))
    optimizer_d = optim.Adam(discriminator.parameters(), lr=0.0002, betas=(0.5, 0.999))

    def rounds() -> Iterator[None]:
        while True:
            for images, _ in loader:
                real_labels = torch.ones(images.size(0), 1)
                fake_labels = torch.zeros(images.size(0), 1)

                optimizer_d.zero_grad()
                d_loss_real = criterion(discriminator(images), real_labels)
                d_loss_real.backward()
                fake = generator(torch.randn(images.size(0), 100))
                d_loss_fake = criterion(discriminator(fake.detach()), fake_labels)
                d_loss_fake.backward()
                optimizer_d.step()

                optimizer_g.zero_grad()
                g_loss = criterion(discriminator(fake), real_labels)
                g_loss.backward()
                optimizer_g.step()
                yield

    endless = rounds()

    def turn() -> None:
        for _ in range(TURN):
            next(endless)

    return turn


# Turns


def seconds_of(step: Step) -> float:
    started = perf_counter()
    step()
    return perf_counter() - started


def take_turns(benchmark, measured: Step, other: Step, turns: int = TURNS) -> tuple[list[float], float]:
    """Benchmark `measured`, with a turn of `other` before each of its turns.

    Returns how many times faster it was in each turn, and by the fastest turn of either side.
    """
    others: list[float] = []
    for warm in (other, measured, other, measured):
        warm()
    benchmark.pedantic(measured, setup=lambda: others.append(seconds_of(other)), rounds=turns)
    own: list[float] = benchmark.stats.stats.data
    return [theirs / ours for theirs, ours in zip(others, own, strict=True)], min(others) / min(own)


def tell(benchmark, name: str, ratios: list[float], fastest: float, target: str, unit: str = " times") -> None:
    low, middle, high = sorted(ratios)[len(ratios) // 4], median(ratios), sorted(ratios)[-1 - len(ratios) // 4]
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    benchmark.extra_info.update(
        {name: middle, "quartiles": [low, high], "fastest": fastest, "target": target, "load": load}
    )
    found = f"{middle:.3g}{unit}, quartiles {low:.3g} to {high:.3g}, by the fastest turns {fastest:.3g}"
    print(f"\n{name}: {found} (target {target}; load {load})")


def test_one_run_against_the_tutorials_loop(benchmark, digits):
    """Both with as many threads as torch takes by itself."""
    ratios, fastest = take_turns(benchmark, ours(digits), tutorial())
    speed = TURN * BATCH / median(benchmark.stats.stats.data)
    benchmark.extra_info.update(images_per_second=speed, threads=torch.get_num_threads())
    tell(benchmark, "images per second of one run over the tutorial's", ratios, fastest, "2.2 on 2 cores")


def test_two_workers_of_one_thread_against_the_tutorials_loop(benchmark, digits):
    """Images per second of the whole machine; the tutorial's loop has all of it to itself in its turns."""
    command = [sys.executable, __file__]  # this very file, below: test modules cannot be imported by name
    workers = [Popen(command, stdin=PIPE, stdout=PIPE, text=True) for _ in range(2)]

    def both() -> None:
        for worker in workers:
            print("turn", file=worker.stdin, flush=True)
        for worker in workers:
            assert worker.stdout.readline(), "a worker is gone"

    try:
        ratios, fastest = take_turns(benchmark, both, tutorial())
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    benchmark.extra_info["images_per_second"] = 2 * TURN * BATCH / median(benchmark.stats.stats.data)
    name = "images per second of two workers over the tutorial's"
    tell(benchmark, name, [2 * ratio for ratio in ratios], 2 * fastest, "3.5 on 2 cores")


# The loop's own cost


def bare(digits: Batch) -> tuple[GAN, Step]:
    """Each call takes the same steps as the loop's, in one straight line: no players, terms, ledger or history."""
    torch.manual_seed(0)
    variant = GAN(Mnist(size=28).spec).requires_grad_(False)
    G, D, loss = variant.G, variant.D, variant.loss
    d_optimizer, g_optimizer = (player.optimizer for player in variant.players)

    def draw() -> Tensor:
        return digits.x.index_select(0, torch.randint(len(digits.x), (BATCH,)))

    def turn() -> None:
        for _ in range(TURN):
            x = draw()
            D.requires_grad_(True)
            real, fake = D(torch.cat([x, G(torch.randn(BATCH, 100))])).chunk(2)
            d_optimizer.zero_grad()
            loss.d(real, fake).backward()
            d_optimizer.step()
            D.requires_grad_(False)

            x = draw()
            G.requires_grad_(True)
            g_optimizer.zero_grad()
            loss.g(None, D(G(torch.randn(BATCH, 100)))).backward()
            g_optimizer.step()
            G.requires_grad_(False)

    return variant, turn


def test_the_loop_costs_little_over_the_bare_steps(benchmark, digits, one_thread):
    """One thread each: more would hide the loop's time behind the threads' noise."""
    _, straight = bare(digits)
    ratios, fastest = take_turns(benchmark, ours(digits, 2 * TURNS + 5), straight, 2 * TURNS)
    percent, least = [100 / ratio - 100 for ratio in ratios], 100 / fastest - 100
    tell(benchmark, "time of the loop over the bare steps", percent, least, "3 % at most", " %")


def test_the_bare_steps_are_the_loops(benchmark, digits, one_thread):
    """Not a speed, but what makes the one above mean something: both end with the same bits."""
    torch.manual_seed(0)
    looped = GAN(Mnist(size=28).spec)
    for _ in train(looped, digits, Budget("updates", TURN), Ledger(), intervals=1):
        pass
    variant, straight = bare(digits)
    benchmark.pedantic(straight, rounds=1)
    assert all(tensor.equal(looped.state_dict()[name]) for name, tensor in variant.state_dict().items())


if __name__ == "__main__":  # a worker: a turn for each line that comes in
    torch.set_num_threads(1)
    worker_step = ours(Mnist(size=28).train())
    for _ in sys.stdin:
        worker_step()
        print("done", flush=True)
