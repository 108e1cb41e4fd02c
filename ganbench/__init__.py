"""ganbench: which GAN is better, by how much, on what, and is the difference real?

    import ganbench as gb

    results = gb.run("quick", only="dcgan/*")      # train, judge; again: only what is missing
    results = gb.read("results/quick")             # `scores`, `runs`, `losses`: pandas frames
    results.board("mnist5k")                       # means, intervals, ranks, tiers
    gb.evaluate(G, dataset="mnist5k", z_dim=100)   # a generator, an array, a folder of pictures
    gb.compare("before/quick", "after/quick").rows # better or worse, by how much, how sure
    gb.rank(frame).answer                          # anybody's scores
    gb.datasets.load("ring8").train()              # the data that runs are trained on

These names are stable: see CHANGELOG.md. Each is imported when it is first asked for, so that `import ganbench` takes
no time.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
# Where each name is. Types are in `__init__.pyi`; `compare` is the package, which can be called.
INTERFACE = {
    "BenchError": "ganbench.errors",
    "Results": "ganbench.interface",
    "compare": "ganbench.compare",
    "datasets": "ganbench.datasets",
    "evaluate": "ganbench.interface",
    "rank": "ganbench.compare.rank",
    "read": "ganbench.interface",
    "run": "ganbench.interface",
}
__all__ = [*INTERFACE]


def __getattr__(name: str) -> Any:
    if name not in INTERFACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(INTERFACE[name])
    return module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
