"""What a stranger's variant gets told before anything is trained, and by the doctor."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ganbench import plugins
from ganbench.errors import BadSuite
from ganbench.runs import contract
from ganbench.runs.contract import PROMISES, SPECS, examine
from ganbench.suite import loading as suite

GOOD = '''
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.optim import Adam

from ganbench.variant import Player, Variant


class Mine(Variant):
    """A GAN of two layers."""

    def __init__(self, spec, *, width: int = 8):
        super().__init__()
        self.z_dim, self.shape, n = 4, spec.shape, torch.Size(spec.shape).numel()
        self.G = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, n), nn.Tanh())
        self.D = nn.Sequential(nn.Flatten(), nn.Linear(n, width), nn.ReLU(), nn.Linear(width, 1))
        self.players = [
            Player("D", self.D, self.d_loss, Adam(self.D.parameters()), sees_data=True),
            Player("G", self.G, self.g_loss, Adam(self.G.parameters()), makes_samples=True),
        ]

    def decode(self, z, like):
        return self.G(z).view(-1, *self.shape)

    def d_loss(self, batch):
        fake = self.sample(batch)
        return softplus(self.D(fake)).mean() + softplus(-self.D(batch.x)).mean()

    def g_loss(self, batch):
        return softplus(-self.D(self.sample(batch))).mean()
'''

# What is changed in it, and what is said of that: by a suite (None: nothing) and by the doctor.
WRONG = {
    "a wrong name in a step": (
        "fake = self.sample(batch)",
        "fake = self.sampel(batch)",
        "Mine, in a step of D: AttributeError: 'Mine' object has no attribute 'sampel' (mine.py, line 27).",
        "sampel",
    ),
    "a shape that torch refuses": (
        "nn.Linear(4, width)",
        "nn.Linear(5, width)",
        "Mine, when it draws 8 samples: RuntimeError: ",
        "mat1",
    ),
    "an error when it is made": (
        "self.z_dim, self.shape",
        "None + 1; self.z_dim, self.shape",
        "TypeError: unsupported operand type(s)",
        "TypeError",
    ),
    "samples of another shape": (
        ".view(-1, *self.shape)",
        "",
        "Mine draws samples (8, 64) of torch.float32, but was asked for (8, 1, 8, 8)",
        "(8, 256)",
    ),
    "samples beyond the range": (
        ", nn.Tanh())",
        ")\n        self.G[2].bias.data.fill_(9)",
        "but pixels lie in [-1, 1]",
        "End G",
    ),
    "black at 0": ("nn.Tanh()", "nn.Sigmoid()", None, "No pixel is below 0"),
    "equal samples": ("self.G(z)", "self.G(0 * z)", None, "Samples of one batch are equal"),
    "a generator that learns nothing": (
        "self.sample(batch))).mean()\n",
        "self.sample(batch).detach())).mean()\n",
        "nothing in the loss of G depends on weights of G",
        "nothing in the loss of G",
    ),
    "a loss that is a number": (
        "return softplus(-self.D(self.sample(batch))).mean()",
        "return 1.0",
        "the loss of G is a float, but needs to be a scalar tensor",
        "is a float",
    ),
    "a loss for each sample": (
        "return softplus(-self.D(self.sample(batch))).mean()",
        "return softplus(-self.D(self.sample(batch)))",
        "the loss of G is a tensor of shape (32, 1)",
        "(40, 1)",
    ),
    "samples of another type": (
        ".view(-1, *self.shape)",
        ".view(-1, *self.shape).double()",
        "of torch.float64, but was asked for (8, 1, 8, 8) of torch.float32",
        "torch.float64",
    ),
    "no samples": ("return self.G(z)", "self.G(z)", "Mine draws a NoneType, but `sample` needs to return", "NoneType"),
    "samples that are no numbers": ("self.G(z)", "(self.G(z) * float('nan'))", None, "nothing is trained yet"),
    "no players": ("self.players", "self.gamers", "needs a list `self.players`", "needs a list `self.players`"),
    "networks for players": (
        "self.players = [",
        "self.players = [self.D, self.G]; _ = [",
        "needs a list `self.players`",
        "needs a list `self.players`",
    ),
    "no latents": ("self.z_dim, self.shape, n = 4,", "self.shape, n =", "Set `self.z_dim`", "Set `self.z_dim`"),
    "nothing to be made of": (
        "def __init__(self, spec, *",
        "def __init__(self, *",
        "too many positional arguments. Begin it as `def __init__(self, spec, *, ...)`",
        "Begin it as",
    ),
    "an end of the process": (
        "fake = self.sample(batch)",
        "raise SystemExit(3)",
        "Mine, in a step of D: SystemExit: 3 (mine.py, line 27)",
        "SystemExit",
    ),
    "an optimiser of the other player": (
        "Adam(self.G.parameters()), makes",
        "Adam(self.D.parameters()), makes",
        None,
        "A step of G moves nothing",
    ),
    "a graph that is kept": (
        "fake = self.sample(batch)",
        "fake = self.sample(batch); self.kept = self.D(fake)",
        None,
        "holds the graph",
    ),
    "a look at a value": ("fake = self.sample(batch)", "fake = self.sample(batch); fake.mean().item()", None, "GPU"),
}

SUITE = """
budget = { updates = 2 }
samples = 70
controls = []
[[dataset]]
name = "squares.py:Squares"
judge = "squares.py:embed"
metrics = ["kid"]
[[variant]]
name = "mine.py:Mine"
"""

SQUARES = """
import torch
from torch import Generator
from ganbench.data import Dataset
from ganbench.variant import Batch, DataSpec


class Squares(Dataset):
    spec, fingerprint, preprocessing, judge = DataSpec((1, 8, 8)), "squares", "none", "random"
    prior = torch.empty(0)

    def __init__(self):
        self.x = torch.rand(80, 1, 8, 8, generator=Generator().manual_seed(0)) * 2 - 1

    def train(self):
        return Batch(self.x)

    def fresh(self, split, n):
        return Batch(self.x[torch.arange(n) % 80])

    def reference(self, split):
        return Batch(self.x)


def embed(x):
    return x.flatten(1)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "suite.toml").write_text(SUITE)
    (tmp_path / "squares.py").write_text(SQUARES)
    (tmp_path / "mine.py").write_text(GOOD)
    return tmp_path


def break_it(folder: Path, old: str, new: str) -> None:
    assert old in GOOD
    (folder / "mine.py").write_text(GOOD.replace(old, new))


@pytest.mark.parametrize("case", [case for case, (_, _, said, _) in WRONG.items() if said])
def test_what_fails_in_a_step_a_draw_or_a_judgement_fails_when_the_suite_is_read(folder: Path, case: str) -> None:
    old, new, said, _ = WRONG[case]
    break_it(folder, old, new)
    with pytest.raises(BadSuite) as raised:
        suite.load(folder / "suite.toml")
    message = str(raised.value)
    assert said in message and "mine.py:Mine" in message
    assert "\n" not in message and len(message) < 500


def test_the_message_names_the_plugins_own_line_and_not_torchs(folder: Path) -> None:
    break_it(folder, "nn.Linear(4, width)", "nn.Linear(5, width)")
    line = 1 + GOOD[: GOOD.index("return self.G(z)")].count("\n")
    with pytest.raises(BadSuite, match=rf"\(mine\.py, line {line}\)"):
        suite.load(folder / "suite.toml")


def test_a_judge_whose_features_differ_for_samples_is_refused(folder: Path) -> None:
    text = SQUARES.replace("return x.flatten(1)", "return x.flatten(1)[:, : 64 if len(x) > 8 else 63]")
    (folder / "squares.py").write_text(text)
    with pytest.raises(BadSuite, match=r"squares\.py:embed"):
        suite.load(folder / "suite.toml")


def test_a_metric_of_coordinates_is_refused_to_a_judge_of_other_features(folder: Path) -> None:
    text = SUITE.replace("squares.py:Squares", "ring8").replace('"kid"', '"kid", "modes"')
    (folder / "suite.toml").write_text(text.replace("squares.py:embed", "wide.py:embed"))
    (folder / "wide.py").write_text("def embed(x):\n    return x.repeat(1, 3)\n")
    with pytest.raises(BadSuite, match=r"'modes' needs coordinates, but the judge wide\.py:embed gives 6 features"):
        suite.load(folder / "suite.toml")


def test_what_is_tried_once_is_remembered_until_its_code_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    rehearse = contract.rehearse
    monkeypatch.setattr(suite, "rehearse", lambda spec, *more: tried.append(spec.variant.name) or rehearse(spec, *more))
    suite.load(folder / "suite.toml")
    suite.load(folder / "suite.toml")
    assert len(tried) == 1
    break_it(folder, "A GAN of two layers.", "A GAN.")
    suite.load(folder / "suite.toml")
    assert len(tried) == 1
    break_it(folder, "width: int = 8", "width: int = 9")
    suite.load(folder / "suite.toml")
    assert len(tried) == 2


def test_random_numbers_are_left_as_they_were(folder: Path) -> None:
    run = suite.load(folder / "suite.toml").runs[0]
    dataset = run.build_dataset()
    judge = run.build_judge(dataset)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    contract.rehearse(run, dataset, judge)
    assert torch.rand(1).equal(expected)


def test_the_zoo_is_not_rehearsed() -> None:
    assert not any(plugins.distribution("variants", name) for name in plugins.names("variants"))


# The doctor


def test_a_good_variant_keeps_all_promises_on_all_data(folder: Path) -> None:
    found = list(examine("mine.py:Mine", str(folder)))
    assert [one.remark for one in found if not one.kept] == []
    assert len(found) == len(SPECS) * len(PROMISES)


def test_a_variant_for_images_alone_has_no_flaw(folder: Path) -> None:
    break_it(folder, "        super().__init__()\n", "        super().__init__()\n        spec.shape[2]\n")
    found = list(examine("mine.py:Mine", str(folder)))
    assert all(one.kept for one in found) and len(found) == 2 * len(PROMISES) + 1
    assert found[-1].what == "points" and "IndexError: tuple index out of range (mine.py, line 15)" in found[-1].remark


@pytest.mark.parametrize("case", WRONG)
def test_the_doctor_says_what_to_mend(folder: Path, case: str) -> None:
    old, new, _, remark = WRONG[case]
    break_it(folder, old, new)
    remarks = [one.remark for one in examine("mine.py:Mine", str(folder)) if not one.kept]
    assert any(remark in one for one in remarks), remarks


def test_the_doctor_sees_what_is_not_saved(folder: Path) -> None:
    text = GOOD.replace("        self.players", "        self.shift = torch.rand(1)\n        self.players")
    (folder / "mine.py").write_text(text.replace("return self.G(z)", "return (self.G(z) * self.shift)"))
    remarks = [one.remark for one in examine("mine.py:Mine", str(folder)) if not one.kept]
    assert any("A saved and reloaded variant draws other samples" in one for one in remarks)


FADING = """
    def advance(self, progress, rounds):
        self.share = {share}

    def g_loss(self, batch):
        return self.share * softplus(-self.D(self.sample(batch))).mean()
"""


@pytest.mark.parametrize(
    ("share", "remark"),
    [
        (
            "1.0 - progress",
            r"aten\.mul\.Tensor is given 0\.625 where it was given 0\.875\. ",
        ),
        ("torch.full((), 1 + progress)", r"is given the tensor at \w+ where it was given the tensor at \w+"),
    ],
)
def test_the_doctor_sees_what_a_replayed_step_would_not(folder: Path, share: str, remark: str) -> None:
    before = GOOD.index("    def g_loss")
    (folder / "mine.py").write_text(GOOD[:before] + FADING.format(share=share))
    remarks = [one.remark for one in examine("mine.py:Mine", str(folder)) if not one.kept]
    assert any(re.search(f"While `stage` stays the same, a step changes: .*{remark}", one) for one in remarks), remarks


def test_a_tensor_that_is_filled_is_no_flaw(folder: Path) -> None:
    before = GOOD.index("    def g_loss")
    text = GOOD[:before] + FADING.format(share="self.share.fill_(1 - progress)")
    (folder / "mine.py").write_text(
        text.replace(
            "        self.players", "        self.register_buffer('share', torch.ones(()))\n        self.players"
        )
    )
    assert [one.remark for one in examine("mine.py:Mine", str(folder)) if not one.kept] == []


def test_the_command_examines_a_plugin_and_ends_with_2_if_something_is_to_mend(folder: Path, ganbench, monkeypatch):
    monkeypatch.chdir(folder)
    good = ganbench("doctor", "--plugin", "mine.py:Mine")
    assert good.code == 0 and "colour images: what is saved draws the same" in good.out
    break_it(folder, "nn.Tanh()", "nn.Sigmoid()")
    (folder / "other.py").write_text((folder / "mine.py").read_text())
    bad = ganbench("doctor", "--plugin", "other.py:Mine")
    assert bad.code == 2 and "No pixel is below 0" in " ".join(bad.out.split())
    assert ganbench("doctor", "--plugin", "squares.py:Squares").code == 2


def test_one_cause_is_said_once_of_each_kind_of_data(folder: Path) -> None:
    break_it(folder, ".view(-1, *self.shape)", "[:-1].view(-1, *self.shape)")
    broken = [one for one in examine("mine.py:Mine", str(folder)) if not one.kept]
    assert [one.what for one in broken] == [f"{kind}: samples have the data's shape and range" for kind in SPECS]


def test_what_a_plugin_prints_is_no_part_of_the_answer(
    ganbench: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine.py").write_text("print('imported')\n" + GOOD.replace("fake =", "print('a step'); fake ="))
    monkeypatch.chdir(folder)
    ran = ganbench("doctor", "--plugin", "mine.py:Mine", "--json")
    assert all(one["works"] for one in json.loads(ran.out))
    assert "imported" in ran.err and "a step" in ran.err


def test_a_script_that_ends_the_process_when_it_is_imported_is_named(folder: Path) -> None:
    (folder / "mine.py").write_text(GOOD + "\nimport argparse; argparse.ArgumentParser().parse_args(['--epochs'])\n")
    with pytest.raises(BadSuite, match=r"mine.py cannot be imported: SystemExit: 2 \(mine.py, line 33\)"):
        plugins.load("variants", "mine.py:Mine", folder)


FIXED = GOOD.replace("spec.shape, torch.Size(spec.shape).numel()", "(3, 24, 24), 3 * 24 * 24")


def test_networks_of_one_size_are_held_to_that_size(folder: Path) -> None:
    (folder / "mine.py").write_text(FIXED)
    found = [*examine("mine.py:Mine", str(folder))]
    assert [one.what for one in found] == [
        "samples 3 x 24 x 24",
        *[f"samples 3 x 24 x 24: {what}" for what in PROMISES],
    ]
    assert all(one.kept for one in found)
    (folder / "bright.py").write_text(FIXED.replace("nn.Tanh()", "nn.Sigmoid()"))
    (broken,) = [one for one in examine("bright.py:Mine", str(folder)) if not one.kept]
    assert broken.remark.startswith("No pixel is below 0")
