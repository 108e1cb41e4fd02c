"""How long a judgement takes: `pytest tests/bench --benchmark-only -s`, best with OMP_NUM_THREADS=1."""

import resource
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest
import torch
from torch import Generator, Tensor
from torch.utils.data import Dataset as Items
from torch_fidelity import FeatureExtractorBase, calculate_metrics, register_feature_extractor

from ganbench import plugins
from ganbench.data.mixtures import Grid25
from ganbench.data.mnist import Mnist, find_mnist
from ganbench.judges import Judged
from ganbench.judges.mnist import MnistJudge
from ganbench.metrics import Evidence, Metric
from ganbench.runs.judging import gather
from ganbench.runs.sampling import Drawn
from ganbench.variant import Batch

FEATURES = ["fid", "fid_unbiased", "kid", "precision", "recall", "density", "coverage", "prd_f8", "prd_f1_8"]
LOGITS = ["is", "classes", "class_kl", "confidence", "entropy"]
COUNTED = ["modes", "modes_third", "high_quality", "reverse_kl", "reverse_kl_third"]
SIZES = [2_000, 10_000, 50_000]


def load(name: str) -> Metric:
    return plugins.load("metrics", name)


def judged(n: int, seed: int) -> Judged:
    generator = Generator().manual_seed(seed)
    return Judged(torch.randn(n, 64, generator=generator), 5 * torch.randn(n, 10, generator=generator))


def peak_megabytes() -> int:
    """Of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 2**20 if sys.platform == "darwin" else peak // 2**10


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", [*FEATURES, *LOGITS])
def test_classified_images(benchmark, name, n):
    """Each metric for itself, though some share a computation: its evidence is new in each round."""

    def evidence():
        return (Evidence(judged(n, 0), judged(10_000, 1), torch.full((10,), 0.1)),), {}

    benchmark.pedantic(load(name), setup=evidence, rounds=1)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", COUNTED)
def test_points_of_a_mixture(benchmark, name, n):
    mixture = Grid25().mixture
    x = mixture.sample(n, Generator().manual_seed(0)).x
    seen = Judged(x, mixture.log_posterior(x).float())
    benchmark(load(name), Evidence(seen, seen, mixture.weights, mixture))


# A whole judgement of digits, and torch-fidelity's beside it


@pytest.fixture(scope="module")
def mnist() -> Mnist:
    if find_mnist("t10k") is None or find_mnist("train") is None:
        pytest.skip("needs MNIST: `ganbench data fetch mnist`")
    return Mnist(size=28)


@pytest.fixture(scope="module")
def grainy(mnist: Mnist) -> Batch:
    return grained(mnist, 10_000)


def grained(mnist: Mnist, n: int) -> Batch:
    """Digits with noise, in 256 greys; as far as there are, such as no judgement has as its reference."""
    fresh = mnist.fresh("test", n)
    noise = 0.3 * torch.randn(fresh.x.shape, generator=Generator().manual_seed(0))
    return fresh._replace(x=pictures((fresh.x + noise).clamp(-1, 1)) / 127.5 - 1)


def pictures(x: Tensor) -> Tensor:
    """[-1, 1] -> uint8."""
    return ((x + 1) * 127.5).round().to(torch.uint8)


STANDARD = Path(__file__).parents[2] / "suites" / "standard.toml"


@pytest.mark.parametrize("n", [10_000, 50_000])
def test_all_metrics_of_the_standard_suite(benchmark, mnist, n):
    """Those that need neither a second domain nor latents, as for a conditional variant."""
    judge, samples = MnistJudge(mnist), grained(mnist, n)
    named = next(d["metrics"] for d in tomllib.loads(STANDARD.read_text())["dataset"] if d["name"] == "mnist")
    metrics = [load(name) for name in named]
    began, before = perf_counter(), peak_megabytes()
    evidence = gather(mnist, judge, metrics, "test", Drawn(samples.x, samples, conditional=True))
    forward, loaded = perf_counter() - began, peak_megabytes()
    lines = [f"{forward:8.2f} s  {'gathering':14} judge's forward pass, data; memory {before:,} to {loaded:,} MB"]

    def judge_all() -> Iterator[str]:
        for metric in metrics:
            if metric.applies(evidence):
                began = perf_counter()
                value, stderr = metric(evidence)
                took = f"{perf_counter() - began:8.2f} s  {metric.name:14}"
                yield f"{took} {value:.5g} ± {stderr:.2g}; memory to {peak_megabytes():,} MB"

    lines += benchmark.pedantic(lambda: list(judge_all()), rounds=1)
    lines += [f"{benchmark.stats['mean']:8.2f} s  all metrics of {n:,} samples; memory to {peak_megabytes():,} MB"]
    print("", *lines, sep="\n")


class AskJudge(FeatureExtractorBase):
    """The digit judge, for torch-fidelity: uint8 (n, 1, 28, 28) -> what is asked for."""

    def __init__(self, name, features_list, **_):
        super().__init__(name, features_list)
        self.judge = MnistJudge(Mnist(size=28))

    @staticmethod
    def get_provided_features_list():
        return "features", "logits"

    @staticmethod
    def can_be_compiled():
        return False

    def forward(self, input):
        said = self.judge(input / 127.5 - 1)._asdict()
        return tuple(said[name] for name in self.features_list)


class Shown(Items):
    def __init__(self, x: Tensor):
        self.x = pictures(x)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i]


def test_torch_fidelity_from_the_same_images(benchmark, mnist, grainy):
    """IS, FID, KID, precision and recall, with the same judge on samples and reference."""
    register_feature_extractor("digit-judge", AskJudge)
    layers = {"feature_layer_isc": "logits"} | dict.fromkeys(
        ["feature_layer_fid", "feature_layer_kid", "feature_layer_prc"], "features"
    )
    found = benchmark.pedantic(
        calculate_metrics,
        kwargs={
            **layers, "input1": Shown(grainy.x), "input2": Shown(mnist.reference("test").x),
            "feature_extractor": "digit-judge", "isc": True, "fid": True, "kid": True, "prc": True,
            "cuda": False, "cache": False, "verbose": False, "batch_size": 100,
        },
        rounds=1,
    )  # fmt: skip
    lines = [f"{name:36} {value:.5g}" for name, value in found.items()]
    lines += [f"{benchmark.stats['mean']:8.2f} s  with two forward passes; memory to {peak_megabytes():,} MB"]
    print("", *lines, sep="\n")
