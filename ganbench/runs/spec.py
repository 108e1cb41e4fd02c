"""A run, said in plain values: what it trains on what, for how long, judged how; and how its parts are built.

Nothing here imports torch before parts are built, or a run's id is worked out.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError

from ganbench import __version__, plugins
from ganbench.errors import BadResults, BadSuite, BenchError, UnknownName
from ganbench.plugins.code import code_of, code_of_file, code_of_modules, neighbours
from ganbench.plugins.spec import PluginSpec, build
from ganbench.runs.budget import Budget
from ganbench.statistics.looks import Look
from ganbench.store.columns import SENSES, Identity, Split, run_title
from ganbench.store.files import damaged
from ganbench.store.layout import RUN
from ganbench.store.records import read_run

if TYPE_CHECKING:  # they bring torch, which whoever sends runs to others has no need of
    from ganbench.data import Dataset
    from ganbench.judges import Judge
    from ganbench.metrics import Metric
    from ganbench.variant import Variant

LOOP = "ganbench.runs.run"  # the module that trains and judges
PARTS = ("losses", "penalties", "remedies")  # kinds of plugins that a variant's options name
ENOUGH = 10**9  # samples: of these there are as many as somebody asks for
SPLITS: tuple[Split, ...] = ("validation", "test")


@dataclass(frozen=True)
class Candidate:
    """Options that a search tries, or that the board's runs have because they were the best."""

    number: int  # of the trial, from 1
    of: int  # trials
    options: str  # as a suite would say them: "lr = 0.001, d_steps = 2"
    searching: bool = True  # False: a run of the board


@dataclass(frozen=True)
class RunSpec:
    """One variant, one dataset, one seed: all that determines a run, in plain values that can be hashed and sent."""

    suite: str
    label: str
    variant: PluginSpec
    dataset_label: str
    dataset: PluginSpec
    judge: str
    metrics: tuple[str, ...]
    seed: int
    budget: Budget
    evaluations: int
    samples: int
    precision: Literal["float32", "tf32", "bfloat16"]
    scale: float = 1.0
    fingerprint: str = ""  # of the data, which may change under the same name
    threads: int = 1  # on a CPU: of the sums whose order decides the last digits, and in the end the whole run
    answers: str = ""  # hash of what a judge of one's own says of fixed samples
    curves: tuple[str, ...] = ()  # metrics along the budget; (): all that are cheap enough for that
    primary: str = ""  # the metric that verdicts on this dataset are of
    look: Look | None = None  # at which the seed is added, where seeds are added until decided
    candidate: Candidate | None = None  # whose options these are, where the suite searches for them

    @cached_property
    def id(self) -> str:
        """Hash of all that determines the run's scores; where a file plugin lies and the names on the board do not.

        The code that numbers come from is part of it: see `code`.
        """
        plain = asdict(self)
        for name in ("suite", "label", "dataset_label", "primary", "look", "candidate"):
            del plain[name]
        for made in ("variant", "dataset"):
            del plain[made]["beside"]
        for later, usual in (("curves", ()), ("answers", ""), ("threads", 1)):
            if plain[later] == usual:
                del plain[later]  # so that runs from before there was a choice are still the same
        plain["sources"] = self.sources
        plain["version"] = __version__
        if code := self.code():
            plain["code"] = code
        return sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]

    @cached_property
    def sources(self) -> list[str]:
        """Hashes of the code of the files beside the suite that the run's numbers come from, when first asked for."""
        from ganbench.judges import choosing

        named = (self.variant.name, self.dataset.name, self.judge, *self.metrics, *_texts(self.variant.options))
        judges = choosing.judge_files(self.judge, self.dataset.name, Path(self.dataset.beside))
        return [*(code_of_file(name, self.variant.beside) for name in named), *map(_hash, judges)]

    def has_changed(self) -> bool:
        """Whether these files are no longer what they were when the run got its id."""
        return replace(self).sources != self.sources

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "id": self.id}  # known to whoever gets it: to work it out takes torch

    def code(self) -> list[str]:
        """Hashes of the installed code that the run's numbers come from: of the loop, and of all plugins that it names.

        `ganbench.plugins.code` says what of their text counts.
        """
        named = [("variants", self.variant.name), ("datasets", self.dataset.name), ("judges", self.judge)]
        named += [("metrics", name) for name in self.metrics] + self._parts()
        return [code_of_modules(LOOP), *(code_of(kind, name) for kind, name in dict.fromkeys(named))]

    @property
    def option_texts(self) -> list[str]:
        """All texts among the variant's options, of which some name plugins."""
        return [*_texts(self.variant.options)]

    def _parts(self) -> list[tuple[str, str]]:
        return [(kind, text) for kind in PARTS for text in _texts(self.variant.options)]

    @property
    def is_trial(self) -> bool:
        """Whether it is none of the board's."""
        return self.candidate is not None and self.candidate.searching

    @property
    def is_added(self) -> bool:
        """Whether its seed is added only where it is not decided yet who leads."""
        return self.look is not None and self.look.number > 1

    @property
    def about_search(self) -> dict[str, Any]:
        """Columns of a record: whose options these are, of how many that were tried, and whether it is such a trial."""
        one = self.candidate
        return {"trial": one.number, "trials": one.of, "tried": one.options, "searching": one.searching} if one else {}

    @property
    def about_look(self) -> dict[str, Any]:
        """Columns of a record: at which look the seed was added, of how many, and the level of tests at it."""
        return {"look": self.look.number, "looks": self.look.of, "level": self.look.level} if self.look else {}

    @property
    def identity(self) -> Identity:
        return Identity(self.suite, self.id, self.variant.name, self.label, self.dataset_label, self.seed)

    def __str__(self) -> str:
        return run_title(self.label, self.dataset_label, self.seed)

    def plugin_files(self) -> dict[str, str]:
        """All that the run names which is in a Python file, and what these files import from beside them, and the hash
        of each file's text; "" if it is not there.
        """
        parts = [asdict(self.variant), asdict(self.dataset), self.judge, *self.metrics]
        names = named_files(parts)
        folder = Path(self.dataset.beside)
        imported = {file for name in names for file in neighbours(folder / name.rpartition(":")[0])[1:]}
        return {name: _source_hash(name, self.dataset.beside) for name in sorted(names)} | {
            file.relative_to(folder).as_posix(): _hash(file) for file in sorted(imported) if file.is_relative_to(folder)
        }

    def files(self) -> list[Path]:
        """All files beside the suite that the run is made of."""
        from ganbench.judges import choosing

        beside = Path(self.dataset.beside)
        plugin_files = [beside / name.rpartition(":")[0] for name in self.plugin_files()]
        return plugin_files + list(choosing.judge_files(self.judge, self.dataset.name, beside))

    def variant_sources(self) -> list[str]:
        """Hashes of the code of all that the variant is made of."""
        files = (code_of_file(name, self.variant.beside) for name in (self.variant.name, *_texts(self.variant.options)))
        return [*files, code_of("variants", self.variant.name), *(code_of(*part) for part in self._parts())]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "RunSpec":
        made = {kind: PluginSpec(**plain[kind]) for kind in ("variant", "dataset")}
        look = Look(**plain["look"]) if plain.get("look") else None
        candidate = Candidate(**plain["candidate"]) if plain.get("candidate") else None
        lists = {name: tuple(plain.get(name, ())) for name in ("metrics", "curves")}
        return cls(
            **{**plain, **made, "budget": Budget(**plain["budget"]), "look": look, "candidate": candidate, **lists}
        )

    def build_dataset(self) -> "Dataset":
        dataset: Dataset = build("datasets", self.dataset)
        return dataset

    def build_variant(self, dataset: "Dataset") -> "Variant":
        """Fresh networks on the CPU, from torch's default generator."""
        variant: Variant = build("variants", self.variant, dataset.spec)
        check_moves(variant, self.variant.name)
        return variant

    def build_judge(self, dataset: "Dataset") -> "Judge":
        from ganbench.judges import choosing

        return choosing.choose_judge(self.judge, dataset, Path(self.dataset.beside))

    def load_metrics(self) -> "list[Metric]":
        return [self._load("metrics", name) for name in self.metrics]

    def _load(self, kind: str, name: str) -> Any:
        return plugins.load(kind, name, Path(self.dataset.beside))


def complete(spec: RunSpec, dataset: "Dataset") -> RunSpec:
    """Decide what is left open: the dataset's judge, those of its metrics for which there are samples enough, which of
    them is the primary one, the data's fingerprint, `folder:PATH`.

    The variant may still be missing. Raises BadSuite or UnknownName if the judge cannot judge the dataset.
    """
    from ganbench.judges import choosing

    written_out, judge = spec.dataset.written_out("datasets"), spec.judge or choosing.default_judge(dataset)
    spec = replace(spec, dataset=written_out, judge=judge, fingerprint=dataset.fingerprint)
    judged_by = spec.build_judge(dataset)
    spec = replace(spec, answers=judged_by.answers)
    spec = replace(spec, metrics=spec.metrics or _affordable(spec, judged_by, dataset))
    return replace(spec, primary=_primary(spec, judged_by.select))


def _affordable(spec: RunSpec, judge: "Judge", dataset: "Dataset") -> tuple[str, ...]:
    """Those of the judge's metrics for which there are real data enough; all, if that is none."""
    references, training = [judge.reference(split) for split in SPLITS], len(dataset.train().x)
    found = []
    for name in judge.metrics:
        metric = spec._load("metrics", name)
        with suppress(BenchError):
            for reference in references:
                metric.check(ENOUGH, reference, training)
            found.append(name)
    return tuple(found or judge.metrics)


def _primary(spec: RunSpec, select: str) -> str:
    """The name of the metric that verdicts are of: the one that is declared, that by which checkpoints are selected, or
    the first that says what is better; "" where none does.
    """
    metrics = dict(zip(spec.metrics, spec.load_metrics(), strict=True))
    better = [metric.name for metric in metrics.values() if metric.direction in SENSES]
    if not spec.primary:
        return select if select in better else next(iter(better), "")
    if spec.primary not in metrics:
        raise UnknownName("metrics of that dataset", spec.primary, spec.metrics, "primary: ")
    if (name := metrics[spec.primary].name) not in better:
        raise BadSuite(
            f"Found primary = {name!r}, of which neither low nor high is better, so that nobody could be. "
            f"Choose one of {', '.join(better)}."
        )
    return name


def recorded(folder: Path) -> RunSpec:
    """The run of which `folder` holds the record. Raises BadResults if the record is damaged."""
    try:
        return TypeAdapter(RunSpec).validate_json(json.dumps(read_run(folder).get("spec")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = f"spec, {', '.join(map(str, first['loc']))}: {first['msg']}"
        raise damaged(folder / RUN, what) from error


def check_trust(spec: RunSpec, folder: Path, allow_plugins: bool) -> None:
    """Raise BadResults if a run that `folder` records names a Python file, which would be run.

    `allow_plugins` permits that, if the file's text is the one that was recorded.
    """
    files = spec.plugin_files()
    if files and not allow_plugins:
        raise BadResults(
            f"{folder} names {', '.join(files)}, which is code that would be run. If you trust it: --allow-plugins."
        )
    if files and spec.variant.beside != spec.dataset.beside:
        raise damaged(folder / RUN, "its plugins lie beside two suites, of which a run has one")
    record = read_run(folder)
    known = record.get("sources", files if spec.id == record["summary"]["run"] else {})
    for name, found in files.items():
        if not isinstance(known, dict) or not found or known.get(name) != found:
            raise BadResults(
                f"{folder} names {name}, but the file that is there now is not the one that was recorded. "
                "Bring that back, or run the suite again."
            )


ROLES = {"sees_data": "a budget of images", "makes_samples": "a budget of updates"}  # of players, and who counts them


def check_moves(variant: Any, name: str) -> None:
    """Refuse what the loop could not train, or would train for ever."""
    from ganbench.variant import Player, Variant

    if not isinstance(variant, Variant):
        raise BadSuite(f"{name} makes a {type(variant).__name__}, but needs to make a ganbench.variant.Variant.")
    players = getattr(variant, "players", None)
    if players is None or not all(isinstance(player, Player) for player in players):
        raise BadSuite(
            f"{name} needs a list `self.players` of ganbench.variant.Player, an empty one if nothing is trained."
        )
    if variant.decodes and type(variant).latents is Variant.latents and variant.z_dim < 1:
        raise BadSuite(f"{name} decodes latents of no numbers. Set `self.z_dim` in `__init__`, or define `latents`.")
    names = [player.name for player in players]
    if len({*names}) < len(names):
        raise BadSuite(f"{name} has the players {', '.join(names)}, but each needs a name of its own.")
    for role, budget in ROLES.items():
        if names and not any(getattr(player, role) for player in variant.players):
            raise BadSuite(
                f"{name} has the players {', '.join(names)}, but {budget} needs one with `{role}`. Say so where the "
                f"player is made: Player(..., {role}=True)."
            )
    if variant.batch < 1:
        raise BadSuite(f"{name} takes batches of {variant.batch}, but a step needs at least 1 sample.")
    for player in variant.players:
        if player.repeats < 1:
            raise BadSuite(f"{name} gives {player.name} {player.repeats} steps in a round, but it needs at least 1.")


def named_files(values: Any) -> set[str]:
    """Of all texts in plain values those that name something in a Python file."""
    return {text for text in _texts(values) if text.rpartition(":")[0].endswith(".py")}


def _texts(option: Any) -> Iterable[str]:
    """All strings in an option's value: a loss or a penalty may be a file's."""
    match option:
        case str():
            yield option
        case dict():
            for value in option.values():
                yield from _texts(value)
        case list() | tuple():
            for value in option:
                yield from _texts(value)


def _source_hash(name: str, beside: str) -> str:
    """A file plugin's text counts: it may change where an installed package has a version."""
    file = Path(beside) / name.rpartition(":")[0]
    return _hash(file) if file.suffix == ".py" else ""


def _hash(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
