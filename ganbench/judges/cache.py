"""What a judge said of real data, kept on disk: for a large network that takes minutes, and is the same every time."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ganbench.data import Dataset, Part, Split
from ganbench.data.files import data_roots
from ganbench.judges import Judge, Judged
from ganbench.store.whole import write_bytes


def judge_real_data(judge: Judge, dataset: Dataset, part: Part) -> Judged:
    """What the judge says of all real samples of a part of the data; of a lasting judge computed only once."""

    def look() -> Judged:
        return judge(dataset.train().x if part == "train" else dataset.reference(part).x)

    return _of_real_data(judge, dataset, part, look)


def judge_held_out(judge: Judge, dataset: Dataset, split: Split) -> Judged | None:
    """What the judge says of unseen data of the training data's own origin; None of data whose splits have one."""
    batch = dataset.held_out(split)
    return None if batch is None else _of_real_data(judge, dataset, f"held out of {split}", lambda: judge(batch.x))


def _of_real_data(judge: Judge, dataset: Dataset, what: str, look: Callable[[], Judged]) -> Judged:
    key = "; ".join([judge.key, dataset.fingerprint, dataset.preprocessing, what])
    return cached(key, look) if judge.lasting else look()


def cached(key: str, compute: Callable[[], Judged]) -> Judged:
    """What is kept under `key`, or else what `compute` gives, which is then kept.

    A file that is damaged, or cannot be read or written, costs time and nothing else.
    """
    path = cache_folder() / f"{sha256(key.encode()).hexdigest()[:32]}.safetensors"
    stored = _read(path, key)
    if stored is not None:
        return stored
    computed = compute()
    tensors = {name: part.contiguous() for name, part in computed._asdict().items()}
    with suppress(OSError):  # a cache that cannot be written is none
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, save(tensors, {"key": key, "sha256": _checksum(computed)}))
    return computed


def cache_folder() -> Path:
    """Where answers are kept; whoever needs the room may delete it."""
    return data_roots()[-1] / "features"


def _read(path: Path, key: str) -> Judged | None:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            stored = Judged(*(file.get_tensor(name) for name in Judged._fields))
    except (OSError, SafetensorError):
        return None
    # safetensors sees a file cut short, but not a bit that has flipped.
    whole = metadata.get("key") == key and metadata.get("sha256") == _checksum(stored)
    return stored if whole else None


def _checksum(judged: Judged) -> str:
    digest = sha256(repr([tuple(part.shape) for part in judged]).encode())
    for part in judged:
        digest.update(part.numpy().tobytes())
    return digest.hexdigest()
