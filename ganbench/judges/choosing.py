"""The judge that a suite names: an installed one, or what a file beside the suite holds.

judge = "mnist"                   an installed judge
judge = "mine.py:MyJudge"         a class of judges
judge = "mine.py:embed"           a function that gives features: see `ganbench.judges.own`
judge = "weights.safetensors"     what `ganbench judge train` has written: see `ganbench.judges.trained`
"""

import inspect
import sys
from pathlib import Path
from typing import Any

from ganbench import plugins
from ganbench.data import Dataset
from ganbench.errors import BadSuite
from ganbench.judges import Judge
from ganbench.judges.own import OwnJudge
from ganbench.judges.trained import TrainedJudge

WEIGHTS = ".safetensors"


def choose_judge(name: str, dataset: Dataset, beside: Path) -> Judge:
    """The judge of that name for a dataset; files are looked for in `beside`.

    Raises UnknownName if there is none, BadSuite if it cannot judge the dataset, DataMissing if it lacks a file.
    """
    if name.endswith(WEIGHTS):
        return TrainedJudge(dataset, beside / name)
    plugin = plugins.load("judges", name, beside)
    if _is_judge(plugin):
        judge: Judge = plugin(dataset)
        return judge
    if inspect.isclass(plugin) or not callable(plugin):
        raise BadSuite(
            f"{name} is {_spoken(plugin)}, but a judge needs to be a class derived from ganbench.judges.Judge, or a "
            "function that turns samples into features. Name one of these."
        )
    return OwnJudge(dataset, plugin, name, _file(name, beside))


def default_judge(dataset: Dataset) -> str:
    """The judge of a dataset for which a suite names none: its own, or the stand-in where that is not at hand.

    Raises DataMissing if a variable of the environment names a file of the judge's that is not there.
    """
    if not dataset.stand_in:
        return dataset.judge
    own = plugins.load("judges", dataset.judge)
    return dataset.judge if own.at_hand() else dataset.stand_in


def judge_files(name: str, dataset: str, beside: Path) -> tuple[Path, ...]:
    """What that judge reads of the user's own to judge the dataset of that name, beside its own text."""
    if name.endswith(WEIGHTS):
        return (beside / name,)
    plugin = plugins.load("judges", name, beside)
    return plugin.files(dataset) if _is_judge(plugin) else ()


def _is_judge(plugin: Any) -> bool:
    return inspect.isclass(plugin) and issubclass(plugin, Judge)


def _file(name: str, beside: Path) -> Path:
    """Where a plugin that has been loaded is written."""
    if ".py:" in name:
        return beside / name.rpartition(":")[0]
    return Path(str(sys.modules[plugins.locate("judges", name).partition(":")[0]].__file__))


def _spoken(plugin: Any) -> str:
    return f"the class {plugin.__qualname__}" if inspect.isclass(plugin) else f"of type {type(plugin).__name__}"
