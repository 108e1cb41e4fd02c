"""A baseline on disk: a file whose changes git can show line by line.

    {
     "format": 2,
     "suite": "quick",
     "commit": "32a2061",
     "environment": {"device": "CPU, 2 cores", "torch": "2.15.0", ...},
     "gate": {"error": 0.05, "tolerance": 0.1, ...},
     "history": [
      {"date": "2026-11-21", "commit": "32a2061", "reason": "why this was accepted", "accepted": ["what got worse"]}
     ],
     "runs": [
      {"dataset": "ring8", "variant": "gan", "budget": "90000 images", "failures": {"3": "diverged"}, ...}
     ],
     "scores": [
      {"dataset": "ring8", "variant": "gan", "metric": "modes", ..., "values": {"0": 4, "1": 8}}
     ]
    }

Format 1 kept neither the gate's rules nor which runs had failed, only how many: those that have no score. No torch.
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganbench.compare.baseline import Baseline, Record, Runs, Score, by_name
from ganbench.compare.gate import Gate
from ganbench.errors import BadResults
from ganbench.store.columns import SENSES
from ganbench.store.files import read_json
from ganbench.store.whole import written_whole

FORMAT = 2


def write_baseline(baseline: Baseline, path: Path) -> None:
    """One line per row, sorted, so that a difference in git reads as a table."""
    parts = {
        "format": FORMAT,
        "suite": baseline.suite,
        "commit": baseline.commit,
        "environment": baseline.environment,
        "gate": baseline.gate and baseline.gate.model_dump(mode="json", exclude_none=True),
        "history": list(baseline.history),
        "runs": [asdict(baseline.runs[name]) for name in sorted(baseline.runs)],
        "scores": [asdict(baseline.scores[name]) for name in sorted(baseline.scores)],
    }
    text = "{\n" + ",\n".join(f' "{name}": {_json_lines(part)}' for name, part in parts.items()) + "\n}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def read_baseline(path: Path) -> Baseline:
    """Read what `write_baseline` wrote, in this format or an older one.

    Raises BadResults if the file is absent, empty, of a newer format, damaged or no baseline, or has a row twice.
    """
    stored = _read_stored(path)
    try:
        scores = by_name([_score(row) for row in stored["scores"]])
        baseline = Baseline(
            suite=str(stored["suite"]),
            commit=str(stored.get("commit", "")),
            environment=dict(stored.get("environment", {})),
            runs=by_name([_runs(row, scores) for row in stored["runs"]]),
            scores=scores,
            gate=Gate.model_validate_json(json.dumps(stored["gate"])) if stored.get("gate") else None,
            history=tuple(stored.get("history", ())),
        )
        _check_seeds(baseline)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadResults(f"{path} is a damaged baseline: {error}. Take it from git, or make it anew.") from error
    return baseline


def _score(row: Record) -> Score:
    values = {int(seed): None if value is None else float(value) for seed, value in row["values"].items()}
    if not all(value is None or math.isfinite(value) for value in values.values()):
        raise ValueError(f"{row['metric']} of {row['variant']} has a value that is not finite")
    if row["direction"] not in SENSES:
        raise ValueError(f"{row['metric']} of {row['variant']} has the direction {row['direction']!r}")
    if not (row["noise"] is None or 0 <= float(row["noise"]) < math.inf):
        raise ValueError(f"{row['metric']} of {row['variant']} has the noise {row['noise']!r}")
    return Score(**{**row, "values": values})


def _runs(row: Record, scores: dict[tuple[str, str, str], Score]) -> Runs:
    """Of format 1 those have failed that have no score at all, if some have."""
    row = dict(row)
    if "failures" not in row:
        own = [score for name, score in scores.items() if name[:2] == (row["dataset"], row["variant"])]
        lost = [seed for seed in row["seeds"] if all(score.values.get(seed) is None for score in own)]
        row["failures"] = dict.fromkeys(lost if row.pop("failed") else [], "failed")
    return Runs(**{**row, "failures": {int(seed): str(how) for seed, how in row["failures"].items()}})


def _check_seeds(baseline: Baseline) -> None:
    """Raise ValueError if a score is of runs that are not there."""
    for (dataset, variant, metric), score in baseline.scores.items():
        if (dataset, variant) not in baseline.runs:
            raise ValueError(f"there are scores of {variant} on {dataset}, but no runs")
        if foreign := sorted(score.values.keys() - set(baseline.runs[dataset, variant].seeds)):
            raise ValueError(f"{metric} of {variant} on {dataset} has seeds that did not run: {foreign}")


def _read_stored(path: Path) -> Record:
    """The file's content, which has a baseline's format and scores."""
    cure = f"Make one: ganbench baseline RESULTS --out {path}"
    if not path.exists():
        raise BadResults(f"There is no baseline at {path}. {cure}")
    stored = read_json(path, f"It is no baseline. {cure}")
    if not {"format", "suite", "runs", "scores"} <= stored.keys():
        raise BadResults(f"{path} is no baseline of ganbench: it lacks `format`, `suite`, `runs` or `scores`. {cure}")
    if stored["format"] not in range(1, FORMAT + 1):
        raise BadResults(
            f"{path} is a baseline of format {stored['format']}, this ganbench reads up to format {FORMAT}. "
            "Read it with the ganbench that wrote it, or make it anew from results of this one."
        )
    if not stored["scores"]:
        raise BadResults(f"{path} is an empty baseline, against which nothing can get worse. {cure}")
    return stored


def _json_lines(part: Any) -> str:
    """JSON, with each item of a list on a line of its own."""
    if not isinstance(part, list):
        return json.dumps(part, ensure_ascii=False)
    return "[\n" + ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in part) + "\n ]"
