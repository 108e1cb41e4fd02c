import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ganbench import plugins
from ganbench.data import Dataset
from ganbench.data.mixtures import Ring8
from ganbench.errors import BadResults
from ganbench.runs.budget import Budget
from ganbench.runs.run import run
from ganbench.runs.sampling import (
    CHUNK,
    Sampler,
    sample_run,
    sampling_seed,
    slerp,
    to_array,
    write_grid,
    write_samples,
)
from ganbench.runs.spec import PluginSpec, RunSpec
from ganbench.store.records import read_run
from ganbench.variant import Batch, DataSpec, Variant

CPU = torch.device("cpu")


class Echo(Variant):
    """Returns its class and a random number, and remembers how it was asked."""

    conditional = True

    def __init__(self):
        super().__init__()
        self.part = nn.Dropout()
        self.players = []
        self.asked: list[tuple[int, bool, bool]] = []

    def sample(self, like: Batch) -> Tensor:
        self.asked.append((len(like.x), self.training, torch.is_grad_enabled()))
        return torch.stack([like.y.float(), torch.rand(len(like.y))], dim=1)


@pytest.fixture(scope="module")
def ring() -> Dataset:
    return Ring8(points=100)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on the ring, as the store keeps it."""
    path = tmp_path_factory.mktemp("run")
    spec = RunSpec(
        "tests", "gan", PluginSpec("gan", {"width": 8, "batch": 8}), "ring", PluginSpec("ring8", {"points": 100}),
        "truth", ("modes",), 0, Budget("updates", 5), 1, 50, "float32",
    )  # fmt: skip
    assert run(spec, path, CPU)[0] == "done"
    return path


# Drawing


def test_a_great_circle_leads_from_the_first_latent_to_the_second_by_lengths_in_between():
    a, b = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    found = torch.cat([slerp(a, b, torch.tensor([[share]])) for share in (0.0, 0.5, 1.0)])
    torch.testing.assert_close(found, torch.tensor([[2.0, 0.0], [3 / 2**0.5, 3 / 2**0.5], [0.0, 4.0]]))


def test_samples_are_drawn_in_chunks_in_eval_mode_and_without_gradients(ring):
    variant = Echo()
    drawn = Sampler(variant, ring, CPU).samples("test", 2 * CHUNK + 1, seed=0)
    assert drawn.shape == (2 * CHUNK + 1, 2)
    assert variant.asked == [(CHUNK, False, False), (CHUNK, False, False), (1, False, False)]
    assert variant.training


def test_chunks_do_not_repeat_each_other(ring):
    drawn = Sampler(Echo(), ring, CPU).samples("test", 2 * CHUNK, seed=0)
    assert len(drawn[:, 1].unique()) > 2 * CHUNK - 5


def test_a_part_that_was_in_eval_mode_stays_there(ring):
    variant = Echo()
    variant.part.eval()
    Sampler(variant, ring, CPU).samples("test", 3, seed=0)
    assert variant.training and not variant.part.training


def test_the_seed_fixes_the_samples_and_the_random_numbers_outside_do_not_move(ring):
    sampler = Sampler(Echo(), ring, CPU)
    before = torch.get_rng_state()
    first = sampler.samples("test", 20, seed=0)
    assert torch.get_rng_state().equal(before)
    torch.rand(5)
    assert sampler.samples("test", 20, seed=0).equal(first)
    assert not sampler.samples("test", 20, seed=1).equal(first)


def test_labels_come_from_fresh_data_or_are_all_the_one_that_is_asked_for(ring):
    sampler = Sampler(Echo(), ring, CPU)
    assert sampler.samples("test", 300, seed=0)[:, 0].equal(ring.fresh("test", 300).y.float())
    assert not sampler.samples("test", 300, seed=0)[:, 0].equal(sampler.samples("validation", 300, seed=0)[:, 0])
    assert set(sampler.samples("test", 20, seed=0, label=3)[:, 0].tolist()) == {3}


def test_eval_mode_freezes_running_averages(ring):
    variant = plugins.load("variants", "dcgan")(DataSpec((2,)), width=8)
    before = {name: tensor.clone() for name, tensor in variant.state_dict().items()}
    Sampler(variant, ring, CPU).samples("test", 50, seed=0)
    assert all(tensor.equal(before[name]) for name, tensor in variant.state_dict().items())


# A run's samples


def test_the_selected_weights_draw_what_the_run_has_kept(finished):
    kept = np.load(finished / "samples.npy")
    seed = sampling_seed(RunSpec.from_dict(read_run(finished)["spec"]))
    drawn = sample_run(finished, "selected", len(kept), seed, None, CPU)
    np.testing.assert_array_equal(drawn, kept)
    assert (sample_run(finished, "last", 10, 0, None, CPU) != kept[:10]).all()


def test_a_class_that_the_data_lacks_is_refused(finished):
    assert sample_run(finished, "last", 4, 0, 7, CPU).shape == (4, 2)
    for label in (8, -1):
        with pytest.raises(BadResults, match=rf"ring has no class {label}: its classes are 0 to 7\."):
            sample_run(finished, "last", 4, 0, label, CPU)


def test_a_run_without_weights_says_how_it_ended(tmp_path, finished):
    record = json.loads((finished / "run.json").read_text()) | {"status": "diverged", "reason": "D.loss became nan"}
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(BadResults, match=r"no last\.safetensors: the run ended as 'diverged'\. D\.loss became nan"):
        sample_run(tmp_path, "last", 4, 0, None, CPU)


def test_weights_of_other_networks_are_refused_with_what_to_do(tmp_path, finished):
    copytree(finished, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "last.safetensors")
    save_file(dict([*weights.items()][1:]), tmp_path / "last.safetensors")
    message = r"last\.safetensors does not fit the networks of .* Use the version that trained them"
    with pytest.raises(BadResults, match=message):
        sample_run(tmp_path, "last", 4, 0, None, CPU)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(BadResults, match="is no run"):
        sample_run(tmp_path, "last", 4, 0, None, CPU)


# Files


def test_a_run_knows_what_drawing_a_thousand_samples_takes(finished):
    ledger = json.loads((finished / "run.json").read_text())["ledger"]
    assert 0 < ledger["sampling_seconds"] < 60
    assert ledger["sampling_passes"] == 1


def test_passes_are_those_of_the_variant_and_seconds_are_of_a_thousand(tmp_path, monkeypatch):
    monkeypatch.setattr("ganbench.runs.sampling.perf_counter", iter(range(0, 10_000, 3)).__next__)
    spec = RunSpec(
        suite="tiny", label="rbm", variant=PluginSpec("rbm", {"width": 4, "chain": 7}), dataset_label="ring8",
        dataset=PluginSpec("ring8", {"points": 400}), judge="truth", metrics=("modes",), seed=0,
        budget=Budget("images", 400), evaluations=1, samples=500, precision="float32",
    )  # fmt: skip
    assert run(spec, tmp_path, torch.device("cpu")) == ("done", "")
    ledger = json.loads((tmp_path / "run.json").read_text())["ledger"]
    assert (ledger["sampling_seconds"], ledger["sampling_passes"]) == (6.0, 7)


def test_points_stay_numbers_and_images_become_bytes_with_channels_last():
    points = torch.randn(5, 2)
    np.testing.assert_array_equal(to_array(points), points.numpy())
    images = torch.zeros(2, 3, 4, 4)
    images[0, 0], images[0, 1], images[1, 2] = -1, 1, 1.7
    array = to_array(images)
    assert (array.shape, array.dtype) == ((2, 4, 4, 3), np.uint8)
    assert array[0, 0, 0].tolist() == [0, 255, 128]
    assert array[1, 0, 0].tolist() == [128, 128, 255]


def test_every_grey_survives_the_way_to_bytes():
    greys = torch.arange(256.0)
    assert to_array((greys / 127.5 - 1).reshape(1, 1, 16, 16)).flatten().tolist() == greys.tolist()


def test_a_grid_has_eight_in_a_row_a_pixel_apart(tmp_path):
    images = np.full((10, 4, 5, 1), 200, np.uint8)
    images[9] = 7
    write_grid(images, tmp_path / "grid.png")
    sheet = np.asarray(Image.open(tmp_path / "grid.png"))
    assert sheet.shape == (2 * 5 - 1, 8 * 6 - 1)
    assert (sheet[:4, :5] == 200).all() and (sheet[4] == 0).all() and (sheet[:, 5] == 0).all()
    assert (sheet[5:, 6:11] == 7).all()
    assert (sheet[5:, 12:] == 0).all()


def test_a_grid_of_few_is_no_wider_than_they_are_and_colours_stay(tmp_path):
    write_grid(np.full((3, 4, 4, 3), [10, 20, 30], np.uint8), tmp_path / "grid.png")
    sheet = np.asarray(Image.open(tmp_path / "grid.png"))
    assert sheet.shape == (4, 14, 3)
    assert sheet[0, 0].tolist() == [10, 20, 30]


def test_samples_are_written_as_the_name_asks(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    write_samples(images, tmp_path / "deep" / "samples.npz")
    np.testing.assert_array_equal(np.load(tmp_path / "deep" / "samples.npz")["samples"], images)
    write_samples(images, tmp_path / "other" / "grid.png")
    assert Image.open(tmp_path / "other" / "grid.png").size == (26, 8)
    write_samples(images, tmp_path / "folder")
    assert sorted(file.name for file in (tmp_path / "folder").iterdir()) == ["00000.png", "00001.png", "00002.png"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "folder" / "00002.png")), images[2, ..., 0])


def test_points_are_no_pictures(tmp_path):
    points = np.zeros((3, 2), np.float32)
    write_samples(points, tmp_path / "points.npz")
    assert np.load(tmp_path / "points.npz")["samples"].shape == (3, 2)
    for name in ("points.png", "folder"):
        with pytest.raises(BadResults, match=r"a name ending in \.npz"):
            write_samples(points, tmp_path / name)
        assert not (tmp_path / name).exists()
