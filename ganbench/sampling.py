"""Drawing from a variant without leaving a trace, and what becomes of the samples."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_model
from torch import Tensor

from ganbench.data import Dataset, Split
from ganbench.errors import BadResults
from ganbench.runspec import RunSpec
from ganbench.store import read_run
from ganbench.variant import Batch, Variant

CHUNK = 500  # samples drawn at once


class Sampler:
    """Draws in eval mode, and leaves the variant's mode and all random states as they were."""

    def __init__(self, variant: Variant, dataset: Dataset, device: torch.device):
        self.variant, self.dataset, self.device = variant, dataset, device

    def draw(self, split: Split, n: int, seed: int, label: int | None = None) -> Tensor:
        """(n, *shape) samples on the device, from latents of `seed`; all of class `label` if one is given."""
        like = to_device(self.dataset.fresh(split, n), self.device)
        if label is not None:
            like = like._replace(y=torch.full((n,), label, device=self.device))
        trained = [module for module in self.variant.modules() if module.training]
        self.variant.eval()
        with torch.no_grad(), forked_random_state(self.device):
            torch.manual_seed(seed)
            chunks = [self.variant.sample(_rows(like, i, i + CHUNK)) for i in range(0, n, CHUNK)]
        for module in trained:  # one by one: a variant may hold a part of itself in eval mode
            module.training = True
        return torch.cat(chunks)


def sample_run(
    folder: Path, checkpoint: str, n: int, seed: int, label: int | None, device: torch.device
) -> np.ndarray[Any, Any]:
    """Draw `n` samples from a run's saved weights: points (n, 2) float32, or images (n, h, w, c) uint8.

    Raises BadResults if the run left no such weights or its data has no class `label`.
    """
    record = read_run(folder)
    weights = folder / f"{checkpoint}.safetensors"
    if not weights.exists():
        raise BadResults(f"{folder} has no {weights.name}: the run ended as {record['status']!r}. {record['reason']}")
    spec = RunSpec.from_dict(record["spec"])
    dataset = spec.build_dataset()
    if label is not None and not 0 <= label < dataset.spec.classes:
        raise BadResults(f"{spec.dataset_label} has no class {label}: its classes are 0 to {dataset.spec.classes - 1}.")
    variant = spec.build_variant(dataset).to(device)
    load_model(variant, str(weights))
    variant.prepare(to_device(dataset.train(), device))
    return to_array(Sampler(variant, dataset, device).draw("test", n, seed, label))


def to_device(batch: Batch, device: torch.device) -> Batch:
    return Batch(*(None if tensor is None else tensor.to(device) for tensor in batch))  # type: ignore[arg-type]


def _rows(batch: Batch, start: int, stop: int) -> Batch:
    return Batch(*(None if tensor is None else tensor[start:stop] for tensor in batch))  # type: ignore[arg-type]


@contextmanager
def forked_random_state(device: torch.device) -> Iterator[None]:
    """Whatever is drawn inside leaves no trace outside."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield


def to_array(samples: Tensor) -> np.ndarray[Any, Any]:
    """Points stay float32; images (n, c, h, w) in [-1, 1] become (n, h, w, c) uint8."""
    if samples.dim() == 2:
        return samples.float().cpu().numpy()
    scaled = ((samples.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def write_samples(samples: np.ndarray[Any, Any], path: Path) -> None:
    """Write to FILE.npz (array `samples`), FILE.png (a grid) or a folder (one PNG each). Raises BadResults."""
    if path.suffix == ".npz":
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, samples=samples)
    elif samples.ndim == 2:
        raise BadResults(f"Points cannot be drawn as images: give --out a name ending in .npz, not {path}.")
    elif path.suffix == ".png":
        path.parent.mkdir(parents=True, exist_ok=True)
        write_grid(samples, path)
    else:
        path.mkdir(parents=True, exist_ok=True)
        for i, image in enumerate(samples):
            write_grid(image[None], path / f"{i:05}.png")


def write_grid(images: np.ndarray[Any, Any], file: Path, columns: int = 8) -> None:
    """(n, h, w, c) uint8 -> a PNG of `columns` images in a row, a pixel apart."""
    from PIL import Image

    n, h, w, c = images.shape
    columns = min(columns, n)
    sheet = np.zeros((-(-n // columns) * (h + 1) - 1, columns * (w + 1) - 1, c), np.uint8)
    for i, image in enumerate(images):
        top, left = i // columns * (h + 1), i % columns * (w + 1)
        sheet[top : top + h, left : left + w] = image
    Image.fromarray(sheet[..., 0] if c == 1 else sheet).save(file)
