"""One run from seed to record, on a ring of few points and networks of few weights."""

import io
import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ganbench.data.mixtures import Ring8
from ganbench.errors import BadSuite
from ganbench.judges.truth import TruthJudge
from ganbench.runs import run as running
from ganbench.runs.budget import Budget
from ganbench.runs.judging import Judgement, Work, gather
from ganbench.runs.record import State
from ganbench.runs.run import build, evaluate, resume, run, save, train_and_judge
from ganbench.runs.sampling import Sampler, training_data
from ganbench.runs.spec import PluginSpec, RunSpec
from ganbench.store.columns import LOSS_COLUMNS, SCORE_COLUMNS
from ganbench.suite import loading as suite

CPU = torch.device("cpu")
METRICS = ("modes", "modes_third", "high_quality", "reverse_kl", "reverse_kl_third")
FACTS = ["title", "lower_bound", "upper_bound", "meaning", "blind_to"]  # what a metric says of itself
BATCH, ROUNDS, EVALUATIONS = 16, 24, 4
SMALL = {"width": 8, "batch": BATCH, "z_dim": 2}

SPEC = RunSpec(
    suite="tests",
    label="gan",
    variant=PluginSpec("gan", SMALL),
    dataset_label="ring",
    dataset=PluginSpec("ring8", {"points": 500, "sigma": 0.1}),
    judge="truth",
    metrics=METRICS,
    seed=3,
    budget=Budget("images", BATCH * ROUNDS),
    evaluations=EVALUATIONS,
    samples=200,
    precision="float32",
)

STRANGERS = '''
import torch
from ganbench import plugins

GAN = plugins.load("variants", "gan")


class NotANumber(GAN):
    """From the fourth round on its loss is not a number."""

    def advance(self, progress, rounds):
        self.rounds = rounds

    def d_loss(self, batch):
        terms = super().d_loss(batch)
        return {**terms, "loss": terms["loss"] * float("nan")} if self.rounds >= 4 else terms


class Runaway(GAN):
    """Its samples are infinite, its losses are not."""

    def sample(self, like):
        return super().sample(like) if self.training else torch.full_like(like.x, torch.inf)


class Greedy(GAN):
    def d_loss(self, batch):
        raise MemoryError("no more than this")


class GreedyOnTheDevice(GAN):
    def d_loss(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory\\nand many more lines")


class Broken(GAN):
    def advance(self, progress, rounds):
        if rounds == 12:
            raise RuntimeError("a wheel came off\\nand the second line")


class Stillborn(GAN):
    def __init__(self, spec):
        raise RuntimeError("never was")
'''


class Stop(BaseException):
    """As Ctrl-C or a kill would: nothing in a run may catch it."""


@pytest.fixture
def stranger(tmp_path: Path) -> Callable[[str], RunSpec]:
    """A run of a variant of a file beside the suite, by its name."""
    (tmp_path / "strangers.py").write_text(STRANGERS)
    data = replace(SPEC.dataset, beside=str(tmp_path))

    def spec(name: str) -> RunSpec:
        options = {} if name == "Stillborn" else SMALL
        return replace(SPEC, variant=PluginSpec(f"strangers.py:{name}", options, str(tmp_path)), dataset=data)

    return spec


def workdir(tmp_path: Path, name: str = "workdir") -> Path:
    path = tmp_path / name
    path.mkdir(exist_ok=True)
    return path


def stop_after(evaluations: int) -> Callable[[float, int], None]:
    """A listener that stops the run in the log interval of its n-th judgement."""

    def listen(share: float, images: int) -> None:
        if share >= evaluations / EVALUATIONS:
            raise Stop

    return listen


def record_of(path: Path) -> dict[str, Any]:
    """All that a run left, without what no two runs have in common: seconds and memory."""
    record = json.loads((path / "run.json").read_text())
    record.pop("seconds", None)  # of start, training and judging
    for cost in ("seconds", "peak_memory", "images_per_second", "sampling_seconds"):
        del record["ledger"][cost]
    return record


def weights_of(path: Path) -> dict[str, Tensor]:
    return {
        f"{checkpoint}.{name}": tensor
        for checkpoint in ("last", "selected")
        for name, tensor in load_file(path / f"{checkpoint}.safetensors").items()
    }


def assert_same_to_the_last_bit(a: Path, b: Path) -> None:
    for table in ("scores", "losses"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(a / f"{table}.parquet"), pd.read_parquet(b / f"{table}.parquet"), check_exact=True
        )
    one, other = weights_of(a), weights_of(b)
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)
    assert (a / "samples.npy").read_bytes() == (b / "samples.npy").read_bytes()
    assert record_of(a) == record_of(b)


# The same bits


@pytest.mark.parametrize("name", ["gan", "dcgan", "wgan"])
def test_the_same_seed_gives_the_same_bits_and_another_gives_others(tmp_path, name):
    spec = replace(SPEC, variant=PluginSpec(name, SMALL))
    first, again, other = workdir(tmp_path, "first"), workdir(tmp_path, "again"), workdir(tmp_path, "other")
    assert run(spec, first, CPU) == run(spec, again, CPU) == ("done", "")
    assert_same_to_the_last_bit(first, again)
    run(replace(spec, seed=4), other, CPU)
    one, two = weights_of(first), weights_of(other)
    assert not any(one[key].equal(two[key]) for key in one if key.endswith("0.weight"))
    one, two = pd.read_parquet(first / "losses.parquet"), pd.read_parquet(other / "losses.parquet")
    assert not one["value"].equals(two["value"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[RunSpec], Path]:
    """The record of a run that was never stopped."""
    paths: dict[str, Path] = {}

    def find(spec: RunSpec) -> Path:
        if spec.id not in paths:
            paths[spec.id] = tmp_path_factory.mktemp(spec.id)
            assert run(spec, paths[spec.id], CPU) == ("done", "")
        return paths[spec.id]

    return find


@pytest.mark.parametrize("name", ["gan", "dcgan", "wgan"])
def test_a_run_stopped_after_every_evaluation_ends_as_one_never_stopped(tmp_path, whole, name):
    spec, stopped = replace(SPEC, variant=PluginSpec(name, SMALL)), workdir(tmp_path)
    for stop in range(1, EVALUATIONS + 1):
        shares = []

        def listen(share: float, images: int, stop: int = stop, shares: list[float] = shares) -> None:
            shares.append(share)
            stop_after(stop)(share, images)

        with pytest.raises(Stop):
            run(spec, stopped, CPU, listen)
        assert (stopped / "state.pt").exists() and not (stopped / "run.json").exists()
        assert min(shares) > (stop - 1) / EVALUATIONS, "what was done is not done again"
        torch.rand(7)  # another process would have other random numbers
    assert run(spec, stopped, CPU) == ("done", "")
    assert_same_to_the_last_bit(whole(spec), stopped)


def test_a_run_stopped_twice_and_between_evaluations_ends_as_one_never_stopped(tmp_path, whole):
    stopped = workdir(tmp_path)
    for share_to_stop_at in (0.1, 0.4, 0.6, 0.8):
        with pytest.raises(Stop):
            run(SPEC, stopped, CPU, stop_after(share_to_stop_at * EVALUATIONS))
    assert run(SPEC, stopped, CPU) == ("done", "")
    assert_same_to_the_last_bit(whole(SPEC), stopped)


def test_a_run_closed_by_a_driver_that_is_gone_leaves_its_state_and_no_record(tmp_path):
    def gone(share: float, images: int) -> None:
        if share >= 0.5:
            raise BrokenPipeError

    path = workdir(tmp_path)
    with pytest.raises(BrokenPipeError):
        run(SPEC, path, CPU, gone)
    assert [file.name for file in path.iterdir()] == ["state.pt"]


def cut(state: bytes) -> bytes:
    return state[: len(state) // 2]


def unzip(state: bytes) -> bytes:
    return state.replace(b"PK\x03\x04", b"\0\0\0\0")


def flip(state: bytes) -> bytes:
    """Turn some bits in the middle of the weights, which `torch.load` alone would not notice."""
    with zipfile.ZipFile(io.BytesIO(state)) as archive:
        weights = max(archive.infolist(), key=lambda info: info.file_size)
    middle = weights.header_offset + weights.file_size // 2
    return state[:middle] + bytes(byte ^ 0x55 for byte in state[middle : middle + 8]) + state[middle + 8 :]


@pytest.mark.parametrize("damage", [cut, unzip, flip, lambda _: b"", lambda _: b"no state"])
def test_a_damaged_state_starts_over(tmp_path, whole, damage):
    damaged = workdir(tmp_path)
    with pytest.raises(Stop):
        run(SPEC, damaged, CPU, stop_after(2))
    file = damaged / "state.pt"
    file.write_bytes(damage(file.read_bytes()))
    assert run(SPEC, damaged, CPU) == ("done", "")
    assert_same_to_the_last_bit(whole(SPEC), damaged)


def test_a_state_that_could_not_be_written_whole_leaves_the_one_before(tmp_path, monkeypatch):
    path = workdir(tmp_path)
    work, state = build(SPEC, CPU), State()
    save(work, state, path)
    before = (path / "state.pt").read_bytes()

    def full(saved: object, file: Path) -> None:
        Path(file).write_bytes(b"half a st")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        save(work, state, path)
    assert (path / "state.pt").read_bytes() == before


def saved_halfway(path: Path) -> tuple[Work, State]:
    """A run that was judged and saved once, and goes no further."""
    work, state = build(SPEC, CPU), State()
    judgement = Judgement(SPEC, work)
    next(train_and_judge(judgement, state, path))
    evaluate(judgement, state)
    save(work, state, path)
    return work, state


def test_what_the_cpu_keeps_is_resumed_on_the_cpu_whatever_the_device(tmp_path):
    """Samples of the curve and counts of modes are stacked at the end with those that come later."""
    path = workdir(tmp_path)
    saved_halfway(path)
    elsewhere = replace(build(SPEC, CPU), device=torch.device("meta"))  # in the place of one that this machine lacks
    resumed = resume(elsewhere, path)
    assert resumed.frames and {tensor.device for tensor in [*resumed.frames, *resumed.occupancy]} == {CPU}


def test_samples_are_drawn_in_float32_on_devices_that_would_rather_not():
    torch.backends.cuda.matmul.fp32_precision = torch.backends.cudnn.conv.fp32_precision = "tf32"
    build(SPEC, CPU)
    assert torch.backends.cuda.matmul.fp32_precision == torch.backends.cudnn.conv.fp32_precision == "ieee"


def test_what_is_saved_is_what_is_resumed(tmp_path):
    path = workdir(tmp_path)
    work, state = saved_halfway(path)
    random = torch.get_rng_state()
    other = build(replace(SPEC, seed=99), CPU)
    resumed = resume(other, path)
    assert torch.get_rng_state().equal(random)
    assert resumed.ledger == state.ledger and resumed.losses == state.losses
    assert pd.DataFrame(resumed.scores).equals(pd.DataFrame(state.scores)), "the same numbers, and the same nans"
    assert (resumed.best_value, resumed.best_images) == (state.best_value, state.best_images)
    assert all(tensor.equal(state.best[name]) for name, tensor in resumed.best.items())
    assert all(tensor.equal(work.variant.state_dict()[name]) for name, tensor in other.variant.state_dict().items())
    for one, two in zip(work.variant.players, other.variant.players, strict=True):
        kept, restored = one.optimizer.state_dict()["state"], two.optimizer.state_dict()["state"]
        assert kept and all(kept[i][key].equal(restored[i][key]) for i in kept for key in kept[i])


# Judging


@pytest.mark.parametrize("name", ["gan", "dcgan"])
def test_how_often_a_run_is_judged_does_not_change_its_training(tmp_path, name):
    ends = {}
    for evaluations in (1, 2, 4):
        path = workdir(tmp_path, str(evaluations))
        run(replace(SPEC, variant=PluginSpec(name, SMALL), evaluations=evaluations), path, CPU)
        ends[evaluations] = {k: v for k, v in weights_of(path).items() if k.startswith("last")}
    for weights in (ends[2], ends[4]):
        assert all(tensor.equal(ends[1][key]) for key, tensor in weights.items())


def test_an_evaluation_leaves_random_numbers_modes_and_weights_as_they_were():
    work = build(replace(SPEC, variant=PluginSpec("dcgan", SMALL)), CPU)
    work.variant.train()
    work.variant.G[1].eval()  # a mode of its own, deep inside, such as a frozen layer would have
    modes = [module.training for module in work.variant.modules()]
    random, before = torch.get_rng_state(), {k: v.clone() for k, v in work.variant.state_dict().items()}
    evaluate(Judgement(SPEC, work), State())
    assert torch.get_rng_state().equal(random)
    assert [module.training for module in work.variant.modules()] == modes
    assert all(tensor.equal(before[name]) for name, tensor in work.variant.state_dict().items())
    assert all(weight.grad is None for weight in work.variant.parameters())


@pytest.mark.parametrize("evaluations", [1, 3, 49, 100])
def test_a_run_is_judged_as_often_as_it_says_and_in_equal_distances(tmp_path, monkeypatch, evaluations):
    judged = []
    monkeypatch.setattr(running, "evaluate", lambda judgement, state: judged.append(state.ledger.rounds))
    monkeypatch.setattr(running, "save", lambda *_: None)
    rounds = 4 * evaluations
    spec = replace(SPEC, evaluations=evaluations, budget=Budget("images", BATCH * rounds))
    work, state = build(spec, CPU), State()
    assert [*train_and_judge(Judgement(spec, work), state, workdir(tmp_path))][-1] == 1
    assert judged == [*range(4, rounds + 1, 4)]


def test_a_budget_of_fewer_rounds_than_evaluations_is_judged_after_each_round(tmp_path):
    path = workdir(tmp_path)
    run(replace(SPEC, evaluations=10, budget=Budget("images", 3 * BATCH)), path, CPU)
    scores = pd.read_parquet(path / "scores.parquet")
    assert [*scores.loc[scores["checkpoint"] == "curve", "images"].unique()] == [BATCH, 2 * BATCH, 3 * BATCH]


@pytest.mark.parametrize(("variant", "asked"), [("dcgan", EVALUATIONS), ("cgan", EVALUATIONS + 1)])
def test_samples_that_the_judge_saw_last_are_not_judged_again(tmp_path, monkeypatch, variant, asked):
    seen = []
    judge = TruthJudge.__call__
    monkeypatch.setattr(TruthJudge, "__call__", lambda self, x: seen.append(len(x)) or judge(self, x))
    spec = replace(SPEC, variant=PluginSpec(variant, SMALL), metrics=("modes",), samples=123)
    assert run(spec, workdir(tmp_path), CPU)[0] == "done"
    assert seen.count(123) == asked  # the curve, and of labels of the test split the test


@pytest.mark.parametrize(
    ("values", "selected"),
    [
        ([3.0, 1.0, 2.0, 4.0], 2),
        ([4.0, 3.0, 2.0, 1.0], 4),
        ([1.0, 1.0, 1.0, 1.0], 4),
        ([float("nan"), 2.0, 1.0, 3.0], 3),
    ],
)
def test_the_selected_checkpoint_is_the_best_on_validation(tmp_path, monkeypatch, values, selected):
    path, metrics = workdir(tmp_path), SPEC.load_metrics()
    said = iter(values)
    chosen = next(metric for metric in metrics if metric.name == "reverse_kl_third")
    spec = replace(SPEC, metrics=("reverse_kl_third",))
    real = Judgement.scores

    def scores_of_curve(judgement, drawn, split, checkpoint, images):
        rows, evidence = real(judgement, drawn, split, checkpoint, images)
        return [{**row, "value": next(said)} for row in rows] if checkpoint == "curve" else rows, evidence

    assert chosen.direction == "lower"
    monkeypatch.setattr(Judgement, "scores", scores_of_curve)
    assert run(spec, path, CPU)[0] == "done"
    scores = pd.read_parquet(path / "scores.parquet")
    per_evaluation = BATCH * ROUNDS // EVALUATIONS
    assert scores.loc[scores["checkpoint"] == "selected", "images"].item() == selected * per_evaluation
    assert scores.loc[scores["checkpoint"] == "last", "images"].item() == BATCH * ROUNDS


def test_without_the_judges_own_metric_the_last_checkpoint_is_selected(tmp_path):
    path = workdir(tmp_path)
    run(replace(SPEC, metrics=("high_quality",)), path, CPU)
    scores = pd.read_parquet(path / "scores.parquet").set_index("checkpoint")
    assert scores.loc["selected", "value"] == scores.loc["last", "value"]
    assert scores.loc["selected", "images"] == BATCH * ROUNDS


# Endings


def owed(path: Path) -> pd.DataFrame:
    scores = pd.read_parquet(path / "scores.parquet")
    return scores[scores["checkpoint"] != "curve"]


def assert_all_owed_scores_are_there_without_a_value(path: Path) -> None:
    rows = owed(path)
    assert sorted(zip(rows["checkpoint"], rows["metric"], strict=True)) == sorted(
        (checkpoint, metric) for checkpoint in ("last", "selected") for metric in METRICS
    )
    assert rows["value"].isna().all()
    assert set(rows["split"]) == {"test"}


def test_a_run_that_is_done_has_its_whole_record(tmp_path):
    path = workdir(tmp_path)
    assert run(SPEC, path, CPU) == ("done", "")
    assert sorted(file.name for file in path.iterdir()) == [
        "exhibits.npz", "last.safetensors", "losses.parquet", "run.json", "samples.npy", "scores.parquet",
        "selected.safetensors",
    ]  # fmt: skip
    scores, losses = pd.read_parquet(path / "scores.parquet"), pd.read_parquet(path / "losses.parquet")
    assert [*scores.columns] == SCORE_COLUMNS
    assert [*losses.columns] == LOSS_COLUMNS
    assert len(scores) == (EVALUATIONS + 2) * len(METRICS)
    assert scores["value"].notna().all()
    assert set(scores.loc[scores["checkpoint"] == "curve", "split"]) == {"validation"}
    for metric in SPEC.load_metrics():
        (facts,) = scores.loc[scores["metric"] == metric.name, FACTS].drop_duplicates().to_numpy().tolist()
        assert facts == [metric.title, *metric.bounds, metric.meaning, metric.blind_to]
    assert set(owed(path)["split"]) == {"test"}
    assert set(losses["curve"]) >= {"D.loss", "D.real", "D.fake", "G.loss"}
    record = json.loads((path / "run.json").read_text())
    assert (record["status"], record["reason"]) == ("done", "")
    assert record["summary"] == {
        "suite": "tests", "run": SPEC.id, "variant": "gan", "label": "gan", "dataset": "ring", "seed": 3,
        "control": False, "reference": False, "guest": False, "given": "nothing", "scale": 1.0,
    }  # fmt: skip
    assert record["ledger"]["images"] == BATCH * ROUNDS
    assert record["ledger"]["seconds"] > 0 and record["ledger"]["peak_memory"] > 0 and record["ledger"]["flops"] > 0
    assert len(record["truth"]["means"]) == 8
    assert RunSpec.from_dict(record["spec"]) == SPEC


def test_a_loss_that_is_no_number_ends_the_run_with_the_images_in_the_reason(tmp_path, stranger):
    path = workdir(tmp_path)
    status, reason = run(stranger("NotANumber"), path, CPU)
    assert (status, reason) == ("diverged", f"D.loss became nan within {5 * BATCH:,} images")
    assert_all_owed_scores_are_there_without_a_value(path)
    assert set(owed(path)["images"]) == {5 * BATCH}
    assert set(owed(path)["status"]) == {"diverged"}
    losses = pd.read_parquet(path / "losses.parquet")
    assert losses["images"].max() == 5 * BATCH, "the curve shows where it happened"


def test_samples_that_are_no_numbers_end_the_run(tmp_path, stranger):
    path = workdir(tmp_path)
    status, reason = run(stranger("Runaway"), path, CPU)
    first = BATCH * ROUNDS // EVALUATIONS
    assert (status, reason) == ("diverged", f"samples are no longer finite after {first} images")
    assert_all_owed_scores_are_there_without_a_value(path)


def test_a_run_that_diverges_keeps_its_curve_up_to_there(tmp_path, stranger, monkeypatch):
    path = workdir(tmp_path)
    spec = replace(stranger("NotANumber"), evaluations=ROUNDS // 2)
    assert run(spec, path, CPU)[0] == "diverged"
    scores = pd.read_parquet(path / "scores.parquet")
    assert [*scores.loc[scores["checkpoint"] == "curve", "images"].unique()] == [2 * BATCH, 4 * BATCH]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Greedy", "MemoryError: no more than this"), ("GreedyOnTheDevice", "OutOfMemoryError: CUDA out of memory")],
)
def test_a_run_that_is_out_of_memory_says_so(tmp_path, stranger, name, reason):
    path = workdir(tmp_path)
    assert run(stranger(name), path, CPU) == ("out_of_memory", reason)
    assert_all_owed_scores_are_there_without_a_value(path)


def test_a_run_that_raises_has_failed_with_its_first_line_and_keeps_the_traceback(tmp_path, stranger):
    path = workdir(tmp_path)
    assert run(stranger("Broken"), path, CPU) == ("failed", "RuntimeError: a wheel came off")
    assert "strangers.py" in (path / "traceback.txt").read_text()
    assert_all_owed_scores_are_there_without_a_value(path)
    record = json.loads((path / "run.json").read_text())
    assert record["ledger"]["rounds"] == 12
    assert not (path / "state.pt").exists()


def test_a_run_that_fails_before_it_begins_has_a_record_too(tmp_path, stranger):
    path = workdir(tmp_path)
    status, reason = run(stranger("Stillborn"), path, CPU)
    assert status == "failed" and reason.endswith("never was")
    assert_all_owed_scores_are_there_without_a_value(path)
    assert pd.read_parquet(path / "losses.parquet").empty
    record = json.loads((path / "run.json").read_text())
    assert record["truth"] is None and record["conditions"]["samples"] == 200


def test_a_run_that_fails_after_its_last_scores_has_each_score_once(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(running, "write_shown", full)
    path = workdir(tmp_path)
    assert run(SPEC, path, CPU)[0] == "failed"
    rows = owed(path)
    assert not rows.duplicated(["checkpoint", "metric"]).any()
    assert len(rows) == 2 * len(METRICS)


@pytest.mark.parametrize("name", ["real", "memorizer", "mode_dropper", "noise"])
def test_controls_are_judged_and_train_nothing(tmp_path, name):
    path, heard = workdir(tmp_path), []
    spec = replace(SPEC, variant=PluginSpec(name, {}), label=name)
    assert run(spec, path, CPU, lambda share, images: heard.append(share)) == ("done", "")
    record = json.loads((path / "run.json").read_text())
    assert record["summary"]["control"] is True
    assert all(amount == 0 for amount in record["ledger"].values())
    scores = pd.read_parquet(path / "scores.parquet")
    assert len(scores) == 3 * len(METRICS)  # one point of the curve, the last, the selected
    assert set(scores["images"]) == {0}
    assert pd.read_parquet(path / "losses.parquet").empty


# Comparability


def keys(tmp_path: Path, spec: RunSpec) -> dict[tuple[str, str], str]:
    """(checkpoint, metric) -> key."""
    path = workdir(tmp_path, spec.id)
    assert run(spec, path, CPU) == ("done", "")
    scores = pd.read_parquet(path / "scores.parquet")
    return dict(zip(zip(scores["checkpoint"], scores["metric"], strict=True), scores["key"], strict=True))


NOISE = replace(SPEC, variant=PluginSpec("noise", {}), label="noise")


def test_scores_measured_alike_share_a_key_whatever_was_trained_and_how(tmp_path):
    here = keys(tmp_path, SPEC)
    assert here == keys(tmp_path, replace(SPEC, seed=8, label="other", precision="bfloat16"))
    assert here == keys(tmp_path, replace(SPEC, variant=PluginSpec("wgan", SMALL), budget=Budget("updates", 3)))
    assert here == keys(tmp_path, NOISE)
    assert all(here["last", metric] == here["selected", metric] for metric in METRICS)
    assert len(set(here.values())) == 2 * len(METRICS), "a key for each metric and split"
    assert all(here["last", metric] != here["curve", metric] for metric in METRICS)


@pytest.mark.parametrize(
    "changed",
    [
        replace(NOISE, samples=201),
        replace(NOISE, dataset=PluginSpec("ring8", {"points": 501, "sigma": 0.1})),
        replace(NOISE, dataset=PluginSpec("ring8", {"points": 500, "sigma": 0.09})),
        replace(NOISE, dataset=PluginSpec("grid25", {"points": 500})),
    ],
    ids=["samples", "points", "sigma", "dataset"],
)
def test_scores_measured_otherwise_have_other_keys(tmp_path, changed):
    one, other = keys(tmp_path, NOISE), keys(tmp_path, changed)
    assert one.keys() == other.keys()
    assert not set(one.values()) & set(other.values())


PIXELS = '''
import torch
from ganbench.judges import Judge, Judged


class Pixels(Judge):
    """Features are the mean grey of the image's quarters; made to judge without any weights."""

    key, metrics, select = "quarters", ("classes",), "classes"

    def __init__(self, dataset):
        self.real = dataset.train().x

    def __call__(self, x):
        features = torch.nn.functional.adaptive_avg_pool2d(x, 2).flatten(1)
        return Judged(features, features.repeat(1, 3)[:, :10])

    def reference(self, split):
        return self(self.real[:100])
'''


@pytest.fixture
def on_images(tmp_path: Path) -> RunSpec:
    (tmp_path / "pixels.py").write_text(PIXELS)
    return replace(
        SPEC, variant=PluginSpec("noise", {}), dataset=PluginSpec("mnist5k", {"size": 8}),
        judge=f"{tmp_path / 'pixels.py'}:Pixels", metrics=("classes", "class_kl"),
    )  # fmt: skip


def test_images_of_another_size_have_other_keys(tmp_path, on_images):
    one = keys(tmp_path, on_images)
    other = keys(tmp_path, replace(on_images, dataset=PluginSpec("mnist5k", {"size": 16})))
    assert not set(one.values()) & set(other.values())


def test_a_run_on_images_keeps_a_picture_of_its_samples(tmp_path, on_images):
    path = workdir(tmp_path)
    spec = replace(on_images, variant=PluginSpec("gan", SMALL), evaluations=1, budget=Budget("updates", 3))
    assert run(spec, path, CPU) == ("done", "")
    assert (path / "grid.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((path / "run.json").read_text())
    assert record["truth"] is None
    assert record["conditions"]["preprocessing"] == "28 padded to 32, antialiased to 8"


# More than samples

PAIRS = ("pair_agreement", "pair_chance", "translation_error", "label_agreement", "cycle_error")
THEORY = ("jsd", "game_value_optimal", "game_value", "d_error")
MORE = ("high_quality", "label_accuracy", *PAIRS, *THEORY)


def of_pairs(resources: Path, name: str, **changes: Any) -> RunSpec:
    """A run of one of the toys in `pairs.py`, or of something installed, with all metrics that need more."""
    made = PluginSpec(name, {}) if name == "real" else PluginSpec(f"pairs.py:{name}", {"batch": BATCH}, str(resources))
    data = replace(SPEC.dataset, beside=str(resources))
    return replace(SPEC, variant=made, dataset=data, metrics=MORE, evaluations=2, label=name, **changes)


def scores_of(path: Path, checkpoint: str = "last") -> pd.DataFrame:
    scores = pd.read_parquet(path / "scores.parquet")
    return scores[scores["checkpoint"] == checkpoint].set_index("metric")


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("Lines", ("jsd", "game_value_optimal")),
        ("Obedient", ("label_accuracy", "jsd", "game_value_optimal")),
        ("Believer", THEORY),
        ("Joint", (*PAIRS[:4], "jsd", "game_value_optimal")),
        ("Translator", (*PAIRS, "jsd", "game_value_optimal")),
        ("real", ("label_accuracy", "jsd", "game_value_optimal")),
    ],
)
def test_a_run_has_the_scores_that_its_variant_can_give(tmp_path, resources, name, has):
    path = workdir(tmp_path)
    assert run(of_pairs(resources, name), path, CPU) == ("done", "")
    for checkpoint in ("curve", "last", "selected"):
        assert {*scores_of(path, checkpoint).index} == {"high_quality", *has}
    assert scores_of(path)["value"].notna().all()


def test_who_does_as_it_is_told_has_the_judges_own_accuracy(tmp_path, resources):
    for name in ("Obedient", "real"):
        path = workdir(tmp_path, name)
        run(of_pairs(resources, name), path, CPU)
        assert scores_of(path).loc["label_accuracy", "value"] == 1


def test_a_translator_is_judged_by_the_true_labels_of_its_sources(tmp_path, resources):
    """It gives points turned by 15 degrees for points of the ring: nearest to the mode that they come from."""
    path, data = workdir(tmp_path), PluginSpec("ring8", {"points": 500, "sigma": 0.03}, str(resources))
    run(replace(of_pairs(resources, "Translator"), dataset=data), path, CPU)
    value = scores_of(path)["value"]
    assert value["label_agreement"] == 1
    assert value["cycle_error"] == value["pair_agreement"] == 0
    assert value["translation_error"] == pytest.approx(2 * math.sin(math.radians(7.5)), rel=0.05)
    assert SPEC.build_dataset().other.name == "rotated"


@pytest.mark.parametrize("undo", [True, False])
def test_without_a_way_back_drawn_pairs_have_no_labels(tmp_path, resources, undo, monkeypatch):
    other = SPEC.build_dataset().other
    monkeypatch.setattr(Ring8, "other", None)
    work = build(of_pairs(resources, "Joint"), CPU)
    work.dataset.other = other if undo else replace(other, undo=None)
    judgement = Judgement(of_pairs(resources, "Joint"), work)
    rows, _ = judgement.scores(judgement.draw("test"), "test", "last", 0)
    assert ("label_agreement" in {row["metric"] for row in rows}) == undo


def test_pairs_are_drawn_from_the_same_latents_as_samples_and_leave_no_trace(resources):
    spec = of_pairs(resources, "Joint")
    work = build(spec, CPU)
    sampler = Sampler(work.variant.train(), work.dataset, CPU)
    before = torch.get_rng_state()
    drawn = sampler.drawn("test", 700, 5)
    assert torch.get_rng_state().equal(before) and work.variant.training
    assert drawn.x.equal(sampler.samples("test", 700, 5)) and drawn.x is drawn.pair.x
    pairs = gather(work.dataset, work.judge, work.metrics, "test", drawn).pair
    assert pairs.truth.equal(work.dataset.other.transform(pairs.x))
    assert not drawn.x.equal(sampler.drawn("test", 700, 6).x)


def test_a_belief_is_asked_for_in_eval_mode_without_a_trace(resources):
    work = build(of_pairs(resources, "Believer"), CPU)
    before = torch.get_rng_state()
    belief = Sampler(work.variant.train(), work.dataset, CPU).belief()
    assert belief(torch.zeros(1201, 2)).shape == (1201,)
    assert torch.get_rng_state().equal(before) and work.variant.training


def test_two_domains_are_trained_on_the_halves_and_cost_twice_the_images(tmp_path, resources):
    spec = of_pairs(resources, "Joint", budget=Budget("updates", 6))
    assert run(spec, workdir(tmp_path), CPU)[0] == "done"
    assert json.loads((workdir(tmp_path) / "run.json").read_text())["ledger"]["images"] == 6 * 2 * BATCH
    work = build(spec, CPU)
    data = training_data(work.variant, work.dataset, CPU)
    assert len(data.x) == len(data.x_other) == 250
    assert data.x_other.equal(work.dataset.halves().x_other)
    alone = build(of_pairs(resources, "Lines"), CPU)
    assert training_data(alone.variant, alone.dataset, CPU).x_other is None


def test_the_second_domain_is_in_the_keys_of_pairs_alone(tmp_path, resources):
    found = {}
    for other in ("rotated", "grid"):
        data = PluginSpec("ring8", {"points": 500, "sigma": 0.1, "other": other}, str(resources))
        path = workdir(tmp_path, other)
        assert run(replace(of_pairs(resources, "Joint"), dataset=data), path, CPU)[0] == "done"
        found[other] = scores_of(path)["key"]
    differ = found["rotated"].index[found["rotated"] != found["grid"]]
    assert {*differ} == {*PAIRS[:4]}


def test_second_halves_that_are_no_numbers_end_the_run(tmp_path, resources):
    status, reason = run(of_pairs(resources, "Runaway"), workdir(tmp_path), CPU)
    assert status == "diverged" and reason.startswith("samples are no longer finite")


def test_a_failed_run_owes_what_every_variant_has_and_what_it_had_before(tmp_path, resources, stranger):
    path = workdir(tmp_path)
    assert run(of_pairs(resources, "Collapsing"), path, CPU)[0] == "failed"
    assert {*scores_of(path).index} == {"high_quality", "label_accuracy", "jsd", "game_value_optimal"}
    path = workdir(tmp_path, "other")
    assert run(replace(stranger("Stillborn"), metrics=MORE), path, CPU)[0] == "failed"
    assert {*scores_of(path).index} == {"high_quality", "jsd", "game_value_optimal"}


def test_a_suite_refuses_two_domains_where_there_is_one(tmp_path, resources):
    (tmp_path / "pairs.py").write_text((resources / "pairs.py").read_text())
    (tmp_path / "alone.py").write_text(
        "from ganbench.data.mixtures import Ring8\n\n\nclass Alone(Ring8):\n"
        "    def __init__(self):\n        super().__init__(points=100)\n        self.other = None\n"
    )
    text = 'budget = {{ updates = 2 }}\ncontrols = []\n[[dataset]]\nname = "{}"\n[[variant]]\nname = "pairs.py:Joint"\n'
    file = tmp_path / "suite.toml"
    file.write_text(text.format("alone.py:Alone"))
    with pytest.raises(BadSuite, match=r"learns two domains, but alone\.py:Alone has only one\. Choose"):
        suite.load(file)
    file.write_text(text.format("ring8"))
    assert len(suite.load(file).runs) == 3


def test_a_suite_may_name_metrics_that_none_of_its_variants_has(tmp_path):
    file = tmp_path / "suite.toml"
    head = "budget = { updates = 2 }\ncontrols = []\nsamples = 100\n"
    file.write_text(f'{head}[[dataset]]\nname = "ring8"\nmetrics = {[*MORE]}\n[[variant]]\nname = "gan"\n')
    assert suite.load(file).runs[0].metrics == MORE


def test_ring8_here_is_the_ring8_that_is_installed():
    assert isinstance(SPEC.build_dataset(), Ring8)
