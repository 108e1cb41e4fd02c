"""How long a suite will take here, from short trials that are remembered."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from time import process_time

import torch

from ganbench.data import Dataset
from ganbench.metrics import OF_SOME, Metric
from ganbench.runs.judging import along_budget
from ganbench.runs.spec import RunSpec
from ganbench.suite.costs import Cost, Forecast, Pair, Turns, elapsed
from ganbench.suite.remembered import Remembered
from ganbench.suite.scaling import least_samples, shorten
from ganbench.suite.trials import JudgingTrials, Trial, tried_variant, try_variant

# CPU seconds of trying metrics, and as many of trying pairs; what is still untried then is taken to be as the others.
TRIALS_S = 13.0
MORE_S = 3.0  # the same, where most is remembered: each estimate adds to it
STARTING_S = 0.7  # of a process, from the server that has imported torch
SHOWN = 500  # samples, about, that a run draws to be looked at
PATIENCE_S = 900.0  # that a suite may take on a machine that it is not meant for

NOTHING: Trial = {"first": 0.0, "again": 0.0, "size": 1.0, "walked": 0}

Advance = Callable[[str], None]  # told what is tried next


@dataclass
class Tried:
    """What is known of a suite's pairs of variant and dataset."""

    variants: dict[Pair, Trial] = field(default_factory=dict)
    judging: dict[str, Trial] = field(default_factory=dict)  # by the dataset's label
    metric_trials: dict[str, dict[str, Trial]] = field(default_factory=dict)
    metrics: dict[str, list[Metric]] = field(default_factory=dict)
    failures: dict[Pair, str] = field(default_factory=dict)
    guessed: set[Pair] = field(default_factory=set)  # pairs that time did not suffice for

    def cost(self, run: RunSpec) -> Cost:
        """Seconds of a run, whatever its budget, evaluations and samples; 0 of one that fails at once."""
        pair = run.label, run.dataset_label
        if pair not in self.variants:
            return Cost()
        trial, judging = self.variants[pair], self.judging[run.dataset_label]
        metrics = self.metric_trials[run.dataset_label]
        each = trial["settling"] + run.samples * (trial["drawing"] + judging["asking"])
        looks = run.evaluations if trial["trains"] else 1
        ends = 2 if looks > 1 else 1  # the selected one may be the last
        curve, once, end = 0.0, 0.0, 0.0
        on_curve = {metric.name for metric in along_budget(run, self.metrics[run.dataset_label])}
        for metric in self.metrics[run.dataset_label]:
            if _gives(metric, trial):
                first, again = _metric_s(metric, metrics[metric.name], run.samples, trial, judging)
                once += max(0.0, first - again)
                end += again
                curve += again if metric.name in on_curve else 0.0
        shown = trial["truncations"] * trial["settling"] + SHOWN * trial["drawing"]
        return Cost(
            STARTING_S + trial["building"] + shown,
            trial["training"] * run.budget.amount,
            once + looks * (each + curve) + ends * (each + end),
        )

    def add_judging(self, label: str, trials: JudgingTrials, remembered: Remembered, until: float) -> None:
        """Try a dataset's judge and metrics; none more after a moment."""
        self.metrics[label] = trials.metrics
        self.judging[label] = remembered(trials.tried(""), trials.asking)
        self.metric_trials[label] = {
            metric.name: remembered(trials.tried(metric.name), lambda metric=metric: trials.metric(metric))  # type: ignore[misc]
            for metric in trials.metrics
            if process_time() < until or trials.tried(metric.name) in remembered
        }

    def add_variant(
        self, pair: Pair, run: RunSpec, dataset: Dataset, device: torch.device, remembered: Remembered, until: float
    ) -> None:
        """Try a pair of variant and dataset, or leave it to be guessed after a moment."""
        what = tried_variant(run, dataset, device)
        if process_time() > until and what not in remembered and not _is_control(run):
            self.guessed.add(pair)
            return
        try:
            self.variants[pair] = remembered(what, lambda: try_variant(run, dataset, device))
        except Exception as error:  # a variant's own affair: its run will be a row that says so
            self.failures[pair] = type(error).__name__

    def guess(self) -> None:
        """Take what time did not suffice for to be as the others are."""
        for pair in self.guessed:
            own = [trial for (_, data), trial in self.variants.items() if trial["trains"] and data == pair[1]]
            if like := own or [trial for trial in self.variants.values() if trial["trains"]]:
                self.variants[pair] = {**like[0], **_means(like, ("building", "training", "settling", "drawing"))}
        for label, metrics in self.metrics.items():
            tried = [*self.metric_trials[label].values()]
            mean = {**tried[0], **_means(tried, ("first", "again"))} if tried else NOTHING
            self.metric_trials[label] = {metric.name: mean for metric in metrics} | self.metric_trials[label]

    @property
    def memory(self) -> int:
        """Bytes on the device that the largest of the variants took."""
        return max((trial["memory"] for trial in self.variants.values()), default=0)


def forecast(runs: Sequence[RunSpec], threads: int, turns: Turns, meant_for: str, say: Advance) -> Forecast:
    """Try what the runs are made of, in as many threads as each has; `say` hears what is tried next."""
    torch.set_num_threads(threads)
    tried = estimate(runs, torch.device(turns.device), say)
    pairs = {(run.label, run.dataset_label): run for run in reversed(runs)}
    costs = {pair: tried.cost(run) for pair, run in pairs.items() if pair in tried.variants}
    elsewhere = meant_for == "cuda" and turns.device == "cpu"
    too_long = elsewhere and elapsed(map(tried.cost, runs), turns) > PATIENCE_S
    shorter = _shorter(runs, tried, turns) if too_long else ""
    return Forecast(costs, tried.failures, frozenset(tried.guessed), tried.memory, shorter)


def estimate(runs: Sequence[RunSpec], device: torch.device, advance: Advance = lambda _: None) -> Tried:
    """Try each pair of variant and dataset shortly, each judge and each metric, unless it is remembered."""
    remembered, tried = Remembered(), Tried()
    pairs = {(run.label, run.dataset_label): run for run in reversed(runs)}
    datasets: dict[str, Dataset] = {}
    judging: dict[str, JudgingTrials] = {}
    for run in {run.dataset_label: run for run in pairs.values()}.values():
        datasets[run.dataset_label] = run.build_dataset()
        judging[run.dataset_label] = JudgingTrials(run, datasets[run.dataset_label])
    until = _until(remembered, [trials.tried(one.name) for trials in judging.values() for one in trials.metrics])
    for label, trials in judging.items():
        advance(f"judging {label}")
        tried.add_judging(label, trials, remembered, until)
    until = _until(remembered, [tried_variant(run, datasets[data], device) for (_, data), run in pairs.items()])
    # Controls first, since they take no time; then each variant on all data, so that none is known of some data alone.
    labels = [*dict.fromkeys(run.label for run in runs)]
    for pair, run in sorted(pairs.items(), key=lambda item: (not _is_control(item[1]), labels.index(item[0][0]))):
        advance(" on ".join(pair))
        tried.add_variant(pair, run, datasets[run.dataset_label], device, remembered, until)
    tried.guess()
    remembered.keep()
    if device.type == "cuda":
        torch.cuda.empty_cache()  # the runs need the room
    return tried


def _until(remembered: Remembered, whats: Sequence[str]) -> float:
    """The processor time until which more is tried."""
    known = sum(what in remembered for what in whats)
    return process_time() + (MORE_S if known > len(whats) / 2 else TRIALS_S)


def scale_for(runs: Sequence[RunSpec], tried: Tried, turns: Turns, seconds: float) -> float | None:
    """The scale, beside that of the runs, at which they take so long; None if no scale makes them so short."""
    least = {name: least_samples(metrics, tried.judging[name]["width"]) for name, metrics in tried.metrics.items()}

    def takes(scale: float) -> float:
        return elapsed((tried.cost(shorten(run, scale, least[run.dataset_label])) for run in runs), turns)

    low, high = 1e-6, 1.0
    if takes(low) > seconds:
        return None
    for _ in range(40):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if takes(middle) <= seconds else (low, middle)
    return low


def _shorter(runs: Sequence[RunSpec], tried: Tried, turns: Turns) -> str:
    """The options with which it takes no longer than one may have patience for, and how long that is."""
    one = [run for run in runs if run.seed == runs[0].seed]
    for some, only in ((runs, ""), (one, f" --only '*/*/{runs[0].seed}'")):
        if scale := scale_for(some, tried, turns, PATIENCE_S):
            return f"`--scale {runs[0].scale * scale:.1g}{only}`, about {PATIENCE_S / 60:.0f} minutes"
    return "`--only` and a few of its variants"


def _metric_s(metric: Metric, tried: Trial, samples: int, variant: Trial, judging: Trial) -> tuple[float, float]:
    """Seconds the first time, and again."""
    larger = max(1.0, min(samples, metric.enough or inf) / tried["size"])
    walked = tried["walked"] * (variant["drawing"] + judging["asking"])
    return tried["first"] * larger**metric.growth + walked, tried["again"] * larger**metric.growth + walked


def _gives(metric: Metric, variant: Trial) -> bool:
    asked = {need.partition(".")[0] for need in metric.needs} & OF_SOME
    return asked <= {*variant["gives"]}


def _is_control(run: RunSpec) -> bool:
    return bool(run.variant.load("variants").kind == "control")


def _means(trials: Sequence[Trial], names: Iterable[str]) -> Trial:
    return {name: sum(trial[name] for trial in trials) / len(trials) for name in names}
