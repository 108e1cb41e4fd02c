import io
import pickle
import tarfile
from hashlib import md5

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10 as Published

from ganbench.data import files
from ganbench.data.cifar10 import BATCHES, CIFAR10, Cifar10
from ganbench.errors import BadSuite, DataMissing

N = 40  # photographs in a batch


def batch(number: int) -> bytes:
    """Photographs whose first three bytes, of red, are their number; labels are its last figure."""
    numbers = np.arange(number * N, number * N + N)
    data = np.random.default_rng(number).integers(0, 256, (N, 3072), dtype=np.uint8)
    for place in range(3):
        data[:, place] = numbers >> 8 * place & 255
    return pickle.dumps({"batch_label": "one", "labels": (numbers % 10).tolist(), "data": data, "filenames": []}, 2)


@pytest.fixture(scope="module")
def batches():
    return {name: batch(i) for i, name in enumerate(CIFAR10.names)}


@pytest.fixture
def known(batches, monkeypatch):
    """Torchvision knows these batches as the published ones."""
    sums = [[name, md5(raw).hexdigest()] for name, raw in batches.items()]
    monkeypatch.setattr(Published, "train_list", sums[:5])
    monkeypatch.setattr(Published, "test_list", sums[5:])


@pytest.fixture
def stored(batches, known, nowhere, monkeypatch):
    """They lie in a folder of torchvision's layout."""
    folder = nowhere / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, raw in batches.items():
        (folder / name).write_bytes(raw)
    monkeypatch.setenv("GANBENCH_DATA", str(folder.parent))
    return folder


def numbers(x: torch.Tensor) -> list[int]:
    pixels = ((x[:, 0, 0, :3].double() + 1) * 127.5).round()
    return (pixels @ torch.tensor([1.0, 256.0, 65536.0], dtype=torch.float64)).long().tolist()


def test_the_published_batches_are_those_that_torchvision_knows():
    assert {name for name, _ in [*Published.train_list, *Published.test_list]} == {*CIFAR10.names}


def test_splits_are_batches_disjoint_and_whole(stored):
    data = Cifar10()
    parts = [data.train(), data.reference("validation"), data.reference("test")]
    assert [numbers(part.x) for part in parts] == [[*range(4 * N)], [*range(4 * N, 5 * N)], [*range(5 * N, 6 * N)]]
    assert all(part.y.tolist() == [number % 10 for number in numbers(part.x)] for part in parts)
    assert {*numbers(data.fresh("test", N).x)} == {*range(4 * N, 5 * N)}
    assert {*numbers(data.fresh("validation", N).x)} == {*range(5 * N, 6 * N)}
    assert (data.spec.shape, data.spec.classes, data.judge) == ((3, 32, 32), 10, "trained")


def test_bytes_are_red_then_green_then_blue_row_by_row(stored, batches):
    red_green_blue = pickle.loads(batches["test_batch"])["data"][7].astype(np.float64).reshape(3, 32, 32)
    found = Cifar10().reference("test").x[7]
    torch.testing.assert_close(found, torch.from_numpy(red_green_blue / 127.5 - 1).float())


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_photographs_come_in_every_size(stored, size):
    data = Cifar10(size=size)
    x = data.train().x
    assert (x.shape, x.dtype) == ((4 * N, 3, size, size), torch.float32)
    assert x.min() >= -1 and x.max() <= 1
    assert data.preprocessing == {32: "32 as stored"}.get(size, f"32 antialiased to {size}")
    assert data.fingerprint == Cifar10().fingerprint


def test_other_sizes_are_refused_with_the_allowed_ones(stored):
    with pytest.raises(BadSuite, match="Found size = 28, but photographs come in 8, 16, 32, 64 pixels"):
        Cifar10(size=28)


class Trap:
    """Does something when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


def test_a_file_that_is_not_the_published_one_is_never_unpickled(stored):
    (stored / "data_batch_5").write_bytes(pickle.dumps(Trap()))
    data = Cifar10()  # whose training split is whole
    with pytest.raises(DataMissing, match=r"data_batch_5 has the MD5 \w+, CIFAR-10's has \w+.*was not opened.*Delete"):
        data.reference("validation")


def test_the_published_archive_is_fetched_checked_and_unpacked(batches, known, nowhere, monkeypatch):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, raw in {**batches, "../outside": b"", "readme.html": b""}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    archive, asked = packed.getvalue(), []

    def get(url: str) -> bytes:
        asked.append(url)
        return archive

    monkeypatch.setattr(files, "_get", get)
    with pytest.raises(DataMissing, match=r"another checksum than c58f30108f718f92721af3b95e74349a"):
        Cifar10()
    monkeypatch.setattr(Published, "tgz_md5", md5(archive).hexdigest())
    assert len(Cifar10().train().x) == 4 * N
    folder = nowhere / "cache/ganbench/cifar-10-batches-py"
    assert {path.name for path in folder.iterdir()} == {*CIFAR10.names}
    CIFAR10.fetch()
    assert len(asked) == 2, "what is whole is not fetched again"
    (folder / "test_batch").unlink()
    CIFAR10.fetch()
    assert len(asked) == 3


def test_without_files_or_network_the_message_has_a_way_out(nowhere):
    with pytest.raises(DataMissing) as raised:
        Cifar10()
    where, how = str(raised.value).splitlines()
    assert "No whole set of CIFAR-10's files" in where and "no network here" in where
    assert str(nowhere / "cache/ganbench/cifar-10-batches-py") in where
    assert "`ganbench data fetch cifar10`" in how


def test_every_batch_has_one_use():
    used = [name for names in BATCHES.values() for name in names]
    assert sorted(used) == sorted({*used}) == sorted(CIFAR10.names)
