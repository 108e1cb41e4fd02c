"""Drawing from a variant without leaving a trace, and what becomes of the samples."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import nan
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model
from torch import Tensor, nn

from ganbench.data import Dataset, Split
from ganbench.errors import BadResults
from ganbench.metrics import Belief
from ganbench.runs.spec import RunSpec, check_trust, recorded
from ganbench.store.columns import Checkpoint
from ganbench.store.files import damaged
from ganbench.store.records import read_run
from ganbench.variant import Batch, Pair, Variant

EXPORTED = "model.safetensors"  # of a folder that `export` wrote, which holds one checkpoint
CHUNK = 500  # samples drawn at once


class Drawn(NamedTuple):
    """Samples, and what their maker says of them. Tensors are on the device that drew them."""

    x: Tensor  # (n, *shape)
    like: Batch | None = None  # what they were drawn for, row by row
    conditional: bool = False  # whether they are of the classes in `like`
    pair: Pair | None = None  # of a variant of two domains
    belief: Belief | None = None  # of a variant whose D speaks of probabilities
    walk: Callable[[int, float], tuple[Tensor, Tensor]] | None = None  # of a variant with latents: `Sampler.walk`
    log_likelihood: Callable[[Tensor], Tensor] | None = None  # of a model that says it: on the CPU
    variant: Variant | None = None  # what drew them; None of samples from elsewhere
    seconds: float = nan  # that drawing x took


def wait_for(device: torch.device) -> None:
    """Return when a device has done what it was asked for; a CPU has."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


class Sampler:
    """Draws in eval mode, and leaves the variant's mode and all random states as they were."""

    def __init__(self, variant: Variant, dataset: Dataset, device: torch.device):
        self.variant, self.dataset, self.device = variant, dataset, device

    def samples(self, split: Split, n: int, seed: int, label: int | None = None) -> Tensor:
        """(n, *shape) samples on the device, from latents of `seed`; all of class `label` if one is given."""
        like = self.like(split, n)
        if label is not None:
            like = like._replace(y=torch.full((n,), label, device=self.device))
        return self._sample(like, seed)

    def drawn(self, split: Split, n: int, seed: int) -> Drawn:
        """What `samples` gives, and all that the variant says of it.

        Fewer than `n`, if real data are given out again and there are not so many different ones: a metric would take
        their repetition for a fault of their maker.
        """
        variant, like = self.variant, self.like(split, n)
        if variant.given_real:
            like = _rows(like, 0, before_repetition(like.x))
        pair, began = None, perf_counter()
        if variant.domains > 1:
            with self.undisturbed(seed):
                pair = _joined([variant.pair(part) for part in _chunks(told(variant, like))])
        x = pair.x if pair else self._sample(like, seed)
        wait_for(self.device)
        seconds = perf_counter() - began
        walk = partial(self.walk, split, seed) if variant.decodes else None
        likelihood = self.log_likelihood(seed)
        drawn = Drawn(x, like, variant.conditional, pair, self.belief(), walk, likelihood, variant, seconds)
        return without_copies(drawn) if variant.kind == "control" else drawn

    def walk(self, split: Split, seed: int, n: int, step: float) -> tuple[Tensor, Tensor]:
        """Both ends, (n, *shape) each, of `n` short steps on the way between two latents each.

        A step takes the share `step` of its way. All else that a sample is made of (class, noise) stays as it is.
        """
        like = self.like(split, n)
        with self.undisturbed(seed):
            start, goal = self.variant.latents(like), self.variant.latents(like)
            at = torch.rand(n, 1, device=self.device)
        here, there = (self.decode(slerp(start, goal, t), like, seed) for t in (at, at + step))
        return here, there

    def like(self, split: Split, n: int) -> Batch:
        """The fresh real data, on the device, that a variant draws from: labels, and sources of the second domain."""
        like = self.dataset.fresh(split, n)
        if self.variant.domains > 1:
            assert self.dataset.other is not None, "a suite's check finds data without a second domain"
            like = like._replace(x_other=self.dataset.other.transform(like.x))
        return to_device(like, self.device)

    def _sample(self, like: Batch, seed: int) -> Tensor:
        like = told(self.variant, like)
        # A control gives real data out: in one piece, so that it knows which it has given already.
        parts = [like] if self.variant.kind == "control" else _chunks(like)
        with self.undisturbed(seed):
            return torch.cat([self.variant.sample(part) for part in parts])

    def decode(self, z: Tensor, like: Batch, seed: int) -> Tensor:
        """The samples (n, *shape) of latents (n, z_dim); `seed` is of whatever else they are made of, such as noise."""
        with self.undisturbed(seed):
            pieces = zip(torch.split(z, CHUNK), _chunks(told(self.variant, like)), strict=True)
            return torch.cat([self.variant.decode(piece, part) for piece, part in pieces])

    def belief(self) -> Belief | None:
        """What D believes of points, (n, 2) on any device -> (n,) on the CPU; None if it says no probabilities.

        None for images too: beliefs are held against the density of a mixture, which is one of points.
        """
        if self.dataset.spec.is_image or self._believe(self.dataset.fresh("validation", 1).x) is None:
            return None
        return lambda x: torch.cat([_known(self._believe(part)) for part in torch.split(x, CHUNK)])

    def log_likelihood(self, seed: int) -> Callable[[Tensor], Tensor] | None:
        """What the model says of samples (n, *shape), (n,) nats on the CPU; None if it says nothing."""
        if not self.variant.likelihood:
            return None

        def said(x: Tensor) -> Tensor:
            with self.undisturbed(seed):
                parts = [self.variant.log_likelihood(part.to(self.device)) for part in torch.split(x, CHUNK)]
            return torch.cat(parts).cpu()

        return said

    def _believe(self, x: Tensor) -> Tensor | None:
        with self.undisturbed(seed=0):
            found = self.variant.belief(x.to(self.device))
        return None if found is None else found.cpu()

    @contextmanager
    def undisturbed(self, seed: int) -> Iterator[None]:
        """Eval mode, no gradients and random numbers from `seed`, inside; nothing has changed outside."""
        with eval_mode(self.variant), forked_random_state(self.device):
            torch.manual_seed(seed)
            yield


def told(variant: Variant, like: Batch) -> Batch:
    """What a variant is told to draw for: as much of real data as it declares to look at, and of the rest how many.

    So no row is given more than its board says.
    """
    if variant.given_real:
        return like
    return Batch(torch.zeros_like(like.x), like.y if variant.conditional else None)


@contextmanager
def eval_mode(network: nn.Module) -> Iterator[None]:
    """Eval mode and no gradients inside; each module's mode as it was outside."""
    trained = [module for module in network.modules() if module.training]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in trained:  # one by one: a variant may hold a part of itself in eval mode
            module.training = True


def asked_module(module: nn.Module, z_shape: tuple[int, ...]) -> Callable[[int], Tensor]:
    """A generator that turns latents (n, *z_shape), standard normal, into samples, as something that is asked for n.

    It draws in eval mode from latents of one seed, and leaves the module's modes, and all random states, as they were.
    """
    device = next((weight.device for weight in module.parameters()), torch.device("cpu"))

    def draw(n: int) -> Tensor:
        with eval_mode(module), forked_random_state(device):
            torch.manual_seed(0)
            return torch.cat([module(part) for part in torch.split(torch.randn(n, *z_shape, device=device), CHUNK)])

    return draw


def before_repetition(x: Tensor) -> int:
    """How many of (n, *shape) samples there are before they come round again from the first on; n if they do not."""
    like_first = (x == x[:1]).flatten(1).all(1).nonzero().flatten().tolist()
    return next((i for i in like_first if i and x[i:].equal(x[: len(x) - i])), len(x))


def without_copies(drawn: Drawn) -> Drawn:
    """Of equal samples the first alone, and what it was drawn for."""
    rows = drawn.x.cpu().flatten(1).contiguous().numpy()
    _, first = np.unique(rows.view(np.dtype((np.void, rows[0].nbytes))).ravel(), return_index=True)
    kept = torch.from_numpy(np.sort(first)).to(drawn.x.device)
    like = drawn.like and Batch(*(None if tensor is None else tensor[kept] for tensor in drawn.like))  # type: ignore[arg-type]
    return drawn._replace(x=drawn.x[kept], like=like)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """(n, d) on the great circle from direction `a` to direction `b` at share `t` (n, 1), lengths in between theirs.

    Shoemake, "Animating Rotation with Quaternion Curves", 1985: between normal latents a straight line would pass
    where none ever are, near the origin.
    """
    lengths = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    u, v = (x / length for x, length in zip((a, b), lengths, strict=True))
    angle = (u * v).sum(1, keepdim=True).clamp(-1 + 1e-6, 1 - 1e-6).acos()
    direction = (((1 - t) * angle).sin() * u + (t * angle).sin() * v) / angle.sin()
    between: Tensor = direction * torch.lerp(*lengths, t)
    return between


def sampling_seed(spec: RunSpec) -> int:
    """Seed of all draws of a run: the same at every judgement, so that a curve shows the variant and not the draw."""
    return 2718 + spec.seed


def training_data(variant: Variant, dataset: Dataset, device: torch.device) -> Batch:
    """The training split on the device; for a variant of two domains its halves, one in each."""
    return to_device(dataset.train() if variant.domains < 2 else dataset.halves(), device)


def sample_run(
    folder: Path,
    checkpoint: Checkpoint,
    n: int,
    seed: int,
    label: int | None,
    device: torch.device,
    allow_plugins: bool = False,
) -> np.ndarray[Any, Any]:
    """Draw `n` samples from a run's saved weights: points (n, 2) float32, or images (n, h, w, c) uint8.

    Raises BadResults if its data has no class `label`, and as `load_run` does.
    """
    spec, dataset, variant = load_run(folder, checkpoint, device, allow_plugins)
    if label is not None and not 0 <= label < dataset.spec.classes:
        raise BadResults(f"{spec.dataset_label} has no class {label}: its classes are 0 to {dataset.spec.classes - 1}.")
    return to_array(Sampler(variant, dataset, device).samples("test", n, seed, label))


def load_run(
    folder: Path, checkpoint: Checkpoint, device: torch.device, allow_plugins: bool = False
) -> tuple[RunSpec, Dataset, Variant]:
    """A run's variant as it was when it ended, or as selected.

    Raises BadResults if the run left no such weights, if they are damaged, or if the run names a Python file and
    `allow_plugins` does not permit that.
    """
    record = read_run(folder)
    weights = folder / f"{checkpoint}.safetensors"
    if (folder / EXPORTED).exists():
        weights = folder / EXPORTED
    if not weights.exists():
        raise BadResults(f"{folder} has no {weights.name}: the run ended as {record['status']!r}. {record['reason']}")
    spec = recorded(folder)
    check_trust(spec, folder, allow_plugins)
    dataset = spec.build_dataset()
    variant = spec.build_variant(dataset).to(device)
    try:
        load_model(variant, str(weights))
    except RuntimeError as error:  # as torch says that weights are missing, or have another shape
        raise BadResults(
            f"{weights} does not fit the networks of {spec.variant.name!r} in this version of ganbench. Use the "
            f"version that trained them, or train them again. {str(error).splitlines()[0]}"
        ) from error
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(weights, error) from error
    variant.prepare(training_data(variant, dataset, device))
    return spec, dataset, variant


def to_device(batch: Batch, device: torch.device) -> Batch:
    """A batch with all its tensors on the device."""
    return Batch(*(None if tensor is None else tensor.to(device) for tensor in batch))  # type: ignore[arg-type]


def _rows(batch: Batch, start: int, stop: int) -> Batch:
    return Batch(*(None if tensor is None else tensor[start:stop] for tensor in batch))  # type: ignore[arg-type]


def _chunks(batch: Batch) -> Iterator[Batch]:
    return (_rows(batch, i, i + CHUNK) for i in range(0, len(batch.x), CHUNK))


def _joined(parts: Sequence[Pair]) -> Pair:
    x, x_other, returned = zip(*parts, strict=True)
    return Pair(torch.cat(x), torch.cat(x_other), None if returned[0] is None else torch.cat(returned))


def _known(belief: Tensor | None) -> Tensor:
    assert belief is not None, "a variant has beliefs or has none"
    return belief


@contextmanager
def forked_random_state(device: torch.device) -> Iterator[None]:
    """Whatever is drawn inside leaves no trace outside."""
    module = None if device.type == "cpu" else torch.get_device_module(device)
    with torch.random.fork_rng([]):
        state = module and module.get_rng_state()
        try:
            yield
        finally:
            if module:
                module.set_rng_state(state)


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
