"""How good a classifier is, by what it says of samples."""

from torch import Tensor

from ganbench.judges import Judged


def share_right(judged: Judged, y: Tensor) -> float:
    """The share of n samples whose likeliest class is their true one, (n,)."""
    return (judged.logits.argmax(1) == y).float().mean().item()


def mean_confidence(judged: Judged) -> float:
    """Mean probability of the likeliest class; at least 1 / classes."""
    return judged.logits.softmax(1).amax(1).mean().item()
