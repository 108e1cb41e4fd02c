from pathlib import Path

import numpy as np
import pytest
import torch

from ganbench.plugins.spec import PluginSpec, build
from ganbench.runs.budget import Budget
from ganbench.runs.exhibits import CLOUD, FRAME, MESH, ROWS, STEPS, SURFACE, collect
from ganbench.runs.run import run
from ganbench.runs.sampling import Sampler
from ganbench.runs.spec import RunSpec
from ganbench.store import read
from ganbench.store.folder import Store

CPU = torch.device("cpu")


def shown(name: str, data: str, **options: object) -> dict[str, np.ndarray]:
    dataset = build("datasets", PluginSpec(data, {"size": 16} if data == "mnist5k" else {"points": 500}))
    variant = build("variants", PluginSpec(name, {"width": 8, **options}), dataset.spec)
    variant.prepare(dataset.halves() if variant.domains > 1 else dataset.train())
    spec = RunSpec(
        "", name, PluginSpec(name), data, PluginSpec(data), dataset.judge, (), 0, Budget("images", 1), 1, 9, "float32"
    )
    return collect(Sampler(variant, dataset, CPU), spec.build_judge(dataset), seed=1)


def test_points_show_walks_the_way_of_a_latent_grid_and_what_d_believes():
    found = shown("gan", "ring8", z_dim=3)
    assert {name: x.shape for name, x in found.items()} == {
        "interpolation": (ROWS, STEPS, 2), "transport": (MESH, MESH, 2),
        "surface": (SURFACE, SURFACE), "surface_edges": (4,),
    }  # fmt: skip
    assert 0 <= found["surface"].min() <= found["surface"].max() <= 1
    left, right, bottom, top = found["surface_edges"]
    assert left == pytest.approx(-1.5, abs=0.1) and top == pytest.approx(1.5, abs=0.1)
    assert right == pytest.approx(-left, abs=0.1) and bottom == pytest.approx(-top, abs=0.1)
    steps = np.abs(np.diff(found["transport"], axis=0)).max()
    assert 0 < steps < np.ptp(found["transport"])  # neighbours of the grid stay neighbours


def test_the_surface_lies_as_the_points_do():
    dataset = build("datasets", PluginSpec("ring8", {"points": 500}))
    variant = build("variants", PluginSpec("gan", {"width": 8}), dataset.spec)
    variant.belief = lambda x: (x[:, 0] > 1).float() + (x[:, 1] > 1).float() / 2
    spec = RunSpec(
        "", "", PluginSpec("gan"), "", PluginSpec("ring8"), "truth", (), 0, Budget("images", 1), 1, 9, "float32"
    )
    surface = collect(Sampler(variant, dataset, CPU), spec.build_judge(dataset), 1)["surface"]
    assert surface[0, -1] == 1  # below on the right
    assert surface[-1, 0] == 0.5  # above on the left


def test_digits_show_classes_truncation_and_their_nearest_neighbours_in_the_training_data():
    found = shown("biggan", "mnist5k", z_chunk=4, standing=1, batch=20)
    assert found["interpolation"].shape == (ROWS, STEPS, 16, 16, 1) and found["interpolation"].dtype == np.uint8
    assert found["by_class"].shape == (10, 8, 16, 16, 1)
    assert found["truncation"].shape == (5, 9, 16, 16, 1) and list(found["truncations"]) == [0, 2, 1, 0.5, 0.04]
    dataset = build("datasets", PluginSpec("mnist5k", {"size": 16}))
    training = {bytes(x) for x in ((dataset.train().x + 1) * 127.5).round().to(torch.uint8).numpy().reshape(-1, 256)}
    assert all(bytes(x.reshape(-1)) in training for x in found["neighbour"])


def test_a_translator_shows_pairs_their_truth_and_the_way_back():
    found = shown("cyclegan", "ring8")
    for name in ("pair_x", "pair_other", "pair_truth", "pair_returned"):
        assert found[name].shape == (CLOUD, 2)
    assert "interpolation" not in found  # it draws from no latents
    angle = np.arctan2(*found["pair_truth"].T) - np.arctan2(*found["pair_x"].T)
    np.testing.assert_allclose((angle + np.pi) % (2 * np.pi) - np.pi, -np.pi / 12, atol=1e-4)  # turned by 15 degrees


def test_truncation_takes_away_variety_and_is_left_as_it_was():
    dataset = build("datasets", PluginSpec("ring8", {"points": 500}))
    torch.manual_seed(0)
    variant = build("variants", PluginSpec("stylegan", {"width": 8, "z_dim": 4, "mapping": 1}), dataset.spec)
    spec = RunSpec(
        "", "", PluginSpec("gan"), "", PluginSpec("ring8"), "truth", (), 0, Budget("images", 1), 1, 9, "float32"
    )
    found = collect(Sampler(variant, dataset, CPU), spec.build_judge(dataset), 1)
    spread = found["truncation"].std(1).mean(1)
    assert list(found["truncations"]) == [1, 0.7, 0.5, 0] and (np.diff(spread) < 0).all()
    assert spread[-1] < 1e-6  # all are the mean style; the noise has no scale yet
    assert variant.truncation == 1.0


def test_controls_have_nothing_of_the_kind():
    dataset = build("datasets", PluginSpec("ring8", {"points": 500}))
    spec = RunSpec(
        "", "", PluginSpec("real"), "", PluginSpec("ring8"), "truth", (), 0, Budget("images", 1), 1, 9, "float32"
    )
    real = build("variants", PluginSpec("real"), dataset.spec)
    assert collect(Sampler(real, dataset, CPU), spec.build_judge(dataset), 1) == {}


def test_a_run_keeps_samples_and_modes_of_each_judgement(tmp_path: Path):
    spec = RunSpec(
        "tiny", "gan", PluginSpec("gan", {"width": 8, "batch": 8}), "ring", PluginSpec("ring8"), "truth", ("modes",),
        0, Budget("images", 400), 4, 300, "float32",
    )  # fmt: skip
    store = Store(tmp_path, "tiny")
    store.open("", [{"run": spec.id, "label": "gan", "dataset": "ring", "seed": 0}], "ganbench run tiny", "")
    assert run(spec, store.workdir(spec.id), CPU)[0] == "done"
    store.publish(spec.id)
    found = read(tmp_path / "tiny").exhibits(spec.id)
    assert found["frames"].shape == (4, min(300, FRAME[False]), 2)
    assert found["occupancy"].shape == (4, 9) and (found["occupancy"].sum(1) == 300).all()
    assert len(found["images"]) == 4 and (np.diff(found["images"]) > 0).all()
    assert "surface" in found
    assert read(tmp_path / "tiny").exhibits("nothing") == {}
