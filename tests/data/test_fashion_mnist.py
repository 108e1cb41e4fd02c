import gzip
from hashlib import md5

import pytest
import torch

from ganbench.data import files
from ganbench.data.fashion_mnist import FASHION_MNIST, FashionMnist
from ganbench.data.mnist import Mnist
from ganbench.errors import BadSuite, DataMissing


def test_its_files_are_read_as_mnists_are(numbered, numbers_of, monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", str(numbered))
    data = FashionMnist(size=28)
    train, validation, test = data.train(), data.reference("validation"), data.reference("test")
    assert numbers_of(train.x) == [*range(50_000)]
    assert numbers_of(validation.x) == [*range(50_000, 60_000)]
    assert numbers_of(test.x) == [*range(60_000, 70_000)]
    assert {*numbers_of(data.fresh("test", 10_000).x)} == {*range(50_000, 60_000)}
    assert {*numbers_of(data.fresh("validation", 10_000).x)} == {*range(60_000, 70_000)}
    assert (data.spec.shape, data.spec.classes, data.judge) == ((1, 28, 28), 10, "trained")
    assert data.fingerprint == Mnist(size=28).fingerprint  # here both have the same files


def test_it_is_not_taken_for_mnist(nowhere, write_pair, monkeypatch):
    """Both have files of the same names: each is found in its own folder only."""
    monkeypatch.setenv("GANBENCH_DATA", str(nowhere))
    write_pair(nowhere, "train", torch.zeros(1), torch.zeros(1), "MNIST/raw")
    assert FASHION_MNIST.find(FASHION_MNIST.names[:2]) is None
    write_pair(nowhere, "train", torch.zeros(1), torch.zeros(1), "FashionMNIST/raw")
    assert FASHION_MNIST.find(FASHION_MNIST.names[:2])


def test_without_files_or_network_the_message_has_a_way_out(nowhere):
    with pytest.raises(DataMissing) as raised:
        FashionMnist()
    where, how = str(raised.value).splitlines()
    assert "No whole set of FashionMNIST's files" in where
    assert str(nowhere / "cache/ganbench/FashionMNIST/raw") in where
    assert "no network here" in where
    assert "`ganbench data fetch fashion_mnist`" in how
    assert "FashionMNIST/raw" in how


def test_a_download_is_checked_and_kept(nowhere, numbered, monkeypatch):
    from torchvision.datasets import FashionMNIST

    raw = {path.name + ".gz": gzip.compress(path.read_bytes(), 1) for path in (numbered / "MNIST/raw").iterdir()}
    monkeypatch.setattr(FashionMNIST, "resources", [(name, md5(file).hexdigest()) for name, file in raw.items()])
    monkeypatch.setattr(files, "_get", lambda url: raw[url.rpartition("/")[2]])
    folder = FASHION_MNIST.fetch()
    assert folder == nowhere / "cache/ganbench/FashionMNIST/raw"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == raw
    assert len(FashionMnist(size=8).reference("test").x) == 10_000


@pytest.mark.parametrize("size", [20, 0, "28"])
def test_other_sizes_are_refused_with_the_allowed_ones(size):
    with pytest.raises(BadSuite, match=f"Found size = {size!r}, but images come in 8, 16, 28, 32, 64 pixels"):
        FashionMnist(size=size)
