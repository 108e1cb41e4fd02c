"""What is asked: pictures of which rows, and in which order each rater sees them.

A picture of images is a sample of the last checkpoint; of points it is a scatter plot of some of them. Real pictures
are those of the control `real`. Each rater gets an order of their own: balanced over datasets and rows, half of the
pictures real, and now and then one whose answer everybody knows, noise, which tells who does not look.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ganbench.errors import BenchError
from ganbench.rating.pictures import DOTS, Pixels, Window, digest, image, scatter, window_around
from ganbench.store import Results

Kind = Literal["real-or-fake", "which-is-better"]
Answer = Literal["real", "fake", "first", "second"]
ANSWERS: dict[Kind, tuple[Answer, Answer]] = {
    "real-or-fake": ("fake", "real"),
    "which-is-better": ("first", "second"),
}

T = TypeVar("T")
REAL = "real"  # the control whose samples are real, by its variant's name
STRIP = 8  # real pictures above a pair
PRACTICE = 4  # trials with feedback, of each kind, which do not count
EVERY = 15  # trials, one of them with an answer that everybody knows
CLOUDS = 40  # scatter plots that can be drawn of one run


@dataclass(frozen=True)
class Design:
    """How a study asks. What changes the answers' meaning is in `key`."""

    kinds: tuple[Kind, ...]
    trials: int  # of a rater, practice and known answers left out
    limit: float  # seconds for which a picture is seen; 0: as long as it is not answered


class Picture(NamedTuple):
    """One picture: the n-th of a run, or of the noise that is made here (run "")."""

    run: str
    number: int


class Trial(NamedTuple):
    """One question. `truth` is the answer that is right, "" where nobody knows one."""

    kind: Kind
    dataset: str
    first: Picture
    second: Picture | None
    truth: str
    practice: bool = False
    known: bool = False  # an answer that everybody knows


class Row(NamedTuple):
    """The pictures of a run that can be shown."""

    run: str
    label: str
    seed: int
    samples: NDArray[Any]  # images (n, h, w, c) as bytes or points (n, 2)


class Pool:
    """The pictures of one dataset."""

    def __init__(self, dataset: str, real: Row, rows: Sequence[Row]):
        self.dataset, self.real = dataset, real
        self.rows = {row.run: row for row in (real, *rows)}
        self.variants = list(rows)
        self.points = real.samples.ndim == 2
        self.window: Window | None = window_around(real.samples) if self.points else None
        self.strip = [Picture(real.run, number) for number in range(min(STRIP, self.size(real) // 3))]

    def size(self, row: Row) -> int:
        """How many pictures there are of a row."""
        return CLOUDS if self.points else len(row.samples)

    def pixels(self, picture: Picture) -> Pixels:
        """What is shown. A scatter plot's points are drawn by its number, so that it is the same every time."""
        rng = np.random.default_rng(picture.number)
        if self.window is not None:
            if not picture.run:
                return scatter(rng.uniform(self.window.low, self.window.high, (DOTS, 2)), self.window)
            points = self.rows[picture.run].samples
            return scatter(points[rng.permutation(len(points))[:DOTS]], self.window)
        if not picture.run:
            return image(rng.integers(0, 256, self.real.samples.shape[1:], np.uint8))
        return image(self.rows[picture.run].samples[picture.number])

    def unseen_reals(self) -> list[Picture]:
        """Real pictures that are not in the strip."""
        return [Picture(self.real.run, number) for number in range(len(self.strip), self.size(self.real))]


class Study:
    """A study of one suite's results."""

    def __init__(self, results: Results, design: Design, datasets: Sequence[str] = ()):
        """Raises BenchError if there is nothing to show, or too little."""
        self.results, self.design = results, design
        self.pools = {pool.dataset: pool for pool in _pools(results, datasets)}
        if "which-is-better" in design.kinds and all(len(_pairs(pool)) == 0 for pool in self.pools.values()):
            raise BenchError(
                f"{results.path} has samples of a single variant, but a comparison needs two. "
                "Ask --study real-or-fake, or train another variant."
            )
        # Every order needs as many pictures: one that can be made shows that all can.
        self.trials(seed=0)
        self.key = _key(design, self.pools)

    def trials(self, seed: int) -> list[Trial]:
        """A rater's questions in their order: of each kind some practice, then those that count."""
        rng = np.random.default_rng(seed)
        share = [self.design.trials // len(self.design.kinds)] * len(self.design.kinds)
        share[0] += self.design.trials - sum(share)
        asked: list[Trial] = []
        for kind, n in zip(self.design.kinds, share, strict=True):
            if kind == "real-or-fake":
                made = self._real_or_fake(n + PRACTICE, rng)
                practice, counted = made[:PRACTICE], made[PRACTICE:]
            else:  # nobody knows which of two rows is better, so practice is on real ones beside noise
                practice, counted = [self._known(kind, rng) for _ in range(PRACTICE)], self._which_is_better(n, rng)
            asked += [trial._replace(practice=True) for trial in practice]
            asked += self._with_known(kind, counted, rng)
        return asked

    def _real_or_fake(self, n: int, rng: np.random.Generator) -> list[Trial]:
        """Half of them real; each dataset and each row as often as any other, but for the last few."""
        fakes = list(_take(self._fakes(rng), n // 2))
        reals = {name: iter(_shuffled(pool.unseen_reals(), rng)) for name, pool in self.pools.items()}
        made = [Trial("real-or-fake", pool, picture, None, "fake") for pool, picture in fakes]
        for i in range(n - len(fakes)):
            dataset = fakes[i % len(fakes)][0] if fakes else next(iter(self.pools))
            picture = next(reals[dataset], None)
            if picture is None:
                raise BenchError(
                    f"{self.design.trials} trials need more real pictures of {dataset} than the "
                    f"{len(self.pools[dataset].unseen_reals())} of its row {REAL}. Ask fewer: --trials {i}."
                )
            made.append(Trial("real-or-fake", dataset, picture, None, "real"))
        return _shuffled(made, rng)

    def _which_is_better(self, n: int, rng: np.random.Generator) -> list[Trial]:
        """Two rows of one seed each: every pair as often as any other, but for the last few, on either side."""
        made = []
        for pool, (a, b) in _take(self._all_pairs(rng), n):
            first, second = (a, b) if rng.random() < 0.5 else (b, a)
            pictures = [Picture(row.run, int(rng.integers(pool.size(row)))) for row in (first, second)]
            made.append(Trial("which-is-better", pool.dataset, pictures[0], pictures[1], ""))
        return made

    def _fakes(self, rng: np.random.Generator) -> Iterator[tuple[str, Picture]]:
        """Endless: each label of each dataset once, in a new order every time, a run and a picture of it by chance."""
        labels = [(pool, label) for pool in self.pools.values() for label in _labels(pool)]
        while True:
            for pool, label in _shuffled(labels, rng):
                runs = [row for row in pool.variants if row.label == label]
                row = runs[int(rng.integers(len(runs)))]
                yield pool.dataset, Picture(row.run, int(rng.integers(pool.size(row))))

    def _all_pairs(self, rng: np.random.Generator) -> Iterator[tuple[Pool, tuple[Row, Row]]]:
        """Endless: each pair of labels of each dataset once, in a new order every time, with a seed that both have."""
        pairs = [(pool, pair) for pool in self.pools.values() for pair in _pairs(pool)]
        while True:
            for pool, (a, b) in _shuffled(pairs, rng):
                both = [(x, y) for x in pool.variants for y in pool.variants
                        if (x.label, y.label) == (a, b) and x.seed == y.seed]  # fmt: skip
                yield pool, both[int(rng.integers(len(both)))]

    def _with_known(self, kind: Kind, trials: list[Trial], rng: np.random.Generator) -> list[Trial]:
        """The same with an answer that everybody knows somewhere among every few."""
        asked: list[Trial] = []
        for start in range(0, len(trials), EVERY):
            part = trials[start : start + EVERY]
            part.insert(int(rng.integers(len(part) + 1)), self._known(kind, rng))
            asked += part
        return asked

    def _known(self, kind: Kind, rng: np.random.Generator) -> Trial:
        pool = list(self.pools.values())[int(rng.integers(len(self.pools)))]
        noise, real = Picture("", int(rng.integers(1 << 30))), pool.strip[int(rng.integers(len(pool.strip)))]
        if kind == "real-or-fake":
            return Trial(kind, pool.dataset, noise, None, "fake", known=True)
        if rng.random() < 0.5:
            return Trial(kind, pool.dataset, real, noise, "first", known=True)
        return Trial(kind, pool.dataset, noise, real, "second", known=True)


def last_samples(results: Results, run: str) -> NDArray[Any] | None:
    """Samples of a run's last checkpoint, which boards show; what has no budget keeps them as the only ones."""
    frames = results.exhibits(run).get("frames")
    return results.samples(run) if frames is None or not len(frames) else frames[-1]


def _pools(results: Results, datasets: Sequence[str]) -> Iterator[Pool]:
    done = results.runs[results.runs["status"] == "done"]
    known = list(dict.fromkeys(done["dataset"]))
    if missing := [name for name in datasets if name not in known]:
        raise BenchError(f"{results.path} has no finished run on {missing[0]}. There are: {', '.join(known)}.")
    found = [pool for name in datasets or known if (pool := _pool(results, done[done["dataset"] == name], name))]
    if not found:
        raise BenchError(
            f"{results.path} holds no samples of a variant beside real ones. A study needs a finished run of a variant "
            f"and of the control {REAL}, with their samples.npy."
        )
    yield from found


def _pool(results: Results, done: Any, dataset: str) -> Pool | None:
    """None if there are no real samples, or nothing to hold beside them."""
    rows, real = [], None
    for run, label, variant, seed, control in done[["run", "label", "variant", "seed", "control"]].itertuples(
        index=False
    ):
        if control and variant != REAL:
            continue
        samples = results.samples(run) if variant == REAL else last_samples(results, run)
        if samples is None or not len(samples):
            continue
        row = Row(run, label, int(seed), samples)
        if variant == REAL:
            real = real or row
        else:
            rows.append(row)
    return Pool(dataset, real, rows) if real and rows else None


def _labels(pool: Pool) -> list[str]:
    return list(dict.fromkeys(row.label for row in pool.variants))


def _pairs(pool: Pool) -> list[tuple[str, str]]:
    """Pairs of labels that have a seed in common."""
    seeds = {label: {row.seed for row in pool.variants if row.label == label} for label in _labels(pool)}
    return [(a, b) for a, b in combinations(seeds, 2) if seeds[a] & seeds[b]]


def _key(design: Design, pools: dict[str, Pool]) -> str:
    """What answers depend on beside what was rated: how it was asked, and what stood for real."""
    reals = {name: [digest(pool.pixels(picture)) for picture in pool.strip] for name, pool in pools.items()}
    return sha256(repr((design.kinds, float(design.limit), sorted(reals.items()))).encode()).hexdigest()[:12]


def _shuffled(items: Sequence[T], rng: np.random.Generator) -> list[T]:
    return [items[i] for i in rng.permutation(len(items))]


def _take(items: Iterator[T], n: int) -> Iterator[T]:
    yield from (item for item, _ in zip(items, range(n), strict=False))
