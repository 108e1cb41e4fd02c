"""How a judge is trained for a labelled set of images, measured and described: weights and model card."""

import json
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from ganbench.data import Dataset
from ganbench.errors import BadSuite
from ganbench.judges import Judged
from ganbench.judges.asking import ask
from ganbench.judges.image_classifier import (
    ABOUT,
    FEATURES,
    MADE_BY,
    Classifier,
    build_classifier,
    dataset_title,
    describe_dataset,
    weights_folder,
)
from ganbench.judges.training.descent import BATCH, RATE, descend
from ganbench.judges.training.measuring import mean_confidence, share_right
from ganbench.plugins.spec import PluginSpec
from ganbench.plugins.spec import build as make
from ganbench.store.whole import write_bytes
from ganbench.variant import Batch

REACH = 16  # images are moved by up to this part of their side
SHOWN = 2000  # images of a kind whose confidence is measured

Report = Callable[[str], None]


def train_image_classifier(
    name: str,
    out: Path | None = None,
    seed: int = 0,
    epochs: int = 12,
    width: int = 16,
    flips: bool = False,
    options: dict[str, Any] | None = None,
    device: torch.device | None = None,
    command: str = "",
    progress: Report = print,
) -> dict[str, Any]:
    """Train a classifier for the dataset `name`, made with `options`, and write weights and card to the folder `out`.

    `out` is by default where the judge `trained` looks, `device` a GPU if there is one; `command` is what the card
    tells to do the same again. Returns the figures of the card. The same seed gives the same weights on the same kind
    of CPU with as many threads.

    Raises BadSuite if the dataset has no labelled images, DataMissing if its files are not there, and OSError if `out`
    cannot be written.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    clock = time.process_time if device.type == "cpu" else time.monotonic
    started = clock()
    dataset: Dataset = make("datasets", PluginSpec(name, options or {}, str(Path.cwd())))
    check_teachable(dataset, name)
    images = {
        "train": dataset.train(),
        "validation": dataset.reference("validation"),
        "test": dataset.reference("test"),
    }
    about = describe_dataset(dataset) | {"width": str(width), "dataset": name, "made by": MADE_BY}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build_classifier(about).to(device)
    learn(net, images["train"], images["validation"], epochs, flips, Generator().manual_seed(seed), progress)
    how = {"seed": seed, "epochs": epochs, "flips": flips, "command": command, "cost": cost(clock() - started, device)}
    figures = {**about, **how, "images": len(images["train"].x), **measure_classifier(net, images)}
    progress(f"right: {figures['validation']:.2%} of the validation split, {figures['test']:.2%} of the test split")
    file = (out or weights_folder()) / f"{dataset_title(dataset)}.safetensors"
    publish_classifier(net, about, figures, file)
    progress(f"Written: {file} and {file.with_suffix('.md').name}")
    return figures


def check_teachable(dataset: Dataset, name: str) -> None:
    """Raise BadSuite unless the dataset has images in at least two classes."""
    cure = f"Its own judge, {dataset.judge!r}, needs no training."
    if not dataset.spec.is_image:
        raise BadSuite(
            f"{name} has points of shape {dataset.spec.shape}, but a judge is trained on labelled images. {cure}"
        )
    if dataset.spec.classes < 2:
        raise BadSuite(
            f"{name} has images of {dataset.spec.classes} classes, but a judge learns to tell at least 2 apart. {cure}"
        )


# Learning


def learn(
    net: Classifier, taught: Batch, held_out: Batch, epochs: int, flips: bool, g: Generator, progress: Report
) -> None:
    """Train on images that are moved a little; report after each epoch how many of the unknown ones are right."""
    (x, y), device = labelled(taught), place(net)

    def moved_batch(chosen: Tensor) -> tuple[Tensor, Tensor]:
        return moved(x[chosen], flips, g).to(device), y[chosen].to(device)

    def report(epoch: int, loss: float) -> None:
        right = classifier_accuracy(net, held_out)
        net.train()
        progress(f"epoch {epoch}/{epochs}: loss {loss:.4f}, {right:.2%} of the validation split right")

    net.train()
    descend(net.parameters(), lambda x: net(x)[1], moved_batch, len(x), epochs, g, report)
    net.eval()


def moved(x: Tensor, flips: bool, g: Generator) -> Tensor:
    """Move images (n, c, side, side) by up to a sixteenth of their side each way, and mirror half of them if `flips`.

    What comes in at an edge is the edge, repeated.
    """
    n, side = len(x), x.shape[-1]
    reach = side // REACH
    wide = F.pad(x, (reach,) * 4, mode="replicate")
    rows, columns = (torch.arange(side) + torch.randint(2 * reach + 1, (n, 1), generator=g) for _ in range(2))
    if flips:
        columns = torch.where(torch.rand(n, 1, generator=g) < 0.5, columns.flip(1), columns)
    return wide[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def labelled(batch: Batch) -> tuple[Tensor, Tensor]:
    """The images and their classes."""
    assert batch.y is not None, "a dataset that has classes has labels"
    return batch.x, batch.y


# Measuring


def measure_classifier(net: Classifier, images: dict[str, Batch]) -> dict[str, Any]:
    """Accuracy on both splits, whole and per class, and mean confidence on what is and what is no such image."""
    x, g = images["test"].x[:SHOWN], Generator().manual_seed(0)
    kinds = {
        "test images": x,
        "two test images, each at half strength": (x + x.roll(1, 0)) / 2,
        "uniform noise": torch.rand(x.shape, generator=g) * 2 - 1,
        "one shade all over": (torch.rand(len(x), 1, 1, 1, generator=g) * 2 - 1).expand_as(x),
    }
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "validation": classifier_accuracy(net, images["validation"]),
        "test": classifier_accuracy(net, images["test"]),
        "per class": {split: class_accuracy(net, images[split]) for split in ("validation", "test")},
        "confidence": {kind: mean_confidence(classify(net, pictures)) for kind, pictures in kinds.items()},
    }


def classify(net: Classifier, x: Tensor) -> Judged:
    """What the classifier says of images (n, channels, side, side), which may be elsewhere than it is."""
    return ask(net.eval(), x, device=place(net))


def classifier_accuracy(net: Classifier, batch: Batch) -> float:
    """The share of images whose class is found."""
    x, y = labelled(batch)
    return share_right(classify(net, x), y)


def class_accuracy(net: Classifier, batch: Batch) -> list[float]:
    """The share found in each class; nan for a class that is not there."""
    x, y = labelled(batch)
    right = classify(net, x).logits.argmax(1) == y
    return [right[y == k].float().mean().item() for k in range(net.classes.out_features)]


def place(net: nn.Module) -> torch.device:
    """The device that a network is on."""
    return next(net.parameters()).device


def cost(seconds: float, device: torch.device) -> str:
    """Seconds of a CPU's work or of a GPU's time, in words."""
    if device.type == "cpu":
        return f"{seconds / 60:.1f} CPU minutes on {torch.get_num_threads()} thread(s)"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return f"{seconds / 60:.1f} minutes on {name}"


# Publishing


def publish_classifier(net: Classifier, about: dict[str, str], figures: dict[str, Any], file: Path) -> None:
    """Write weights that tell what they are for, and a card beside them."""
    net.cpu().to(memory_format=torch.contiguous_format)
    weights = save(net.state_dict(), {ABOUT: json.dumps(about)})
    figures |= {"sha256": sha256(weights).hexdigest(), "file": file.name}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, weights)
    write_bytes(file.with_suffix(".md"), classifier_card(figures).encode())


def classifier_card(f: dict[str, Any]) -> str:
    """The model card, in Markdown."""
    classes = zip(*f["per class"].values(), strict=True)
    per_class = "\n".join(f"| {k} | {share(a)} | {share(b)} |" for k, (a, b) in enumerate(classes))
    sure = "\n".join(f"| {kind} | {value:.3f} |" for kind, value in f["confidence"].items())
    through = "small shifts and mirroring" if f["flips"] else "small shifts"
    side = int(f["shape"].strip("[]").rpartition(",")[2])
    return f"""# A judge for `{f["dataset"]}`

A residual classifier, whose {FEATURES} features and {f["classes"]} class probabilities judge samples.
This card is written by the command that trained it:

    {f["command"]}

| | |
| --- | --- |
| weights | `{f["file"]}`, float32, {f["parameters"]:,} parameters |
| sha256 of the weights file | `{f["sha256"]}` |
| trained on | {f["images"]:,} images of shape {f["shape"]}, the training split of `{f["dataset"]}` |
| fingerprint of the data | `{f["fingerprint"]}` |
| input | images of that shape as the dataset gives them, float32 in [-1, 1] |
| network | 3x3 convolution to {f["width"]} maps; for each halving of the side, down to 3 to 5 pixels, a 3x3 \
convolution to twice as many maps, at most {8 * int(f["width"])}, max-pooling, and a residual block of two 3x3 \
convolutions; dense to {FEATURES} (the features); dense to {f["classes"]}; batch norm and ReLU after all but the last |
| training | {f["epochs"]} epochs in batches of up to {BATCH}; AdamW, weight decay 0.02, one-cycle rate up to {RATE}; \
seed {f["seed"]} |
| augmentation | shifts by up to {side // REACH} pixel(s) each way{"; half of them mirrored" if f["flips"] else ""} |
| cost | {f["cost"]}, PyTorch {torch.__version__} |

## Accuracy

Neither split served to choose anything: the last weights are the judge.

| class | validation | test |
| --- | --- | --- |
| all | {share(f["validation"])} | {share(f["test"])} |
{per_class}

## Confidence

Mean probability of the likeliest class: {1 / int(f["classes"]):.3g} says "this could be anything",
1 says "this is surely one of them".

| up to {SHOWN:,} pictures | mean confidence |
| --- | --- |
{sure}

## What it cannot see

It was trained to tell classes apart whatever else varies, {through} included: samples that vary too little
in that cost less FID than they should. It does not know a copied training image from a new one. Nothing taught it what
is none of these images: the table above says how sure it is of some that are not, and the surer it is, the more of
`is`, `confidence` and `classes` can be had by nonsense. Where its accuracy is low, counts of classes and label accuracy
are blurred by its own errors: compare with the row of real data. Its FID has its own scale, and stands beside no FID
from Inception or from other weights.
"""


def share(value: float) -> str:
    """A share in percent; a dash where there is none."""
    return "-" if value != value else f"{value:.2%}"
