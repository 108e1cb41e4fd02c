"""Made-up results with everything a report must show: two datasets, controls, a diverged run, several seeds."""

import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame

# ruff: noqa: E501 (the tables of levels)
Levels = Mapping[str, tuple[str, str, Mapping[str, float]]]
# metric -> (direction, unit, {label: level}); levels of the quality that a seed scatters around
RING: Levels = {
    "reverse_kl": ("lower", "nats", {"gan": 0.9, "dcgan": 0.35, "wgan": 0.12, "real": 0.0006, "memorizer": 0.0007, "mode_dropper": 0.69, "noise": 1.4}),
    "modes": ("higher", "modes", {"gan": 4, "dcgan": 6, "wgan": 8, "real": 8, "memorizer": 8, "mode_dropper": 4, "noise": 8}),
    "modes_third": ("higher", "modes", {"gan": 3, "dcgan": 6, "wgan": 7, "real": 8, "memorizer": 8, "mode_dropper": 4, "noise": 0}),
    "high_quality": ("higher", "share", {"gan": 0.8, "dcgan": 0.86, "wgan": 0.71, "real": 0.989, "memorizer": 0.989, "mode_dropper": 0.989, "noise": 0.01}),
}  # fmt: skip
MNIST: Levels = {
    "fid": ("lower", "", {"gan": 31.0, "dcgan": 9.4, "wgan": 10.1, "real": 0.4, "memorizer": 0.45, "mode_dropper": 88.0, "noise": 412.0}),
    "is": ("higher", "", {"gan": 7.1, "dcgan": 9.2, "wgan": 9.0, "real": 9.8, "memorizer": 9.8, "mode_dropper": 4.9, "noise": 1.4}),
    "classes": ("higher", "classes", {"gan": 9, "dcgan": 10, "wgan": 10, "real": 10, "memorizer": 10, "mode_dropper": 5, "noise": 3}),
    "class_kl": ("lower", "nats", {"gan": 0.2, "dcgan": 0.03, "wgan": 0.05, "real": 0.001, "memorizer": 0.001, "mode_dropper": 0.7, "noise": 1.2}),
    "confidence": ("higher", "share", {"gan": 0.88, "dcgan": 0.96, "wgan": 0.95, "real": 0.995, "memorizer": 0.995, "mode_dropper": 0.995, "noise": 0.6}),
    "entropy": ("higher", "nats", {"gan": 2.0, "dcgan": 2.28, "wgan": 2.26, "real": 2.302, "memorizer": 2.302, "mode_dropper": 1.6, "noise": 0.9}),
}  # fmt: skip
# metric -> title and bounds
FACTS = {
    "reverse_kl": ("Reverse KL", 0, math.inf), "modes": ("Modes", 0, math.inf), "modes_third": ("Modes ⅓", 0, math.inf),
    "high_quality": ("High quality", 0, 1), "fid": ("FID", 0, math.inf), "is": ("IS", 1, math.inf),
    "classes": ("Classes", 0, math.inf), "class_kl": ("Class KL", 0, math.inf), "confidence": ("Confidence", 0, 1),
    "entropy": ("Entropy", 0, math.inf), "game_value": ("Game value", -math.inf, 0),
    "game_value_optimal": ("Game value, best D", -math.inf, 0),
}  # fmt: skip
DATASETS = {"ring8": ("truth", RING), "mnist5k": ("mnist", MNIST)}
VARIANTS, CONTROLS = ("gan", "dcgan", "wgan"), ("real", "memorizer", "mode_dropper", "noise")
BUDGET = 200_000


@dataclass
class Synthetic:
    """What `ganbench.store` reads back, without a disk."""

    suite: str = "quick"
    path: Path = Path("results/quick")
    runs: DataFrame = field(default_factory=DataFrame)
    scores: DataFrame = field(default_factory=DataFrame)
    losses: DataFrame = field(default_factory=DataFrame)
    published: DataFrame = field(default_factory=DataFrame)
    search: None = None
    points: dict[str, NDArray[Any]] = field(default_factory=dict)
    grids: dict[str, bytes] = field(default_factory=dict)
    shown: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)
    truths: dict[str, dict[str, Any]] = field(default_factory=dict)

    def samples(self, run: str) -> NDArray[Any] | None:
        return self.points.get(run)

    def grid(self, run: str) -> bytes | None:
        return self.grids.get(run)

    def exhibits(self, run: str) -> dict[str, NDArray[Any]]:
        return self.shown.get(run, {})

    def truth(self, dataset: str) -> dict[str, Any] | None:
        return self.truths.get(dataset)


def make(
    seeds: Sequence[int] = (0, 1, 2),
    datasets: Sequence[str] = ("ring8", "mnist5k"),
    rename: Mapping[str, str] | None = None,  # label -> another label; "" -> the suite's name
    diverged: Sequence[tuple[str, str, int]] = (("mnist5k", "gan", 1),),  # (dataset, label, seed)
    scale: float = 1.0,
    variants: Sequence[str] = VARIANTS,
    evaluations: int = 12,
    exhibits: bool = False,
) -> Synthetic:
    """Results of every variant and control on every dataset with every seed; the same arguments give the same numbers."""
    names = rename or {}
    runs, scores, losses = [], [], []
    made = Synthetic(suite=names.get("", "quick"))
    for dataset in datasets:
        for label in (*variants, *CONTROLS):
            for seed in seeds:
                lost = (dataset, label, seed) in diverged
                run = _run(made.suite, dataset, label, names.get(label, label), seed, scale, lost)
                runs.append(run)
                rng = np.random.default_rng(int(run["run"], 16))
                scores += _scores(run, rng, evaluations)
                if label not in CONTROLS:
                    losses += _losses(run, rng)
                _pictures(made, run, rng)
                if exhibits and not lost:
                    made.shown[run["run"]] = _exhibits(run, made.points[run["run"]], evaluations)
        if dataset == "ring8":
            made.truths[dataset] = {"means": _ring().tolist(), "sigma": 0.05, "weights": [1 / 8] * 8}
    made.runs, made.scores, made.losses = DataFrame(runs), DataFrame(scores), DataFrame(losses)
    return made


def _key(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()


def _run(suite: str, dataset: str, variant: str, label: str, seed: int, scale: float, lost: bool) -> dict[str, Any]:
    judge, metrics = DATASETS[dataset]
    control = variant in CONTROLS
    images = 0 if control else int(BUDGET * scale * (0.31 if lost else 1))
    slow = {"gan": 1.0, "dcgan": 1.8, "wgan": 2.6}.get(variant, 1.0) * (1 + 0.02 * seed)
    return {
        "run": _key(suite, dataset, variant, label, seed)[:12], "suite": suite, "variant": variant, "label": label,
        "dataset": dataset, "seed": seed, "control": control, "status": "diverged" if lost else "done",
        "reason": "D.loss is nan" if lost else "", "scale": scale, "images": images, "d_updates": images // 64,
        "g_updates": images // (320 if variant == "wgan" else 64), "seconds": 2.1 if control else images / 5200 * slow,
        "flops": images * 3.1e6 * slow, "peak_memory": 0 if control else int(2.3e8 * slow),
        "parameters_d": 0 if control else 141_000, "parameters_g": 0 if control else 182_000,
        "parameters": 0 if control else 323_000,
        "images_per_second": math.nan if control else 5200 / slow, "device": "cpu", "threads": 1, "torch": "2.15.0",
        "python": "3.11.7", "platform": "Linux x86_64", "commit": "0123abcd", "precision": "float32",
        "budget_unit": "images", "budget_amount": BUDGET * scale, "fingerprint": _key(dataset),
        "preprocessing": "[-1, 1]", "judge": judge, "judge_key": _key(judge), "select": next(iter(metrics)),
        "command": "ganbench run suites/quick.toml",
    }  # fmt: skip


def _scores(run: dict[str, Any], rng: np.random.Generator, evaluations: int) -> list[dict[str, Any]]:
    judge, metrics = DATASETS[run["dataset"]]
    common = {k: run[k] for k in ("suite", "run", "variant", "label", "dataset", "seed", "status")} | {
        "judge": judge,
        "samples": 2500,
    }
    rows = []
    for metric, (direction, unit, levels) in metrics.items():
        for checkpoint, images, split, value in _course(run, rng, unit, direction, levels, evaluations):
            measured = {
                "checkpoint": checkpoint,
                "images": images,
                "split": split,
                "value": value,
                "stderr": abs(value) * 0.01,
            }
            kind = facts(metric) | {"direction": direction, "unit": unit, "key": _key(metric, judge, split)}
            rows.append(common | measured | kind)
    return rows


def facts(metric: str) -> dict[str, Any]:
    """What a metric says of itself in its scores."""
    title, low, high = FACTS[metric]
    said = {"metric": metric, "title": title, "lower_bound": float(low), "upper_bound": float(high)}
    return said | {"meaning": f"What {title} means.", "blind_to": f"what {title} cannot see."}


def _course(
    run: dict[str, Any],
    rng: np.random.Generator,
    unit: str,
    direction: str,
    levels: Mapping[str, float],
    evaluations: int,
) -> list[tuple[str, int, str, float]]:
    """One metric of one run: (checkpoint, images, split, value) along the curve, then last and selected."""
    level, bound = levels[run["variant"]], {"share": 1.0, "modes": 8.0, "classes": 10.0}.get(unit, math.inf)
    last = min(bound, level * math.exp((0.02 if run["control"] else 0.15) * rng.normal()))
    last = float(round(last)) if unit in ("modes", "classes") else last
    rows: list[tuple[str, int, str, float]] = []
    whole = BUDGET * run["scale"]
    for i in range(0 if run["control"] else evaluations):
        if whole * (i + 1) / evaluations > run["images"]:
            break  # it failed before this evaluation
        near = math.exp(-4 * (i + 1) / evaluations)
        value = last + (levels["noise"] - last) * near + 0.04 * level * rng.normal()
        rows.append(("curve", int(whole * (i + 1) / evaluations), "validation", min(bound, abs(value))))
    chosen = min(bound, last * (0.94 if direction == "lower" else 1.02))
    ended = run["status"] == "done"
    rows.append(("last", run["images"], "test", last if ended else math.nan))
    rows.append(("selected", run["images"], "test", chosen if ended else math.nan))
    return rows


def _losses(run: dict[str, Any], rng: np.random.Generator, points: int = 400) -> list[dict[str, Any]]:
    common = {k: run[k] for k in ("run", "label", "dataset", "seed")}
    images = np.linspace(run["images"] / points, run["images"], points)
    level = {"gan": 1.2, "dcgan": 1.0, "wgan": 0.2}.get(run["variant"], 1.0)
    rows = []
    for curve, factor in (("D.loss", 1.0), ("G.loss", 1.4), ("D.real", 0.6), ("D.fake", 0.4)):
        wave = level * factor * (1 + 0.4 * np.exp(-images / 4e4)) + 0.08 * rng.normal(size=points).cumsum() / math.sqrt(
            points
        )
        if run["status"] != "done":
            wave[-1] = math.nan
        rows += [
            {**common, "images": float(x), "curve": curve, "value": float(y)} for x, y in zip(images, wave, strict=True)
        ]
    believed = run["variant"] != "wgan"  # whose D speaks of no probability
    for x in images[19::20]:
        far = math.exp(-x / 5e4)
        found = {"D.gradient_norm": level * (1 + far), "G.gradient_norm": 0.1 * level * far}
        found |= {"D.belief_real": 0.5 + 0.4 * far, "D.belief_fake": 0.5 - 0.4 * far} if believed else {}
        rows += [{**common, "images": float(x), "curve": curve, "value": y} for curve, y in found.items()]
    return rows


def _ring() -> NDArray[np.float64]:
    angle = 2 * np.pi * np.arange(8) / 8
    return np.stack([2 * np.cos(angle), 2 * np.sin(angle)], axis=1)


def _pictures(made: Synthetic, run: dict[str, Any], rng: np.random.Generator) -> None:
    if run["dataset"] == "ring8":
        modes = int(RING["modes"][2][run["variant"]])
        centres = _ring()[rng.choice(rng.permutation(8)[:modes], 2500)]
        spread = 1.6 if run["variant"] == "noise" else 0.05
        made.points[run["run"]] = (centres + spread * rng.normal(size=(2500, 2))).astype(np.float32)
    elif run["status"] == "done":
        images = _strokes(rng, noisy=run["variant"] == "noise")
        made.points[run["run"]] = images
        made.grids[run["run"]] = png(images.reshape(8, 8, 28, 28).transpose(0, 2, 1, 3).reshape(224, 224))


def _strokes(rng: np.random.Generator, noisy: bool) -> NDArray[np.uint8]:
    """(64, 28, 28, 1): arcs of random centre and radius, which look like digits from afar."""
    if noisy:
        return rng.integers(0, 256, size=(64, 28, 28, 1), dtype=np.uint8)
    y, x = np.mgrid[0:28, 0:28]
    cx, cy, radius = (rng.uniform(*lim, size=(64, 1, 1)) for lim in ((10, 18), (10, 18), (5, 9)))
    ring = np.exp(-((np.hypot(x - cx, y - cy) - radius) ** 2) / 2.5) * (
        np.cos(np.arctan2(y - cy, x - cx) - 6 * rng.random((64, 1, 1))) > -0.6
    )
    return np.asarray(255 * ring[..., None], dtype=np.uint8)


def _exhibits(run: dict[str, Any], samples: NDArray[Any], evaluations: int) -> dict[str, NDArray[Any]]:
    """What `ganbench.runs.exhibits` would keep: samples along the budget; of `gan` what one of latents has, of `dcgan` what
    one of classes has besides, of `wgan` what one of two domains has.
    """
    rng = np.random.default_rng(int(run["run"], 16) + 1)
    images = samples.dtype == np.uint8
    n = 8 if images else 200

    def some(*shape: int) -> NDArray[Any]:
        return samples[rng.integers(len(samples), size=shape)]

    if run["control"]:
        return {"images": np.array([0]), "frames": some(1, 36 if images else 500), "occupancy": _counts(run, 1)}
    shares = np.arange(1, evaluations + 1) / evaluations
    frames = np.stack([_spoilt(some(36 if images else 500), 1 - share, rng) for share in shares])
    found = {"images": (run["images"] * shares).astype(int), "frames": frames, "occupancy": _counts(run, evaluations)}
    if run["variant"] == "wgan":
        x = some(n)
        pair = (x, 255 - x, 255 - x, 255 - x) if images else (x, x @ _turn(0.3), x @ _turn(0.26), x @ _turn(0.35))
        found |= dict(zip(("pair_x", "pair_other", "pair_truth", "pair_returned"), pair, strict=True))
    else:
        found |= {"interpolation": np.sort(some(6, 9), axis=1)}
        found |= {} if images else {"transport": _mesh(), **_surface()}
    if run["variant"] == "dcgan":
        settings = np.array([1.0, 0.5, 0.0])
        found |= {"by_class": some(10 if images else 8, n), "truncation": some(3, 9 if images else n)}
        found |= {"truncations": settings}
    return found | ({"neighbour_x": some(16), "neighbour": some(16)} if images else {})


def _counts(run: dict[str, Any], evaluations: int) -> NDArray[np.int64]:
    """(evaluations, 8 modes and none, or 10 classes): `gan` holds all at first, and at the end the first half."""
    of_modes = run["dataset"] == "ring8"
    counts = np.full((evaluations, 8 if of_modes else 10), 200)
    if run["variant"] == "gan":
        counts[evaluations // 2 :, counts.shape[1] // 2 :] = 0
    return np.pad(counts, ((0, 0), (0, 1)), constant_values=100) if of_modes else counts


def _spoilt(samples: NDArray[Any], share: float, rng: np.random.Generator) -> NDArray[Any]:
    """Samples of which so much is noise."""
    if samples.dtype == np.uint8:
        noise = rng.integers(0, 256, samples.shape, dtype=np.uint8)
        return np.where(rng.random(samples.shape) < share, noise, samples).astype(np.uint8)
    return (samples + 1.5 * share * rng.normal(size=samples.shape)).astype(np.float32)


def _turn(angle: float) -> NDArray[np.float32]:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)


def _mesh() -> NDArray[np.float32]:
    """(15, 15, 2): a grid that is pushed out towards the ring."""
    line = np.linspace(-1, 1, 15)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), -1)
    radius = np.linalg.norm(grid, axis=-1, keepdims=True) + 0.05
    return (grid / radius * 2 * np.tanh(3 * radius)).astype(np.float32)


def _surface() -> dict[str, NDArray[Any]]:
    """D believes in a ring of radius two."""
    line = np.linspace(-3, 3, 60)
    radius = np.hypot(*np.meshgrid(line, line))
    return {
        "surface": np.exp(-((radius - 2) ** 2)).astype(np.float32),
        "surface_edges": np.array([-3, 3, -3, 3], np.float32),
    }


def png(grey: NDArray[np.uint8]) -> bytes:
    """(h, w) uint8 -> a greyscale PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = grey.shape
    lines = b"".join(b"\0" + line.tobytes() for line in grey)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def empty() -> Synthetic:
    """A suite of which no run has finished: frames with their columns and no rows, as an empty store gives them."""
    full = make(seeds=(0,), datasets=("ring8",))
    return Synthetic(runs=full.runs.iloc[:0], scores=full.scores.iloc[:0], losses=full.losses.iloc[:0])


def half_finished() -> Synthetic:
    """Two seeds done, the third not run yet: its runs have no more than their names, as the store gives them."""
    made = make(datasets=("ring8",))
    missing = made.runs["seed"] == 2
    known = ["run", "suite", "variant", "label", "dataset", "seed", "scale", "commit"]
    named = made.runs.loc[missing, known].assign(status="missing", reason="not run yet")
    names = set(named["run"])
    made.runs = pd.concat([made.runs[~missing], named], ignore_index=True)
    made.scores, made.losses = (f[~f["run"].isin(names)].reset_index(drop=True) for f in (made.scores, made.losses))
    made.points = {run: points for run, points in made.points.items() if run not in names}
    return made


def all_failed() -> Synthetic:
    """Every variant diverged with every seed, and their rows of scores were never written."""
    lost = [("mnist5k", label, seed) for label in VARIANTS for seed in (0, 1)]
    made = make(seeds=(0, 1), datasets=("mnist5k",), diverged=lost)
    made.scores = made.scores[made.scores["value"].notna()].reset_index(drop=True)
    return made


def theory(**made: Any) -> Synthetic:
    """The ring with the theory's metrics, which depend on a D: controls have no value at a trained one."""
    results = make(datasets=("ring8",), **made)
    template = results.scores[results.scores["metric"] == "reverse_kl"]
    optimal = template.assign(**facts("game_value_optimal"), value=template["value"] / 2 - math.log(4), unit="nats")
    trained = optimal[~optimal["label"].isin(CONTROLS)].assign(**facts("game_value"), direction="none")
    trained = trained.assign(value=trained["value"] - 0.2)
    found = [frame.assign(key=frame["key"] + str(i)) for i, frame in enumerate((optimal, trained))]
    results.scores = pd.concat([results.scores, *found], ignore_index=True)
    return results
