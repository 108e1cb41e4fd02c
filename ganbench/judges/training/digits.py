"""How the judges of digits were trained, measured and described: weights, references and model cards."""

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Generator, Tensor
from torch.nn import functional as F

from ganbench.data.mnist import digits
from ganbench.judges.digit_likeness import SHAPES, TEXTURES, Likeness
from ganbench.judges.digit_reader import GEOMETRY, PlainReader, Reader, read_digits, to_picture
from ganbench.judges.training.descent import BATCH, descend, shuffled_batches
from ganbench.judges.training.digit_pictures import TAUGHT, UNTAUGHT, augment, outliers, through
from ganbench.judges.training.likeness import FITTED, fit_likeness, frechet, look
from ganbench.judges.training.measuring import mean_confidence, share_right

EACH = 18  # non-digits of every kind beside them, about as many as digits, when the gate is trained
GATE_EPOCHS = 2


def train_digit_reader(
    data_dir: Path | None = None,
    out: Path = Path("mnist-judge"),
    seed: int = 0,
    epochs: int = 12,
    progress: Callable[[str], None] = print,
    name: str = "mnist",
    reader: type[Reader] = PlainReader,
    filters: tuple[int, int] = (0, 3),
) -> dict[str, Any]:
    """Train a `reader` for the judge `name`; write its weights, projections and card to `out`.

    `filters` are seed and side of the random filters beside it.

    Returns the figures of the card. The same seed gives the same weights on the same kind of CPU with the same number
    of threads. Raises DataMissing, if the digits are not there.
    """
    started = time.process_time()
    pictures, labels = digits("train", data_dir)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = reader()
    g = torch.Generator().manual_seed(seed)
    fit_features(net, pictures, labels, epochs, g, progress)
    fit_gate(net, pictures, g, progress)
    likeness = Likeness(net.width, *filters)
    fit_likeness(net, likeness, pictures, labels)
    how = {"name": name, "seed": seed, "epochs": epochs, "seconds": time.process_time() - started}
    return how | publish_reader(net, likeness, how, data_dir, out)


def fit_features(
    net: Reader, pictures: Tensor, labels: Tensor, epochs: int, g: Generator, progress: Callable[[str], None]
) -> None:
    """Train trunk, features and classes to read uint8 digits (n, 28, 28)."""
    net.train().to(memory_format=torch.channels_last)  # a quarter faster on CPUs
    descend(
        net.parameters(),
        logits=lambda x: net.classes(net.features(net.trunk(x))),
        make_batch=lambda chosen: (augment(to_picture(pictures[chosen]), g), labels[chosen]),
        n=len(pictures),
        epochs=epochs,
        g=g,
        report=lambda epoch, loss: progress(f"features, epoch {epoch}/{epochs}: loss {loss:.4f}"),
    )


def fit_gate(net: Reader, pictures: Tensor, g: Generator, progress: Callable[[str], None]) -> None:
    """Train the gate to tell digits from non-digits by what the trunk, now fixed, sees in them."""
    net.eval()
    optimizer = torch.optim.AdamW(net.gate.parameters(), 1e-3)
    for epoch in range(1, GATE_EPOCHS + 1):
        for chosen in shuffled_batches(len(pictures), g):
            x = augment(to_picture(pictures[chosen]), g)
            with torch.no_grad():
                # Both from `x`, or its blur would tell them apart.
                maps = net.trunk(torch.cat([x, outliers(x, EACH, g)]))
            target = (torch.arange(len(maps)) < len(x)).float()
            loss = F.binary_cross_entropy_with_logits(net.gate(maps).flatten(), target)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        progress(f"gate, epoch {epoch}/{GATE_EPOCHS}: loss {loss.item():.4f}")


def publish_reader(
    net: Reader, likeness: Likeness, how: dict[str, Any], data_dir: Path | None, out: Path
) -> dict[str, Any]:
    """Write weights, projections and card; `how` says for which judge (`name`), by which seed and how many epochs."""
    weights, projections = (out / f"{how['name']}{part}.safetensors" for part in ("", "-likeness"))
    out.mkdir(parents=True, exist_ok=True)
    net.eval().to(memory_format=torch.contiguous_format)
    save_file(net.state_dict(), weights)
    save_file(likeness.fitted(), projections)
    hashes = {"sha256": sha256(weights.read_bytes()).hexdigest()}
    hashes["sha256 of projections"] = sha256(projections.read_bytes()).hexdigest()
    figures = measure_reader(net, likeness, data_dir) | hashes
    (out / f"{how['name']}.md").write_text(reader_card(how | figures), encoding="utf-8")
    return figures


def measure_reader(net: Reader, likeness: Likeness, data_dir: Path | None) -> dict[str, Any]:
    """Accuracy on digits, whole and per class and resized, and mean confidence on what is no digit."""
    g = torch.Generator().manual_seed(0)
    validation, validation_labels = digits("validation", data_dir)
    test, labels = digits("test", data_dir)
    x = to_picture(test)
    judged = read_digits(net, x)
    right = judged.logits.argmax(1) == labels

    def right_and_sure(pictures: Tensor) -> tuple[float, float]:
        judged = read_digits(net, pictures)
        return share_right(judged, labels), mean_confidence(judged)

    return {
        "width": net.width,
        "network": net.network,
        "parameters": sum(p.numel() for p in net.parameters()),
        "validation": share_right(read_digits(net, to_picture(validation)), validation_labels),
        "test": right.float().mean().item(),
        "per digit": {str(k): right[labels == k].float().mean().item() for k in range(10)},
        "changed": {name: right_and_sure(z) for name, z in changed(x, g).items()},
        "digits": mean_confidence(judged),
        "taught": {kind: mean_confidence(read_digits(net, make(x[:2000], g))) for kind, make in TAUGHT.items()},
        "untaught": {kind: mean_confidence(read_digits(net, make(x[:2000], g))) for kind, make in UNTAUGHT.items()},
        "filters": f"seed {likeness.seed}, {likeness.kernel} x {likeness.kernel}, {likeness.random.width} answers",
        "sha256 of filters": likeness.random.sha256,
        "fid": fids(net, likeness, x, g),
    }


def fids(net: Reader, likeness: Likeness, x: Tensor, g: Generator) -> dict[str, tuple[float, float]]:
    """FID of disturbed digits to digits as they are: by all features, and by the classifier's alone."""
    seen, read = look(net, likeness, x).features, read_digits(net, x).features
    return {
        name: (frechet(look(net, likeness, z).features, seen), frechet(read_digits(net, z).features, read))
        for name, z in disturbed(x[:2000], g).items()
    }


def changed(x: Tensor, g: Generator) -> dict[str, Tensor]:
    """Digits with the flaws that samples have: coarse, grainy, pale, grey where they should be black."""
    return {
        "through side 16 and back": through(x, 16),
        "through side 8 and back": through(x, 8),
        "grain of standard deviation 0.1": (x + 0.1 * torch.randn(x.shape, generator=g)).clamp(-1, 1),
        "contrast 70 %": x * 0.7,
        "ground raised to -0.8": x.clamp(min=-0.8),
    }


def disturbed(x: Tensor, g: Generator) -> dict[str, Tensor]:
    """Digits that get worse step by step, and what is no digit at all."""
    grain = {
        f"grain of standard deviation {sd}": (x + sd * torch.randn(x.shape, generator=g)).clamp(-1, 1)
        for sd in (0.2, 0.5, 1.0)
    }
    blur = {f"blurred over {k} x {k} pixels": F.avg_pool2d(x + 1, k, 1, k // 2) - 1 for k in (3, 5, 7)}
    kinds = {name: TAUGHT[name](x, g) for name in ("two digits at half strength", "uniform noise", "blank, any grey")}
    return {"untouched": x, "through side 16 and back": through(x, 16), **grain, **blur, **kinds}


def reader_card(figures: dict[str, Any]) -> str:
    """The model card, in Markdown."""
    f, name, far = figures, figures["name"], {kind: fid for kind, (fid, _) in figures["fid"].items()}
    per_digit = " | ".join(f"{share:.2%}" for share in f["per digit"].values())
    taught, untaught = (markdown_rows(f[kinds], ".3f") for kinds in ("taught", "untaught"))
    costs = "\n".join(f"| {kind} | {seen:.2f} | {read:.2f} |" for kind, (seen, read) in f["fid"].items())
    changes = "\n".join(f"| test, {name} | {right:.2%} | {sure:.3f} |" for name, (right, sure) in f["changed"].items())
    return f"""# The `{name}` judge

A convolutional classifier of handwritten digits, whose ten class probabilities count classes; and {Likeness.width} \
features that see how
like two digits are: the shapes that the classifier sees, beside what random filters see of grain, blur and contrast.
This card is written by the command that trains it:

    ganbench judge train {name} --out DIR --seed {f["seed"]}

| | |
| --- | --- |
| weights | `{name}.safetensors`, float32, {f["parameters"]:,} parameters |
| sha256 of the weights file | `{f["sha256"]}` |
| projections | `{name}-likeness.safetensors` |
| sha256 of the projections | `{f["sha256 of projections"]}` |
| random filters | {f["filters"]}; drawn by the recipe in `ganbench/judges/random_network.py` |
| sha256 of the random filters | `{f["sha256 of filters"]}` |
| features | the first {SHAPES} principal components of the classifier's {f["width"]} features, and the first \
{TEXTURES} of what the random filters answer, whitened; fitted to the first {FITTED:,} training digits |
| balance | the whitened components are scaled so that noise of standard deviation 60 (of 255) has the Fréchet \
distance of half of the classes missing (mean over four halves; {FITTED // 2:,} training digits against as many \
others) |
| references | the dataset's own real digits, at its own side: what resizing does is no fault of a sample |
| input | (n, 1, 28, 28), float32 in [-1, 1]; sides: {GEOMETRY} |
| network | {f["network"]} |
| training | first 50,000 digits of MNIST's training file, {f["epochs"]} epochs in batches of {BATCH}; AdamW, \
one-cycle rate up to 0.003; seed {f["seed"]} |
| augmentation | shifts, turns, shears and scales of three digits in four; 30 % of all digits through a side of \
8 to 20 and back; half with less contrast, greyer ground and grain |
| outlier exposure | of the gate alone, after the rest: {GATE_EPOCHS} epochs, {EACH} pictures of each of {len(TAUGHT)} \
kinds of non-digits in a batch |
| cost | {f["seconds"] / 60:.0f} CPU minutes on {torch.get_num_threads()} thread(s), PyTorch {torch.__version__} |

The last 10,000 digits of the training file (validation) served to set rates and length of training, and to choose the
features; the 10,000 digits of the test file (test) served to choose nothing.

## Accuracy

| digits | share right | mean confidence |
| --- | --- | --- |
| validation | {f["validation"]:.2%} | |
| test | {f["test"]:.2%} | {f["digits"]:.3f} |
{changes}

| test digit | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| share right | {per_digit} |

## Confidence

Mean probability of the likeliest class: 0.1 says "this could be anything", 1 says "this is surely a digit".
2,000 pictures of each kind.

| no digits, kinds seen in training | mean confidence |
| --- | --- |
{taught}

| no digits, kinds never seen in training | mean confidence |
| --- | --- |
{untaught}

The clothing-shaped textures are drawn, not photographed.

## FID of disturbed digits

2,000 test digits, disturbed, against all 10,000 as they are: by the features of this judge, and by the classifier's \
alone.

| 2,000 pictures | FID | by the classifier's features alone |
| --- | --- | --- |
{costs}

## What it cannot see

What each metric sees through it, and what not: [`{name}-audit.md`]({name}-audit.md), written by
`ganbench audit {name}`.

Its class probabilities are those of a classifier that was trained to tell ten classes apart whatever the slant,
position, blur, paleness and grain of a stroke: `is`, `confidence`, `entropy` and the counts of classes forgive these.
It does not know a copied training digit from a new one. It looks at 28 x 28 grey pixels, so finer detail and two pixels
of rim at side 32 go unseen. Its modesty about non-digits does not reach every kind: see the last rows of the table of
confidence. Far from digits FID is a matter of the features' whims: a blank page is \
{"further from" if far["blank, any grey"] > far["uniform noise"] else "nearer to"} digits than
noise is, and a loss of contrast, which random filters see best, costs most. Its FID has its own scale, and stands \
beside no FID
from Inception.
"""


def markdown_rows(table: dict[str, float], digits: str) -> str:
    """A model card's rows: a name and a number in that format."""
    return "\n".join(f"| {name} | {value:{digits}} |" for name, value in table.items())
