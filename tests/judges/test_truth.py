import pytest
import torch

from ganbench.data.blobs import Blobs
from ganbench.data.mixtures import Grid25, Ring8
from ganbench.data.mnist import Mnist5k
from ganbench.errors import BadSuite
from ganbench.judges.truth import TruthJudge


def test_features_are_coordinates_and_logits_the_posterior():
    data = Grid25(points=200)
    batch = data.train()
    judged = TruthJudge(data)(batch.x.requires_grad_())
    assert judged.features.equal(batch.x)
    assert not judged.features.requires_grad
    assert (judged.logits.shape, judged.logits.dtype) == ((200, 25), torch.float32)
    torch.testing.assert_close(judged.logits.exp().sum(1), torch.ones(200))
    assert judged.logits.argmax(1).equal(batch.y)


def test_features_of_images_are_where_their_samples_lie():
    data = Blobs(points=200)
    batch = data.train()
    judged = TruthJudge(data)(torch.cat([batch.x, torch.zeros(1, 1, 16, 16)]).requires_grad_())
    assert judged.features.equal(torch.cat([data.locate(batch.x), torch.full((1, 2), 10.0)]))
    assert not judged.features.requires_grad
    assert judged.logits[:-1].argmax(1).equal(batch.y)
    assert judged.logits.isfinite().all()


def test_the_reference_is_the_datasets():
    data = Ring8(points=10)
    reference = TruthJudge(data).reference("validation")
    assert reference.features.equal(data.reference("validation").x)


def test_the_key_tells_mixtures_apart():
    ring = Ring8(points=10)
    assert TruthJudge(ring).key == f"exact posterior of {ring.fingerprint}"


def test_data_without_a_density_are_refused():
    with pytest.raises(BadSuite, match=r"Mnist5k is none. Name another judge, .*'mnist'"):
        TruthJudge(Mnist5k())
