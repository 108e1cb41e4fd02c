"""What is kept is what was said; what is damaged, or another's, is asked anew."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ganbench.data import Dataset
from ganbench.data.blobs import Blobs
from ganbench.judges import Judged
from ganbench.judges.cache import cache_folder, cached, judge_held_out, judge_real_data
from ganbench.judges.truth import TruthJudge


class Oracle:
    """Says something else every time."""

    asked = 0

    def __call__(self) -> Judged:
        self.asked += 1
        g = torch.Generator().manual_seed(self.asked)
        return Judged(torch.randn(5, 3, generator=g), torch.randn(3, 5, generator=g).T)


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


def same(a: Judged, b: Judged) -> bool:
    return a.features.equal(b.features) and a.logits.equal(b.logits)


def the_file() -> Path:
    (file,) = cache_folder().iterdir()
    return file


def test_the_second_time_nobody_is_asked(oracle: Oracle, cache: Path) -> None:
    first = cached("a key", oracle)
    assert same(cached("a key", oracle), first)
    assert oracle.asked == 1
    assert the_file().parent == cache / "features"


def test_another_key_is_another_answer(oracle: Oracle) -> None:
    first, other = cached("a key", oracle), cached("another key", oracle)
    assert not same(first, other)
    assert same(cached("a key", oracle), first)


@pytest.mark.parametrize("damage", ["cut short", "empty", "a bit", "no safetensors", "other tensors", "a folder"])
def test_a_damaged_file_is_made_anew(oracle: Oracle, damage: str) -> None:
    cached("a key", oracle)
    file = the_file()
    raw = bytearray(file.read_bytes())
    match damage:
        case "cut short":
            file.write_bytes(raw[:-1])
        case "empty":
            file.write_bytes(b"")
        case "a bit":
            raw[-1] ^= 1
            file.write_bytes(raw)
        case "no safetensors":
            file.write_bytes(b"features" * 100)
        case "other tensors":
            save_file({"features": torch.zeros(5, 3)}, file)
        case "a folder":
            file.unlink()
            file.mkdir()
    second = cached("a key", oracle)
    assert oracle.asked == 2
    if damage != "a folder":
        assert same(cached("a key", oracle), second)


def test_a_file_under_anothers_name_is_not_believed(oracle: Oracle) -> None:
    cached("a key", oracle)
    mine = the_file()
    cached("another key", oracle)
    (other,) = set(cache_folder().iterdir()) - {mine}
    mine.rename(other)
    cached("another key", oracle)
    assert oracle.asked == 3


def test_a_cache_that_cannot_be_written_is_none(oracle: Oracle, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("in the way")
    assert cached("a key", oracle).features.shape == (5, 3)
    cached("a key", oracle)
    assert oracle.asked == 2


def test_no_half_written_file_is_left(oracle: Oracle) -> None:
    cached("a key", oracle)
    assert load_file(the_file()).keys() == {"features", "logits"}


class Lasting(TruthJudge):
    lasting = True

    def __init__(self, dataset: Dataset):
        super().__init__(dataset)
        self.asked: list[int] = []

    def __call__(self, x: torch.Tensor) -> Judged:
        self.asked.append(len(x))
        return super().__call__(x)


def test_real_data_are_judged_once_for_each_judge_data_and_split() -> None:
    data = Blobs(points=20, size=8)
    judge = Lasting(data)
    for split in ("train", "test", "train", "test"):
        found = judge_real_data(judge, data, split)  # type: ignore[arg-type]
        assert same(found, TruthJudge(data)((data.train() if split == "train" else data.reference("test")).x))
    assert judge.asked == [20, 10_000]
    for changed in ("key", "preprocessing", "fingerprint"):
        setattr(judge if changed == "key" else data, changed, "other")
        judge_real_data(judge, data, "train")
    assert len(judge.asked) == 5


def test_unseen_data_of_the_origin_of_the_training_data_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Blobs(points=20, size=8)
    judge = Lasting(data)
    assert judge_held_out(judge, data, "test") is None
    unseen = data.fresh("test", 30)
    monkeypatch.setattr(data, "held_out", lambda split: unseen)
    first, again = judge_held_out(judge, data, "test"), judge_held_out(judge, data, "test")
    assert first is not None and again is not None and same(first, again)
    assert same(first, TruthJudge(data)(unseen.x))
    judge_real_data(judge, data, "test")
    assert judge.asked == [30, 10_000]


def test_a_judge_whose_key_does_not_tell_all_is_asked_every_time(cache: Path) -> None:
    data = Blobs(points=20, size=8)
    judge = Lasting(data)
    judge.lasting = False
    judge_real_data(judge, data, "train")
    judge_real_data(judge, data, "train")
    assert judge.asked == [20, 20]
    assert not cache.exists()
