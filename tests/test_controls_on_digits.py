"""The controls as the judge of digits and the metrics see them: 2,500 samples each, against MNIST's test digits.

With the usual 10,000 they differ no less, and take most of a minute.
"""

import pytest
import torch

from ganbench.controls import Memorizer, ModeDropper, Noise, Real
from ganbench.data.mnist import Mnist
from ganbench.errors import DataMissing
from ganbench.judges import Judged
from ganbench.judges.mnist import MnistJudge
from ganbench.metrics import Estimate, Evidence, Metric, fidelity
from ganbench.metrics.bins import ndb, ndb_jsd
from ganbench.metrics.diversity import class_kl, classes
from ganbench.metrics.fidelity import coverage, fid, kid, recall
from ganbench.metrics.memorisation import authenticity, ct
from ganbench.metrics.similarity import birthday_support, ms_ssim_gap
from ganbench.variant import Batch

CONTROLS = {"real": Real, "memorizer": Memorizer, "mode_dropper": ModeDropper, "noise": Noise}
QUALITY = [fid, kid, recall, coverage, class_kl, classes, ndb, ndb_jsd]
ALL = [*QUALITY, ms_ssim_gap, birthday_support, authenticity, ct]
SEEN = 2_500  # digits of each split that the judge is asked about

Board = dict[str, dict[str, Estimate]]


@pytest.fixture(scope="module")
def board() -> Board:
    """The score of each control by each metric."""
    try:
        dataset = Mnist(size=28)
        whole, like = dataset.train(), dataset.fresh("test", SEEN)
    except DataMissing:
        pytest.skip("MNIST is not on this machine")
    judge, training = MnistJudge(dataset), Batch(whole.x[:SEEN], whole.y[:SEEN])
    trained = judge(training.x)
    reference = Judged(*(part[::4] for part in judge.reference("test")))  # of all writers: the first ones are neater
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(fidelity, "KID_SUBSETS", 20)
    scores: Board = {}
    for name, control in CONTROLS.items():
        torch.manual_seed(0)
        made = control(dataset.spec)
        made.prepare(training)
        x = made.sample(like)
        found = Evidence(judge(x), reference, dataset.prior, x=x, training=training, trained=trained)
        scores[name] = {metric.name: metric(found) for metric in ALL}
    monkeypatch.undo()
    return scores


def loss(board: Board, control: str, metric: Metric) -> float:
    """Its score, where lower is better."""
    value = board[control][metric.name].value
    return -value if metric.direction == "higher" else value


def clearly_better(board: Board, one: str, other: str, metric: Metric) -> bool:
    margin = 5 * (board[one][metric.name].stderr + board[other][metric.name].stderr)
    return loss(board, one, metric) + margin < loss(board, other, metric)


@pytest.mark.parametrize("metric", QUALITY, ids=lambda metric: metric.name)
def test_real_data_are_better_than_a_part_of_them_and_than_noise(board, metric):
    assert clearly_better(board, "real", "mode_dropper", metric)
    assert clearly_better(board, "real", "noise", metric)


@pytest.mark.parametrize("metric", [fid, kid, recall, coverage, class_kl, ndb_jsd, ms_ssim_gap], ids=lambda m: m.name)
def test_noise_is_last(board, metric):
    for control in ("real", "memorizer", "mode_dropper"):
        assert clearly_better(board, control, "noise", metric)


def test_the_memorizer_passes_for_real_data_but_for_its_memory(board):
    real, memorizer = board["real"], board["memorizer"]
    for metric in (fid, kid, class_kl):
        assert loss(board, "memorizer", metric) < loss(board, "real", metric) + 5 * real[metric.name].stderr
    for metric in (recall, coverage):
        assert memorizer[metric.name].value > real[metric.name].value - 0.03
    assert memorizer["birthday_support"].value == pytest.approx(real["birthday_support"].value, abs=0.3)
    assert memorizer["authenticity"].value < 0.01
    assert memorizer["ct"].value < -25


def test_real_data_are_no_copies(board):
    assert 0.5 < board["real"]["authenticity"].value < 0.75
    assert abs(board["real"]["ct"].value) < 3


def test_the_mode_dropper_is_caught_by_all_that_counts_classes_or_looks_for_what_is_missing(board):
    assert board["mode_dropper"]["classes"].value == 5
    assert board["mode_dropper"]["class_kl"].value == pytest.approx(0.69, abs=0.06)
    for metric in (recall, coverage):
        assert board["mode_dropper"][metric.name].value < board["real"][metric.name].value - 0.3


def test_noise_is_no_copy_and_no_variety_of_digits(board):
    assert board["noise"]["authenticity"].value > board["real"]["authenticity"].value
    assert board["noise"]["ct"].value > 20
    assert board["noise"]["ms_ssim_gap"].value > 0.2
