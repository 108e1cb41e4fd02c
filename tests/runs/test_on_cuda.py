"""What every variant does on CUDA, small: captured rounds, precisions, a resumed run, samples, a judgement.

The same tests run with one variant on the CPU, so that they themselves are known to work.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from ganbench import plugins
from ganbench.plugins.spec import PluginSpec
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.judging import Judgement
from ganbench.runs.record import State
from ganbench.runs.run import build, judge_at_end, resume, train_and_judge
from ganbench.runs.sampling import training_data
from ganbench.runs.spec import RunSpec
from ganbench.runs.training import train

ZOO = [name for name in plugins.names("variants") if plugins.load("variants", name).kind == "variant"]
on_cuda = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
everywhere = pytest.mark.parametrize(
    ("name", "device"),
    [
        pytest.param("gan", torch.device("cpu"), id="gan-cpu"),
        *[pytest.param(name, torch.device("cuda"), id=f"{name}-cuda", marks=on_cuda) for name in ZOO],
    ],
)
ROUNDS = 20


def spec(name: str, **more: Any) -> RunSpec:
    """A short run on the ring."""
    known = plugins.options(plugins.load("variants", name))
    options = {option: 16 for option in ("width", "batch") if option in known}
    return RunSpec(
        suite="tests", label=name, variant=PluginSpec(name, options), dataset_label="ring",
        dataset=PluginSpec("ring8", {"points": 500, "sigma": 0.1}), judge="truth", metrics=("modes", "reverse_kl"),
        seed=3, budget=Budget("updates", ROUNDS), evaluations=2, samples=300, precision="float32", **more,
    )  # fmt: skip


def trained(name: str, device: torch.device, **more: Any) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    work = build(spec(name), device)
    data = training_data(work.variant, work.dataset, device)
    work.variant.prepare(data)
    curves = [*train(work.variant, data, Budget("updates", ROUNDS), Ledger(), intervals=2, **more)]
    return work.variant.state_dict(), curves


@pytest.mark.filterwarnings("error:A step cannot be captured")
@everywhere
def test_captured_rounds_do_what_eager_ones_do(name: str, device: torch.device) -> None:
    eager, captured = (trained(name, device, capture=capture) for capture in (False, True))
    torch.testing.assert_close(captured[1], eager[1], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(captured[0], eager[0], rtol=1e-2, atol=1e-3)


@pytest.mark.filterwarnings("error:A step cannot be captured")
@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
@everywhere
def test_other_precisions_train_and_weights_stay_in_float32(name: str, device: torch.device, precision: Any) -> None:
    state, curves = trained(name, device, precision=precision)
    assert all(torch.tensor([*curve.values()]).isfinite().all() for curve in curves)
    assert not {tensor.dtype for tensor in state.values()} & {torch.bfloat16, torch.float16}


@everywhere
def test_a_run_that_is_stopped_and_resumed_ends_as_one_that_is_not(
    name: str, device: torch.device, tmp_path: Path
) -> None:
    ends = []
    for stops in (False, True):
        workdir = tmp_path / str(stops)
        workdir.mkdir()
        work, state = build(spec(name), device), State()
        for share in train_and_judge(Judgement(spec(name), work), state, workdir):
            if stops and share >= 0.5:
                break
        if stops:
            work = build(spec(name), device)
            state = resume(work, workdir)
            assert 0 < state.ledger.rounds < ROUNDS
            for _ in train_and_judge(Judgement(spec(name), work), state, workdir):
                pass
        judge_at_end(Judgement(spec(name), work), state, workdir)
        ends.append(([row["value"] for row in state.scores], work.variant.state_dict()))
    torch.testing.assert_close(*(scores for scores, _ in ends), rtol=1e-3, atol=1e-3, equal_nan=True)
    torch.testing.assert_close(*(weights for _, weights in ends), rtol=1e-2, atol=1e-3)


@everywhere
def test_samples_are_drawn_on_the_device_and_judged_from_there(name: str, device: torch.device) -> None:
    judgement = Judgement(spec(name), build(spec(name), device))
    drawn = judgement.draw("test")
    assert drawn.x.device.type == device.type and drawn.x.isfinite().all()
    rows, evidence = judgement.scores(drawn, "test", "last", 0)
    assert {row["metric"] for row in rows} == {"modes", "reverse_kl"} and evidence.device.type == device.type
    assert drawn.x.equal(judgement.draw("test").x), "always the same latents"
