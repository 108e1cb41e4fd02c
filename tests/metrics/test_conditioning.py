import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from ganbench.data.mixtures import Ring8
from ganbench.data.mnist import Mnist5k
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence, conditioning
from ganbench.metrics.conditioning import cas, cas_real, intra_fid, label_accuracy
from ganbench.variant import Batch

TEN = torch.full((10,), 0.1)


def evidence(decided: Tensor, asked: Tensor | None, prior: Tensor = TEN) -> Evidence:
    """What a judge that is sure of its classes says of samples that were asked for."""
    logits = 10.0 * one_hot(decided, len(TEN)).float()
    return Evidence(Judged(logits, logits), Judged(logits, logits), prior, asked=asked)


# Label accuracy


def test_it_is_the_share_of_samples_of_the_class_asked_for():
    asked = torch.arange(10).repeat(10)
    found = label_accuracy(evidence(torch.where(torch.arange(100) < 25, (asked + 1) % 10, asked), asked))
    assert found.value == 0.75
    assert found.stderr == pytest.approx((0.75 * 0.25 / 100) ** 0.5)


def test_a_variant_that_ignores_its_labels_scores_chance():
    asked, drawn = (torch.randint(10, (10_000,), generator=Generator().manual_seed(seed)) for seed in (0, 1))
    assert label_accuracy(evidence(drawn, asked)).value == pytest.approx(0.1, abs=0.01)


def test_on_a_mixture_real_data_are_always_of_their_mode():
    mixture = Ring8().mixture
    real = mixture.sample(1000, Generator().manual_seed(0))
    seen = Judged(real.x, mixture.log_posterior(real.x).float())
    assert label_accuracy(Evidence(seen, seen, mixture.weights, mixture, asked=real.y)) == (1, 0)


def test_only_who_was_asked_has_it():
    classes = torch.arange(10)
    assert label_accuracy.applies(evidence(classes, classes)) and not label_accuracy.applies(evidence(classes, None))
    assert not label_accuracy.of_any_variant


def test_a_judge_of_other_classes_is_refused():
    classes = torch.arange(10)
    with pytest.raises(BenchError, match="Found a judge of 10 classes, but the dataset has 3"):
        label_accuracy(evidence(classes, classes, torch.full((3,), 1 / 3)))


def test_the_stated_error_of_label_accuracy_is_that_of_redrawn_samples():
    asked = torch.zeros(400, dtype=torch.int64)
    draws = [torch.rand(400, generator=Generator().manual_seed(seed)) for seed in range(300)]
    estimates = torch.tensor([label_accuracy(evidence((draw < 0.3).long(), asked)) for draw in draws])
    assert estimates[:, 1].mean().item() == pytest.approx(estimates[:, 0].std().item(), rel=0.15)


# FID within classes


def labelled(n: int, seed: int, classes: int = 3, width: int = 4) -> Batch:
    """Features whose mean is their class, in random order."""
    generator = Generator().manual_seed(seed)
    y = torch.arange(n) % classes
    y = y[torch.randperm(n, generator=generator)]
    return Batch(torch.randn(n, width, generator=generator) + 3 * y[:, None], y)


def within(samples: Batch, real: Batch, classes: int = 3) -> Evidence:
    seen, reference = (Judged(batch.x, one_hot(batch.y, classes).float()) for batch in (samples, real))
    return Evidence(seen, reference, torch.full((classes,), 1 / classes), real=real, asked=samples.y)


def test_the_intra_fid_is_the_mean_of_torch_fidelitys_fids():
    samples, real = labelled(200, 0), labelled(300, 1)
    distances = []
    for k in range(3):
        of_class = (batch.x[batch.y == k].double() for batch in (samples, real))
        statistics = [fid_features_to_statistics(x) for x in of_class]
        distances.append(fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"])
    assert intra_fid(within(samples, real)).value == pytest.approx(sum(distances) / 3, rel=1e-6)


def test_identical_classes_have_no_distance_however_they_are_ordered():
    real = labelled(200, 0)
    order = torch.randperm(200, generator=Generator().manual_seed(1))
    assert intra_fid(within(Batch(real.x[order], real.y[order]), real)).value == pytest.approx(0, abs=1e-6)


def test_classes_mixed_up_cost_intra_fid_what_fid_cannot_see():
    samples, real = labelled(300, 0), labelled(300, 1)
    swapped = samples._replace(y=(samples.y + 1) % 3)
    assert intra_fid(within(swapped, real)).value > 100 * intra_fid(within(samples, real)).value


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_stated_error_of_intra_fid_is_that_of_redrawn_samples(shift):
    real = labelled(600, 1000)
    draws = [labelled(400, seed) for seed in range(40)]
    found = torch.tensor([intra_fid(within(draw._replace(x=draw.x + shift), real)) for draw in draws])
    assert 0.7 * found[:, 0].std() < found[:, 1].mean() < 1.7 * found[:, 0].std()


def test_a_class_with_too_few_is_named():
    samples, real = labelled(90, 0), labelled(90, 1)
    rare = Batch(samples.x[:60], torch.where(torch.arange(60) < 4, 2, torch.arange(60) % 2))
    with pytest.raises(BenchError, match=r"Found 4 samples of class 2, but intra_fid on 4 features needs at least 5"):
        intra_fid(within(rare, real))
    with pytest.raises(BenchError, match=r"Found 4 reference samples of class 2, .* Draw more samples, use a larger"):
        intra_fid(within(samples, rare))


# Classification accuracy


def told(samples: Batch, training: Batch, real: Batch, classes: int) -> Evidence:
    """Judges are not asked: their features are missing but for their number."""
    seen, reference = (Judged(torch.zeros(len(batch.x), 1), torch.zeros(len(batch.x), 1)) for batch in (samples, real))
    prior = torch.full((classes,), 1 / classes)
    return Evidence(seen, reference, prior, x=samples.x, asked=samples.y, real=real, training=training)


def some_of(evidence: Evidence, which: Tensor | slice) -> Evidence:
    """Evidence of some of its samples."""
    samples = Judged(*(part[which] for part in evidence.samples))
    return evidence._replace(samples=samples, x=evidence.x[which], asked=evidence.asked[which])


@pytest.fixture(scope="module")
def ring() -> Evidence:
    data = Ring8(points=1000)
    return told(data.fresh("test", 1000), data.train(), data.reference("test"), 8)


@pytest.fixture(scope="module")
def digits() -> Evidence:
    data = Mnist5k(size=8)
    fresh = data.fresh("test", 2000)
    real = Batch(fresh.x[1000:], fresh.y[1000:])
    return told(Batch(fresh.x[:1000], fresh.y[:1000]), data.train(), real, 10)


@pytest.mark.parametrize("kind", ["ring", "digits"])
def test_real_samples_teach_as_well_as_training_data_do(kind, request, monkeypatch):
    monkeypatch.setattr(conditioning, "STEPS", 60)
    evidence = request.getfixturevalue(kind)
    (score, error), (bound, bound_error) = cas(evidence), cas_real(evidence)
    assert score > 0.7
    assert abs(score - bound) < 4 * (error**2 + bound_error**2) ** 0.5 + 1e-3


def test_labels_that_mean_nothing_teach_nothing(ring):
    order = torch.randperm(1000, generator=Generator().manual_seed(0))
    assert cas(ring._replace(asked=ring.asked[order])).value == pytest.approx(1 / 8, abs=0.1)


def test_a_missing_class_is_never_learnt(ring):
    assert cas(some_of(ring, ring.asked != 3)).value == pytest.approx(
        (ring.real.y != 3).float().mean().item(), abs=0.02
    )


def test_samples_without_variety_teach_little(digits, monkeypatch):
    """One good picture of each class would have the best label accuracy there is."""
    monkeypatch.setattr(conditioning, "STEPS", 60)
    first = torch.stack([digits.x[digits.asked == k][0] for k in range(10)])
    generator = Generator().manual_seed(0)
    same = first[digits.asked] + 0.05 * torch.randn(digits.x.shape, generator=generator)
    assert cas(digits._replace(x=same)).value < cas(digits).value - 0.3


def test_large_images_are_averaged_down_to_sixteen_pixels(digits, monkeypatch):
    monkeypatch.setattr(conditioning, "STEPS", 20)
    large = digits._replace(
        x=digits.x.repeat_interleave(4, 2).repeat_interleave(4, 3),
        real=digits.real._replace(x=digits.real.x.repeat_interleave(4, 2).repeat_interleave(4, 3)),
    )
    medium = digits._replace(
        x=digits.x.repeat_interleave(2, 2).repeat_interleave(2, 3),
        real=digits.real._replace(x=digits.real.x.repeat_interleave(2, 2).repeat_interleave(2, 3)),
    )
    assert cas(large).value == pytest.approx(cas(medium).value, abs=0.01)


def test_the_real_bound_takes_as_many_as_there_are_samples_or_all(ring, monkeypatch):
    taken = []
    monkeypatch.setattr(conditioning, "accuracy_on_real", lambda seen, evidence: taken.append(len(seen.x)))
    cas_real(ring)
    cas_real(some_of(ring, slice(300)))
    cas_real(ring._replace(training=Batch(ring.training.x[:250], ring.training.y[:250])))
    assert taken == [1000, 300, 250]


@pytest.mark.parametrize("metric", [cas, cas_real], ids=lambda metric: metric.name)
def test_classifiers_leave_no_trace_in_random_numbers_and_none_of_gradients(metric, ring, monkeypatch):
    monkeypatch.setattr(conditioning, "STEPS", 20)
    before = torch.get_rng_state()
    with torch.no_grad():
        first = metric(ring)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert metric(ring) == first


def test_the_stated_error_of_cas_is_that_of_redrawn_samples(monkeypatch):
    """Where classes overlap and classifiers are trained in haste, so that there is something to scatter."""
    monkeypatch.setattr(conditioning, "STEPS", 10)
    real = labelled(1000, 1000, width=2)
    estimates = []
    for seed in range(30):
        drawn = labelled(240, seed, width=2)
        estimates.append(cas(told(drawn._replace(x=drawn.x * 0.7), real, real, 3)))
    found = torch.tensor(estimates)
    assert found[:, 1].square().mean().sqrt().item() == pytest.approx(found[:, 0].std().item(), rel=0.4)


def test_too_few_to_learn_from_are_refused(ring):
    with pytest.raises(BenchError, match=r"Found 150 samples, but cas on 1 features needs at least 200"):
        cas(some_of(ring, slice(150)))
