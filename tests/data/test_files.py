from hashlib import md5
from pathlib import Path

import pytest

from ganbench.cli import console
from ganbench.data import files
from ganbench.data.files import data_roots, first_good, published, spoken


def test_roots_are_searched_in_order(monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", "/data")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert data_roots(Path("/mine")) == [Path("/mine"), Path("/data"), Path("/cache/ganbench")]
    monkeypatch.setenv("GANBENCH_DATA", "")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_roots() == [Path.home() / ".cache" / "ganbench"]


def test_progress_goes_to_stderr_only(tmp_path, capfd):
    (tmp_path / "digits.gz").write_bytes(b"x" * 200_000)
    assert files._get((tmp_path / "digits.gz").as_uri()) == b"x" * 200_000
    said = capfd.readouterr()
    assert said.out == ""
    assert "digits.gz" in said.err


def test_the_first_place_that_gives_the_right_bytes_is_taken_and_else_all_reasons_are_told(monkeypatch):
    def get(url: str) -> bytes:
        if url == "none":
            raise OSError("not today")
        return url.encode()

    monkeypatch.setattr(files, "_get", get)
    right = md5(b"right").hexdigest()
    assert first_good(["none", "wrong", "right", "never asked"], right) == b"right"
    with pytest.raises(OSError, match=f"none: not today; wrong: 5 bytes with another checksum than {right}"):
        first_good(["none", "wrong"], right)


def test_names_are_spoken_as_in_a_sentence():
    assert [spoken(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_datasets_that_can_be_fetched_say_what_they_are():
    """Stacked digits are of MNIST's files."""
    found = {name: (files.title, files.folder) for name, files in published().items()}
    assert found["mnist"] == found["stacked_mnist"] == ("MNIST", "MNIST/raw")
    assert found["fashion_mnist"] == ("FashionMNIST", "FashionMNIST/raw")
    assert found["cifar10"] == ("CIFAR-10", "cifar-10-batches-py")
    assert "ring8" not in found


# Commands


def test_data_where_names_what_each_place_holds(ganbench, nowhere, numbered, monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", str(numbered))
    cifar = nowhere / "mine" / "cifar-10-batches-py"
    cifar.mkdir(parents=True)
    for name in published()["cifar10"].names:
        (cifar / name).touch()
    assert ganbench("data", "where", "--data-dir", nowhere / "mine").out.splitlines() == [
        f"{nowhere / 'mine'}: CIFAR-10",
        f"{numbered}: FashionMNIST, MNIST",
        f"{nowhere / 'cache' / 'ganbench'}: nothing",
    ]


def test_the_doctor_names_the_cure_for_data_that_are_not_here(ganbench, nowhere, numbered, monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", str(numbered))
    monkeypatch.setattr(console.out, "width", 400)  # a narrow terminal breaks even paths
    said = " ".join(ganbench("doctor").out.split())
    assert f"ok fashion_mnist {numbered}/FashionMNIST/raw" in said
    assert "-- cifar10 not here: `ganbench data fetch cifar10`, or --data-dir." in said


@pytest.mark.parametrize(
    ("dataset", "title", "folder"),
    [("mnist", "MNIST", "MNIST/raw"), ("fashion_mnist", "FashionMNIST", "FashionMNIST/raw"),
     ("cifar10", "CIFAR-10", "cifar-10-batches-py")],
)  # fmt: skip
def test_a_fetch_that_fails_says_where_it_looked_and_what_went_wrong(ganbench, nowhere, dataset, title, folder):
    ran = ganbench("data", "fetch", dataset)
    assert ran.code == 2
    assert f"No whole set of {title}'s files in any of: {nowhere}/cache/ganbench/{folder}; " in ran.err
    assert "no network here" in ran.err
    assert f"`ganbench data fetch {dataset}`" in ran.err


def test_what_cannot_be_fetched_is_refused_with_what_can(ganbench, nowhere):
    ran = ganbench("data", "fetch", "cifar")
    assert ran.code == 2
    assert "No 'cifar' among the datasets to download. Did you mean 'cifar10'? There are: cifar10, " in ran.err
