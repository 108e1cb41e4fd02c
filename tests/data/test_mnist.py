import gzip
from hashlib import md5, sha256

import numpy as np
import pytest
import torch

from ganbench.data import files, mnist
from ganbench.data.mnist import MNIST, Mnist, Mnist5k, digits, find_mnist, import_mnist
from ganbench.errors import BadSuite, DataMissing

# Reading


def test_images_and_labels_must_match_mnist(tmp_path, write_pair):
    write_pair(tmp_path, "t10k", torch.zeros(7, 28, 28, dtype=torch.uint8), torch.zeros(7, dtype=torch.uint8))
    with pytest.raises(DataMissing, match=r"images-idx3-ubyte has shape \(7, 28, 28\), MNIST has \(10000, 28, 28\)"):
        digits("test", tmp_path)
    images = torch.zeros(10_000, 28, 28, dtype=torch.uint8)
    write_pair(tmp_path, "t10k", images, torch.zeros(9_999, dtype=torch.uint8))
    with pytest.raises(DataMissing, match=r"labels-idx1-ubyte has shape \(9999,\), MNIST has \(10000,\)"):
        digits("test", tmp_path)
    write_pair(tmp_path, "t10k", images, torch.full((10_000,), 10, dtype=torch.uint8))
    with pytest.raises(DataMissing, match="has a label 10, MNIST has 0 to 9"):
        digits("test", tmp_path)


def test_a_root_with_half_of_a_pair_is_passed_over(nowhere, write_pair):
    write_pair(nowhere / "half", "train", torch.zeros(1), torch.zeros(1))
    (nowhere / "half/MNIST/raw/train-labels-idx1-ubyte").unlink()
    write_pair(nowhere / "cache/ganbench", "train", torch.zeros(1), torch.zeros(1))
    found = find_mnist("train", nowhere / "half")
    assert found
    assert found[0].is_relative_to(nowhere / "cache")


# Absence and download


def test_without_files_or_network_the_message_has_a_way_out(nowhere):
    with pytest.raises(DataMissing) as raised:
        digits("test", nowhere / "mine")
    where, how, instead = str(raised.value).splitlines()
    assert str(nowhere / "mine/MNIST/raw") in where
    assert str(nowhere / "cache/ganbench/MNIST/raw") in where
    assert "no network here" in where
    assert "`ganbench data fetch mnist`" in how
    assert "GANBENCH_DATA" in how
    assert "`mnist5k` needs no download" in instead


def test_download_can_be_refused(nowhere, monkeypatch):
    monkeypatch.setattr(files, "_get", lambda url: pytest.fail("asked the network"))
    with pytest.raises(DataMissing, match="No train-images-idx3-ubyte and train-labels-idx1-ubyte"):
        digits("train", download=False)


@pytest.fixture
def mirrors(nowhere, numbered, monkeypatch):
    """Two mirrors: the first gives rubbish, the second the numbered files. Lists what was asked for."""
    from torchvision.datasets import MNIST

    raw = {path.name + ".gz": gzip.compress(path.read_bytes(), 1) for path in (numbered / "MNIST/raw").iterdir()}
    asked = []

    def get(url: str) -> bytes:
        asked.append(url)
        return b"Please log in" if "bad" in url else raw[url.rpartition("/")[2]]

    monkeypatch.setattr(MNIST, "mirrors", ["http://bad/", "http://good/"])
    monkeypatch.setattr(MNIST, "resources", [(name, md5(file).hexdigest()) for name, file in raw.items()])
    monkeypatch.setattr(files, "_get", get)
    return asked


def test_a_download_is_checked_kept_and_not_repeated(mirrors, nowhere, numbers_of):
    assert numbers_of(digits("test")[0]) == [*range(60_000, 70_000)]
    kept = list((nowhere / "cache/ganbench/MNIST/raw").iterdir())
    assert sorted(path.suffix for path in kept) == [".gz"] * 4
    assert len(mirrors) == 8
    MNIST.fetch()
    assert len(mirrors) == 8
    kept[0].write_bytes(b"damaged")
    MNIST.fetch()
    assert len(mirrors) == 10


def test_a_cache_that_cannot_be_written_is_reported(nowhere):
    (nowhere / "cache").write_text("a file where a folder should be")
    with pytest.raises(DataMissing, match=r"downloading them failed: .*cache"):
        digits("train")


# Import


@pytest.fixture
def own_copy(numbered, nowhere):
    """The numbered files in a folder of one's own, two of them gzipped."""
    folder = nowhere / "downloads"
    folder.mkdir()
    for i, path in enumerate(sorted((numbered / "MNIST/raw").iterdir())):
        raw = path.read_bytes()
        (folder / (path.name + ".gz" * (i % 2))).write_bytes(gzip.compress(raw, 1) if i % 2 else raw)
    return folder


def test_files_are_imported_unzipped_and_then_found(own_copy, nowhere, numbered, monkeypatch):
    originals = {path.name: path.read_bytes() for path in (numbered / "MNIST/raw").iterdir()}
    monkeypatch.setattr(mnist, "_UNZIPPED", {name: md5(raw).hexdigest() for name, raw in originals.items()})
    target = import_mnist(own_copy)
    assert target == nowhere / "cache/ganbench/MNIST/raw"
    assert {path.name: path.read_bytes() for path in target.iterdir()} == originals
    assert len(digits("test", download=False)[0]) == 10_000


def test_files_of_another_dataset_with_the_same_names_are_not_imported(own_copy, nowhere):
    with pytest.raises(DataMissing, match=r"train-images-idx3-ubyte has the MD5 .*another dataset.*FashionMNIST/raw"):
        import_mnist(own_copy)
    assert not (nowhere / "cache").exists()


def test_what_cannot_be_imported_is_named(own_copy, nowhere):
    with pytest.raises(DataMissing, match=r"no is no folder\. Name the one that holds train-images-idx3-ubyte, "):
        import_mnist(nowhere / "no")
    (own_copy / "t10k-labels-idx1-ubyte.gz").rename(own_copy / "labels.gz")
    with pytest.raises(DataMissing, match=r"No t10k-labels-idx1-ubyte, plain or \.gz, in .*downloads\. Name"):
        import_mnist(own_copy)


def test_real_mnist_is_recognised():
    found = find_mnist("train"), find_mnist("t10k")
    if None in found:
        pytest.skip("needs MNIST: set GANBENCH_DATA to the folder that holds MNIST/raw")
    for path in (*found[0], *found[1]):
        assert md5(MNIST.read(path)).hexdigest() == mnist._UNZIPPED[path.name.removesuffix(".gz")]


# Datasets


def test_splits_are_disjoint_and_whole(numbered, numbers_of):
    parts = [numbers_of(digits(split, numbered)[0]) for split in ("train", "validation", "test")]
    assert parts == [[*range(50_000)], [*range(50_000, 60_000)], [*range(60_000, 70_000)]]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_fresh_digits_are_neither_trained_on_nor_the_reference(numbered, numbers_of, monkeypatch, split):
    monkeypatch.setenv("GANBENCH_DATA", str(numbered))
    data = Mnist(size=28)
    fresh = data.fresh(split, 10_000)
    used = {*numbers_of(data.train().x), *numbers_of(data.reference(split).x)}
    assert len(used.union(numbers_of(fresh.x))) == 70_000
    more = data.fresh(split, 10_003)
    assert more.x.equal(torch.cat([fresh.x, fresh.x[:3]]))
    assert more.y.equal(torch.cat([fresh.y, fresh.y[:3]]))
    assert len(fresh.y[:200].unique()) == 10, "the order is shuffled"


def test_the_prior_is_the_training_splits(numbered, monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", str(numbered))
    data = Mnist(size=28)
    torch.testing.assert_close(data.prior, torch.full((10,), 0.1, dtype=torch.float64))
    assert data.train().y.shape == (50_000,)


def test_real_mnist_has_its_published_class_counts():
    if find_mnist("train") is None:
        pytest.skip("needs MNIST: set GANBENCH_DATA to the folder that holds MNIST/raw")
    counts = torch.bincount(digits("train", download=False)[1])
    assert counts.tolist() == [4932, 5678, 4968, 5101, 4859, 4506, 4951, 5175, 4842, 4988]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (8, "28 padded to 32, antialiased to 8"),
        (16, "28 padded to 32, antialiased to 16"),
        (28, "28 as stored"),
        (32, "28 padded to 32"),
        (64, "28 padded to 32, antialiased to 64"),
    ],
)
def test_digits_come_in_every_size(size, words):
    data = Mnist5k(size=size)
    batch = data.train()
    assert (batch.x.shape, batch.x.dtype, batch.y.dtype) == ((3000, 1, size, size), torch.float32, torch.int64)
    assert batch.x.shape[1:] == data.spec.shape
    assert data.preprocessing == words
    assert batch.x.min() == -1
    assert 0.9 < batch.x.max() <= 1


@pytest.mark.parametrize("size", [0, 27, 128, "32", 32.0])
@pytest.mark.parametrize("dataset", [Mnist, Mnist5k])
def test_other_sizes_are_refused_with_the_allowed_ones(dataset, size):
    with pytest.raises(BadSuite, match="digits come in 8, 16, 28, 32, 64 pixels"):
        dataset(size=size)


def test_mnist5k_is_balanced_and_its_parts_are_disjoint():
    data = Mnist5k(size=28)
    train, fresh = data.train(), data.fresh("test", 2000)
    assert train.y.bincount().tolist() == [300] * 10
    assert fresh.y.bincount().tolist() == [200] * 10
    assert len(torch.cat([train.x, fresh.x]).unique(dim=0)) == 5000
    assert data.fresh("validation", 2000).x.equal(fresh.x)
    assert len(data.fingerprint) == 64


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_packaged_references_are_those_of_their_card(nowhere, split):
    pixels, labels = mnist.packaged_references(split)
    found = sha256(pixels.numpy().tobytes() + labels.to(torch.uint8).numpy().tobytes()).hexdigest()
    assert f"`{found}`" in (mnist.ASSETS / "mnist-references.md").read_text()
    assert Mnist5k().reference(split).x.shape == (10_000, 1, 32, 32), "without MNIST's files"


def test_a_damaged_packaged_reference_names_file_and_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "ASSETS", tmp_path)
    np.savez(tmp_path / "mnist-test.npz", images=np.zeros((3, 28, 28), np.uint8), labels=np.zeros(3, np.uint8))
    for split in ("validation", "test"):
        with pytest.raises(DataMissing, match=rf"mnist-{split}\.npz .*pip install"):
            mnist.packaged_references(split)


def test_the_packaged_digits_are_those_of_their_card():
    pixels, labels = mnist.packaged_digits()
    found = sha256(pixels.numpy().tobytes() + labels.to(torch.uint8).numpy().tobytes()).hexdigest()
    assert f"`{found}`" in mnist.PACKAGED.with_suffix(".md").read_text()


@pytest.mark.parametrize("spoil", ["absent", "text", "cut", "other", "pickled"])
def test_damaged_packaged_digits_name_file_and_cure(spoil, tmp_path, monkeypatch):
    file = tmp_path / "mnist5k.npz"
    if spoil == "text":
        file.write_text("no archive")
    elif spoil == "cut":
        file.write_bytes(mnist.PACKAGED.read_bytes()[:-100_000])
    elif spoil == "other":
        np.savez(file, images=np.zeros((5000, 28, 28), np.uint8), labels=np.zeros(5000, np.uint8))
    elif spoil == "pickled":
        np.savez(file, images=np.array([{}]), labels=np.zeros(5000, np.uint8))
    monkeypatch.setattr(mnist, "PACKAGED", file)
    with pytest.raises(DataMissing, match=r"mnist5k\.npz .*pip install"):
        Mnist5k()
