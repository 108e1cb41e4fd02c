"""A run's generator as a folder that others can use: the layout of the Hugging Face Hub, and ONNX.

    <folder>/
        model.safetensors    the weights of the whole variant
        config.json          what rebuilds it: the run in plain values, its own record's words, shapes
        run.json             the record, by which ganbench reads the folder as it reads a run
        README.md            the model card: what it is, how good it was, under which conditions
        model.onnx           latents -> samples, where `onnx` and `onnxruntime` are and the variant has latents

`ganbench sample FOLDER` and `ganbench evaluate FOLDER` read it back.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ganbench import __version__
from ganbench.data import Dataset
from ganbench.errors import BadResults
from ganbench.judges.asking import BACKENDS
from ganbench.runs.sampling import Sampler, load_run
from ganbench.runs.spec import RunSpec
from ganbench.store.columns import Checkpoint
from ganbench.store.layout import RUN
from ganbench.store.records import read_run
from ganbench.variant import Batch, Variant

PARITY = 1e-4  # the largest difference of a number in [-1, 1] that two runtimes' rounding may make
PROBES = 16  # latents by which they are compared


class Exported(NamedTuple):
    """What was written, and what was not."""

    folder: Path
    files: list[str]
    onnx: str  # how near ONNX comes, or why there is none


def export_run(run: Path, to: Path, checkpoint: Checkpoint = "selected", allow_plugins: bool = False) -> Exported:
    """Write a run's generator to a folder that is new or empty.

    Raises BadResults if the folder holds something, or if the run left no weights; OSError.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BadResults(f"{to} is there and not empty. Name a new folder, so that no two models mix.")
    spec, dataset, variant = load_run(run, checkpoint, torch.device("cpu"), allow_plugins)
    to.mkdir(parents=True, exist_ok=True)
    shutil.copy(run / f"{checkpoint}.safetensors", to / "model.safetensors")
    shutil.copy(run / RUN, to / RUN)
    config = _config(spec, dataset, variant, checkpoint)
    (to / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    onnx = _write_onnx(variant, dataset, to / "model.onnx")
    (to / "README.md").write_text(_card(run, spec, config, checkpoint, onnx), encoding="utf-8")
    return Exported(to, sorted(file.name for file in to.iterdir()), onnx)


def _config(spec: RunSpec, dataset: Dataset, variant: Variant, checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "model_type": "ganbench", "ganbench_version": __version__, "architectures": [spec.variant.name],
        "checkpoint": checkpoint, "sample_shape": list(dataset.spec.shape), "classes": dataset.spec.classes,
        "conditional": variant.conditional, "z_dim": variant.z_dim, "spec": _without_places(spec),
    }  # fmt: skip


def _without_places(spec: RunSpec) -> dict[str, Any]:
    """A run in plain values, without the folders of the machine that did it."""
    plain = spec.to_dict()
    for kind in ("variant", "dataset"):
        del plain[kind]["beside"]
    return plain


# ONNX


class Decoder(nn.Module):
    """A variant as a function of latents, and of labels if it is asked for a class."""

    def __init__(self, variant: Variant, shape: tuple[int, ...]):
        super().__init__()
        self.variant, self.shape = variant, shape

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        # `len` would make a constant of the batch. Of `like` most variants want the number alone.
        x = z.new_zeros(1).expand(z.shape[0], *self.shape)
        return self.variant.decode(z, Batch(x, y if self.variant.conditional else None))


def _write_onnx(variant: Variant, dataset: Dataset, file: Path) -> str:
    """Write latents -> samples, and hold it against torch -> what came of it, in words; no file where it failed."""
    if not variant.decodes:
        return "none: this variant makes its samples of no latents"
    if not all(map(find_spec, ("onnx", "onnxscript", "onnxruntime"))):
        return "none: it needs onnx, onnxscript and onnxruntime, as `pip install 'ganbench[export]'` brings them"
    decoder, given = Decoder(variant, dataset.spec.shape).eval(), _probes(variant, dataset)
    n = torch.export.Dim("n")
    try:
        with torch.no_grad(), _one_precision():
            torch.onnx.export(
                decoder, given, str(file), input_names=["z", "y"], output_names=["samples"],
                dynamic_shapes=({0: n}, {0: n}), dynamo=True, verbose=False,
                external_data=False,
            )  # fmt: skip
        apart = _difference(decoder, given, file)
    except Exception as error:  # whatever an exporter stumbles over in a stranger's network
        file.unlink(missing_ok=True)
        return f"none: the network cannot be exported ({type(error).__name__})"
    if apart > PARITY:
        file.unlink(missing_ok=True)
        return f"none: its samples differ from torch's by up to {apart:.2g}; a variant that draws noise itself does so"
    return f"samples within {apart:.1g} of torch's, on {PROBES} latents"


@contextmanager
def _one_precision() -> Iterator[None]:
    """Inside, cuDNN has one precision: torch's exporter fails where convolutions, which ganbench sets, have another."""
    switch = BACKENDS.cudnn.conv
    before, switch.fp32_precision = switch.fp32_precision, BACKENDS.cudnn.rnn.fp32_precision
    try:
        yield
    finally:
        switch.fp32_precision = before


def _probes(variant: Variant, dataset: Dataset) -> tuple[Tensor, Tensor]:
    sampler = Sampler(variant, dataset, torch.device("cpu"))
    like = sampler.like("test", PROBES)
    with sampler.undisturbed(seed=0):
        z = variant.latents(like)
    return z, torch.zeros(PROBES, dtype=torch.int64) if like.y is None else like.y


def _difference(decoder: nn.Module, given: tuple[Tensor, Tensor], file: Path) -> float:
    """The largest difference of a number, of fewer latents than the export saw too."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    wanted_names = {one.name for one in session.get_inputs()}
    worst = 0.0
    for n in (PROBES, 3):
        z, y = (part[:n] for part in given)
        feed = {name: part.numpy() for name, part in (("z", z), ("y", y)) if name in wanted_names}
        (found,) = session.run(["samples"], feed)
        with torch.no_grad():
            wanted = decoder(z, y).numpy()
        worst = max(worst, float(np.abs(found - wanted).max()))
    return worst


# The card


def _card(run: Path, spec: RunSpec, config: dict[str, Any], checkpoint: Checkpoint, onnx: str) -> str:
    """What Hugging Face shows of a model: facts for its search, then words."""
    record = read_run(run)
    scores = pd.read_parquet(run / "scores.parquet")
    last = scores[(scores["checkpoint"] == checkpoint) & scores["value"].notna()]
    rows = [f"| {r.metric} | {r.value:.5g} | {r.stderr:.2g} | {r.samples:,} | {r.judge} |" for r in last.itertuples()]
    seconds = record["ledger"]["seconds"]
    return "\n".join([
        "---", "library_name: ganbench", "pipeline_tag: unconditional-image-generation", "tags: [gan, ganbench]", "---",
        "", f"# {spec.variant.name} on {spec.dataset.name}", "",
        f"Trained by ganbench for {spec.budget.amount:,.0f} "
        f"{spec.budget.unit} in {seconds:,.0f} s, seed {spec.seed}. This is the {checkpoint} checkpoint.", "",
        "One seed is one draw: how seeds scatter, the board of the suite says.", "",
        "| metric | value | ± over samples | samples | judge |", "| --- | --- | --- | --- | --- |", *rows, "",
        "## Use", "", "```sh", "ganbench sample . --out samples.npz --count 64", "```", "",
        f"Samples have the shape {tuple(config['sample_shape'])}; images are in [-1, 1]. ONNX: {onnx}.", "",
    ])  # fmt: skip
