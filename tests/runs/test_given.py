"""What a variant declares to be given is what its record says."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganbench import controls
from ganbench.data.mixtures import Ring8
from ganbench.runs.record import given_to
from ganbench.runs.sampling import Sampler
from ganbench.store import read
from ganbench.variant import Batch, Pair, Variant
from ganbench.zoo.biggan import BigGAN
from ganbench.zoo.cgan import CGAN
from ganbench.zoo.cogan import CoGAN
from ganbench.zoo.cyclegan import CycleGAN
from ganbench.zoo.dcgan import DCGAN


class LabelledPairs(Variant):
    conditional, domains = True, 2


class Redrawing(Variant):
    conditional, given_real = True, True


@pytest.mark.parametrize(
    ("variant", "given"),
    [
        (DCGAN, "nothing"), (CGAN, "labels"), (BigGAN, "labels"), (CoGAN, "second domain"), (CycleGAN, "real images"),
        (LabelledPairs, "labels and second domain"), (LabelledPairs(), "labels and second domain"),
        (Redrawing, "real images"), (controls.Real, "real images"), (controls.ModeDropper, "real images"),
        (controls.Memorizer, "nothing"), (controls.Noise, "nothing"), (object, "nothing"),
    ],
)  # fmt: skip
def test_what_a_row_was_given_follows_from_what_its_variant_declares(variant: type[Variant], given: str) -> None:
    assert given_to(variant) == given


class Peeking(Variant):
    """Gives back real data that it does not say it looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.players, self.seen = [], []

    def sample(self, like: Batch) -> Tensor:
        self.seen.append(like)
        return like.x

    def pair(self, like: Batch) -> Pair:
        self.seen.append(like)
        return Pair(like.x, like.x)


@pytest.mark.parametrize(
    ("declares", "told_of"),
    [
        ({}, set()), ({"conditional": True}, {"y"}), ({"domains": 2}, set()), ({"given_real": True}, {"x", "y"}),
        ({"domains": 2, "given_real": True}, {"x", "y", "x_other"}),
    ],
)  # fmt: skip
def test_a_variant_is_told_no_more_of_real_data_than_its_row_says(declares: dict[str, Any], told_of: set[str]) -> None:
    variant, data = Peeking(), Ring8(points=100)
    for name, value in declares.items():
        setattr(variant, name, value)
    drawn = Sampler(variant, data, torch.device("cpu")).drawn("test", 20, 0)
    (like,) = variant.seen
    assert {name for name, part in like._asdict().items() if part is not None and part.any()} == told_of
    assert len(like.x) == 20 and drawn.x.any() == ("x" in told_of)
    assert drawn.like is not None and drawn.like.x.any(), "metrics look at them as ever"


def test_a_record_that_says_what_was_given_knows_better_than_the_suite(resources: Path, tmp_path: Path) -> None:
    """The suite's entry speaks for older records, which do not say, and for runs that are missing."""
    from shutil import copytree

    results = Path(copytree(resources / "format1" / "tiny", tmp_path / "tiny"))
    manifest = json.loads((results / "suite.json").read_text())
    manifest["runs"] = [run | {"given": "labels"} for run in manifest["runs"]]
    (results / "suite.json").write_text(json.dumps(manifest))
    first = manifest["runs"][0]["run"]
    record = json.loads((results / first / "run.json").read_text())
    record["summary"]["given"] = "real images"
    (results / first / "run.json").write_text(json.dumps(record))
    given = read(results).runs.set_index("run")["given"].dropna()
    assert given[first] == "real images" and set(given.drop(first)) == {"labels"}
