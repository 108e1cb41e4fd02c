"""One run: seed, train, judge along the way, keep what is needed to go on, and write the record.

Judging never changes training: samples are drawn in eval mode with a random state of their own.
"""

import errno
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isfinite, isnan
from pathlib import Path
from time import perf_counter
from zipfile import ZipFile

import torch
from safetensors.torch import save_model
from torch import Tensor

from ganbench.errors import printable, said
from ganbench.judges.asking import set_matrix_precision
from ganbench.metrics import Evidence
from ganbench.runs.budget import Ledger, peak_memory
from ganbench.runs.exhibits import collect, frame, occupancy
from ganbench.runs.judging import Judgement, Row, Work
from ganbench.runs.record import State, write_exhibits, write_record, write_shown
from ganbench.runs.sampling import training_data
from ganbench.runs.spec import RunSpec
from ganbench.runs.training import train
from ganbench.store.columns import Checkpoint, Split, Status
from ganbench.store.whole import written_whole

INTERVALS_PER_EVALUATION = 10  # points of a loss curve between two judgements
LONGEST_TRACEBACK = 100_000  # characters that are kept of it
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # where no file can be written, neither can a record
SHOWN = {True: 64, False: 1_000}  # samples kept of a run: images, points

Listener = Callable[[float, int], None]  # share of the budget spent, real images shown


class Diverged(Exception):
    """A loss is no longer a finite number."""


def run(spec: RunSpec, workdir: Path, device: torch.device, listener: Listener = lambda *_: None) -> tuple[Status, str]:
    """Train and judge, leaving the record in `workdir`; go on from a state that is found there.

    Returns how it ended, and why. Nothing that a variant, a dataset or a judge raises leaves here: a bad run is a row,
    not the end of a suite. Only a record that cannot be written is an OSError, or what pandas makes of it; the state
    stays, and the run may be done again.
    """
    status: Status
    work, state, began = None, State(), perf_counter()
    try:
        work = build(spec, device)
        state = resume(work, workdir)
        state.start_s += perf_counter() - began
        judgement = Judgement(spec, work)
        for share in train_and_judge(judgement, state, workdir):
            listener(share, state.ledger.images)
        judge_at_end(judgement, state, workdir)
        status, reason = "done", ""
    except Diverged as error:
        status, reason = "diverged", printable(str(error))
    except (torch.OutOfMemoryError, MemoryError) as error:
        status, reason = "out_of_memory", said(error)
    except BrokenPipeError:
        raise  # the listener is gone: nobody waits for a record
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        text = traceback.format_exc()[-LONGEST_TRACEBACK:]
        (workdir / "traceback.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
        status, reason = "failed", said(error)
    write_record(spec, workdir, status, reason, state, work)
    return status, reason


def build(spec: RunSpec, device: torch.device) -> Work:
    """Data, judge, and a variant freshly initialised from the run's seed."""
    dataset = spec.build_dataset()
    judge = spec.build_judge(dataset)
    make_deterministic(spec.seed)
    variant = spec.build_variant(dataset).to(device)
    variant.to(memory_format=variant.memory_format)
    return Work(dataset, judge, spec.load_metrics(), variant, device)


def train_and_judge(judgement: Judgement, state: State, workdir: Path) -> Iterator[float]:
    """Train to the end of the budget, judging and saving on the way; yields the share that is spent."""
    spec, work = judgement.spec, judgement.work
    data = training_data(work.variant, work.dataset, work.device)
    work.variant.prepare(data)
    if not work.variant.players:
        evaluate(judgement, state)
        return
    intervals = spec.evaluations * INTERVALS_PER_EVALUATION
    for curves in train(work.variant, data, spec.budget, state.ledger, intervals, spec.precision):
        state.ledger.peak_memory = max(state.ledger.peak_memory, _peak_memory(work.device))
        state.losses += [{"images": state.ledger.images, "curve": name, "value": v} for name, v in curves.items()]
        check_finite(curves, state.ledger)
        share = spec.budget.spent(state.ledger)
        due = int(share * spec.evaluations + 1e-9)  # 29 / 100 * 100 is a little below 29
        if due > state.evaluated:
            state.evaluated = due
            evaluate(judgement, state)
            with counted(state, "start_s"):
                save(work, state, workdir)
            _forget_peak_memory(work.device)  # of judging
        yield min(share, 1.0)


def evaluate(judgement: Judgement, state: State) -> None:
    """One point of the validation curve; the best so far by the judge's own metric is the selected checkpoint."""
    work = judgement.work
    with counted(state, "judging_s"):
        scores, evidence = judge_now(judgement, "validation", "curve", state.ledger.images)
    state.scores += scores
    assert evidence.x is not None, "what is judged has samples"
    state.frames.append(frame(evidence.x))
    if (counts := occupancy(evidence)) is not None:
        state.occupancy.append(counts)
    if state.best is None or _as_good(work.judge.select, scores, state.best_value):
        state.best = {name: tensor.clone() for name, tensor in work.variant.state_dict().items()}
        state.best_value = next((s["value"] for s in scores if s["metric"] == work.judge.select), float("nan"))
        state.best_images = state.ledger.images


def judge_at_end(judgement: Judgement, state: State, workdir: Path) -> None:
    """Scores of the last and the selected checkpoint on the test split, their weights, and some samples."""
    work, seed, sampler = judgement.work, judgement.seed, judgement.sampler
    with counted(state, "judging_s"):
        last, _ = judge_now(judgement, "test", "last", state.ledger.images)
    if work.variant.players:  # a control's samples are made by nobody
        state.ledger.sampling_seconds, state.ledger.sampling_passes = judgement.seconds_a_thousand, work.variant.passes
    save_model(work.variant, str(workdir / "last.safetensors"))
    if state.best_images == state.ledger.images:  # the last is the selected one: judged already
        selected = [{**row, "checkpoint": "selected"} for row in last]
    else:
        assert state.best is not None
        work.variant.load_state_dict(state.best)
        with counted(state, "judging_s"):
            selected, _ = judge_now(judgement, "test", "selected", state.best_images)
    state.scores += last + selected
    save_model(work.variant, str(workdir / "selected.safetensors"))
    with counted(state, "start_s"):
        write_shown(workdir, sampler.samples("test", SHOWN[work.dataset.spec.is_image], seed))
        write_exhibits(workdir, state, collect(sampler, work.judge, seed))


def judge_now(judgement: Judgement, split: Split, checkpoint: Checkpoint, images: int) -> tuple[list[Row], Evidence]:
    """Scores of the variant as it is now, and what they were computed from. Raises Diverged."""
    drawn = judgement.draw(split)
    check_samples(images, drawn.x, *([drawn.pair.x_other] if drawn.pair else []))
    return judgement.scores(drawn, split, checkpoint, images)


def save(work: Work, state: State, workdir: Path) -> None:
    """Write all that `resume` needs, whole or not at all."""
    saved = {
        "variant": work.variant.state_dict(),
        "optimizers": [player.optimizer.state_dict() for player in work.variant.players],
        "random": _random_state(work.device),
        "state": state.to_dict(),
    }
    with written_whole(workdir / "state.pt") as draft:
        torch.save(saved, draft)


def resume(work: Work, workdir: Path) -> State:
    """The state a stopped run left, or a fresh one; restores weights, optimisers and random numbers."""
    if not (workdir / "state.pt").exists():
        return State()
    try:
        with ZipFile(workdir / "state.pt") as archive:
            if archive.testzip() is not None:  # torch itself never looks at the checksums
                return State()
        saved = torch.load(workdir / "state.pt", map_location="cpu", weights_only=True)
    except Exception:  # torch names no error of its own for a damaged file; starting over loses nothing but time
        return State()
    work.variant.load_state_dict(saved["variant"])
    for player, optimizer in zip(work.variant.players, saved["optimizers"], strict=True):
        player.optimizer.load_state_dict(optimizer)
    _set_random_state(saved["random"], work.device)
    return State.from_dict(saved["state"])


@contextmanager
def counted(state: State, account: str) -> Iterator[None]:
    """Add the seconds inside to an account of the state's."""
    started = perf_counter()
    yield
    setattr(state, account, getattr(state, account) + perf_counter() - started)


def check_finite(curves: dict[str, float], ledger: Ledger) -> None:
    """Raise Diverged if a loss is no longer finite."""
    for name, value in curves.items():
        if not isfinite(value):
            raise Diverged(f"{name} became {value} within {ledger.images:,} images")


def check_samples(images: int, *samples: Tensor) -> None:
    """Raise Diverged if samples are no longer finite."""
    if not all(some.isfinite().all() for some in samples):
        raise Diverged(f"samples are no longer finite after {images:,} images")


def make_deterministic(seed: int) -> None:
    """Seed all devices, and ask for the same bits every time."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it at its first call
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Or every new tensor would be filled first, against code that reads what nothing wrote: 5 % of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    set_matrix_precision("ieee")
    torch.manual_seed(seed)


def _as_good(select: str, scores: list[Row], best: float) -> bool:
    """Tell whether a checkpoint takes the place of the best so far.

    The later of two equal checkpoints is selected. Any number is better than none. Without a score by that metric the
    last checkpoint is selected.
    """
    for score in scores:
        if score["metric"] == select:
            as_good = score["value"] >= best if score["direction"] == "higher" else score["value"] <= best
            return bool(as_good) or isnan(best)
    return True


def _random_state(device: torch.device) -> dict[str, Tensor]:
    """Of the CPU, and of the run's own device; no other device is touched."""
    state = {"cpu": torch.get_rng_state()}
    return state if device.type == "cpu" else {**state, "device": torch.get_device_module(device).get_rng_state()}


def _set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type != "cpu" and "device" in state:
        torch.get_device_module(device).set_rng_state(state["device"])


def _peak_memory(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()


def _forget_peak_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
