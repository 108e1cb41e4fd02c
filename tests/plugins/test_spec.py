"""A name, or a table of a name and options, becomes a value; what is wrong with it is said in a sentence."""

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import TypeAdapter

from ganbench import plugins
from ganbench.errors import BadSuite, BenchError, UnknownName
from ganbench.losses import hinge
from ganbench.penalties import R1, Clip, Gradient, none
from ganbench.plugins.spec import PluginSpec, build, choose, configure
from ganbench.remedies import MinibatchStddev, Packing
from ganbench.suite import loading as suite
from ganbench.zoo.gan import GAN
from ganbench.zoo.parts import DNorm


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("losses", "hinge", hinge),
        ("losses", {"name": "hinge"}, hinge),
        ("penalties", "none", none),
        ("penalties", "gradient", Gradient(weight=10, target=1, one_sided=False)),
        ("penalties", {"name": "gradient", "weight": 3, "one_sided": True}, Gradient(weight=3, one_sided=True)),
        ("penalties", {"name": "clip", "limit": 0.05}, Clip(limit=0.05)),
        ("remedies", "minibatch_stddev", MinibatchStddev()),
        ("remedies", {"name": "packing", "samples": 3}, Packing(samples=3)),
    ],
    ids=lambda value: getattr(value, "name", str(value)),  # the value itself holds addresses, which differ by process
)
def test_a_name_or_a_table_is_chosen(kind: str, given: Any, expected: object) -> None:
    before = dict(given) if isinstance(given, dict) else given
    assert choose(kind, given) == expected
    assert given == before, "the suite's own table stays as it is"


def test_a_formulation_with_options_is_made_with_them() -> None:
    assert choose("losses", "ebgan").codes == 32
    assert choose("losses", {"name": "ebgan", "codes": 5}).codes == 5


@pytest.mark.parametrize(
    ("kind", "given", "error", "words"),
    [
        ("losses", "hing", UnknownName, "No 'hing' among the losses. Did you mean 'hinge'?"),
        ("penalties", {"name": "gradent"}, UnknownName, "No 'gradent' among the penalties. Did you mean 'gradient'?"),
        ("remedies", "unroling", UnknownName, "No 'unroling' among the remedies. Did you mean 'unrolling'?"),
        (
            "penalties",
            {"name": "gradient", "weigth": 1},
            UnknownName,
            "No 'weigth' among the options of gradient. Did you mean 'weight'? There are: one_sided, target, weight.",
        ),
        ("penalties", {"name": "none", "weight": 1}, UnknownName, "among the options of none. There are none."),
        ("losses", {"name": "ebgan", "code": 1}, UnknownName, "among the options of ebgan. Did you mean 'codes'?"),
        ("losses", {"name": "hinge", "a": 1}, BadSuite, "Found options {'a': 1} of 'hinge', but it has none. Leave"),
        ("losses", {"codes": 3}, BadSuite, "Found {'codes': 3} among the losses, but it needs a `name`: ebgan, hinge"),
        ("penalties", {"name": 3}, BadSuite, "Found {'name': 3} among the penalties, but it needs a `name`: clip,"),
        (
            "penalties",
            {"name": "clip", "limit": "much"},
            BadSuite,
            "Option 'limit' of clip: found 'much'. Input should be a valid number; the default is 0.01.",
        ),
        (
            "losses",
            {"name": "ebgan", "margin": "wide"},
            BadSuite,
            "Option 'margin' of ebgan: found 'wide'. Input should be a valid number; the default is 0.8.",
        ),
        (
            "losses",
            {"name": "ebgan", "codes": 2.5},
            BadSuite,
            "Option 'codes' of ebgan: found 2.5. Input should be a valid integer; the default is 32.",
        ),
        (
            "penalties",
            {"name": "clip", "limit": -1},
            BadSuite,
            "Option 'limit' of clip: found -1. Input should be greater than 0; the default is 0.01.",
        ),
        (
            "remedies",
            {"name": "unrolling", "steps": -1},
            BadSuite,
            "Option 'steps' of unrolling: found -1. Input should be greater than or equal to 0; the default is 5.",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_chosen_is_named_with_the_cure(
    kind: str, given: Any, error: type[BenchError], words: str
) -> None:
    with pytest.raises(error) as raised:
        choose(kind, given)
    assert words in str(raised.value)


def test_a_plugin_may_stand_in_a_file_beside_the_suite(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from typing import ClassVar\n"
        "from ganbench.penalties import Penalty\n\n\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Mine(Penalty):\n"
        "    strength: int = 2\n\n"
        "    name: ClassVar[str] = 'mine'\n"
    )
    made = PluginSpec("gan", {"penalty": {"name": "mine.py:Mine", "strength": 5}}, str(tmp_path))
    found = configure(GAN, made)["penalty"]
    assert (found.name, found.strength) == ("mine", 5)


def test_options_become_what_the_annotations_say() -> None:
    options = {
        "loss": "hinge",
        "penalty": {"name": "r1", "gamma": 3},
        "remedies": ["minibatch_stddev", {"name": "packing", "samples": 4}],
        "betas": [0.5, 0.9],
        "lr": 1,
    }
    assert configure(GAN, PluginSpec("gan", options)) == {
        "loss": hinge,
        "penalty": R1(gamma=3.0),
        "remedies": (MinibatchStddev(), Packing(samples=4)),
        "betas": (0.5, 0.9),
        "lr": 1.0,
    }


# Ranges

NUMBERS = (int, float, tuple[int, int], tuple[float, float])
ANY_NUMBER = {("datasets", "size"), ("datasets", "seed")}  # checked by the data, which know what sizes there are


def numeric_options() -> list[tuple[str, str, str, Any]]:
    """Kind, plugin, option and annotation of all numbers that a suite may set on an installed plugin."""
    plugins_ = [(kind, name, plugins.load(kind, name)) for kind in plugins.KINDS for name in plugins.names(kind)]
    hinted = [(k, n, inspect.unwrap(p.__init__ if inspect.isclass(p) else p), p) for k, n, p in plugins_ if callable(p)]
    return [
        (kind, name, option, get_type_hints(made_by, include_extras=True)[option])
        for kind, name, made_by, plugin in hinted
        for option in plugins.options(plugin)
        if get_type_hints(made_by)[option] in NUMBERS
    ]


def outside(bound: object, whole: bool) -> float | None:
    """The number next to a bound that is out of range."""
    step = 1 if whole else 1e-9
    match bound:
        case Ge(ge=least):
            return least - step  # type: ignore[operator, no-any-return]
        case Le(le=most):
            return most + step  # type: ignore[operator, no-any-return]
        case Gt(gt=end) | Lt(lt=end):
            return end  # type: ignore[return-value]
    return None


def bounds(annotation: Any) -> list[object]:
    """Of an annotation and its parts."""
    own = [*getattr(annotation, "__metadata__", ())]
    return own + [bound for part in get_args(annotation) for bound in bounds(part)]


def test_a_number_just_out_of_range_is_refused_with_the_options_name_and_default() -> None:
    tried = 0
    for kind, name, option, annotation in numeric_options():
        plugin = plugins.load(kind, name)
        plain = get_type_hints(inspect.unwrap(plugin.__init__ if inspect.isclass(plugin) else plugin))[option]
        pair, whole = plain not in (int, float), plain in (int, tuple[int, int])
        bad = [value for bound in bounds(annotation) if (value := outside(bound, whole)) is not None]
        assert bad or (kind, option) in ANY_NUMBER, f"{option} of {name} has no range"
        for value in [*bad, *([] if whole or (kind, option) in ANY_NUMBER else [math.nan, math.inf])]:
            with pytest.raises(BadSuite) as raised:
                configure(plugin, PluginSpec(name, {option: [value, value] if pair else value}))
            assert str(raised.value).startswith(f"Option {option!r} of {name}: found")
            assert "the default is" in str(raised.value)
            tried += 1
    assert tried > 200


@pytest.mark.parametrize("value", ["8", 1.5, True])
def test_a_count_is_a_whole_number(value: object) -> None:
    with pytest.raises(BadSuite, match=r"Option 'modes' of ring8: found .*Input should be a valid integer"):
        build("datasets", PluginSpec("ring8", {"modes": value}))


def test_the_default_of_every_number_is_within_its_range() -> None:
    for kind, name, option, annotation in numeric_options():
        default = plugins.options(plugins.load(kind, name))[option].default
        TypeAdapter(annotation).validate_python(default, strict=True)


def test_a_strangers_option_has_a_range_by_the_same_names(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from ganbench.plugins.spec import Count, Share\n\n\n"
        "def mine(*, kernels: Count = 3, mixing: Share = 0.5):\n    return kernels, mixing\n"
    )
    assert build("losses", PluginSpec("mine.py:mine", {"kernels": 1, "mixing": 1}, str(tmp_path))) == (1, 1.0)
    for options, words in (
        ({"kernels": 0}, "Option 'kernels' of mine.py:mine: found 0. Input should be greater than or equal to 1; the"),
        ({"mixing": 1.01}, "Option 'mixing' of mine.py:mine: found 1.01. Input should be less than or equal to 1; the"),
    ):
        with pytest.raises(BadSuite) as raised:
            build("losses", PluginSpec("mine.py:mine", options, str(tmp_path)))
        assert words in str(raised.value)


# In a suite

BAD = {
    'loss = "hing"': "No 'hing' among the losses. Did you mean 'hinge'?",
    "loss = 3": "found 3. It must be a name, or a table of a name and options; the default is 'nonsaturating'.",
    "loss = { margin = 1 }": "Found {'margin': 1} among the losses, but it needs a `name`: ebgan,",
    'loss = { name = "ebgan", margin = "x" }': "Option 'margin' of ebgan: found 'x'. Input should be a valid number",
    'penalty = "gradent"': "No 'gradent' among the penalties. Did you mean 'gradient'?",
    "penalty = 0.05": "found 0.05. It must be a name, or a table of a name and options, or a list of these; the",
    'loss = ["hinge"]': "found ['hinge']. It must be a name, or a table of a name and options; the default is",
    'penalty = { name = "clip", size = 1 }': "No 'size' among the options of clip. There are: limit.",
    'remedies = "packing"': "found 'packing'. Input should be a valid array; the default is ().",
    'remedies = ["paking"]': "No 'paking' among the remedies. Did you mean 'packing'?",
    "remedies = [3]": "found [3]. It must be a name, or a table of a name and options",
    'remedies = [{ name = "packing", samples = 2.5 }]': "Option 'samples' of packing: found 2.5. Input should be",
    'remedies = ["minibatch_stddev"], batch = 35': "Found a batch of 35, which falls into no groups of 4, 3 or 2, but",
    'penalty = ["r1", "r3"]': "No 'r3' among the penalties. There are: clip,",
    'penalty = ["r1", "r1"]': "Found the penalties r1, r1, but each can be there once. Give it one weight.",
    'loss = "ebgan", penalty = "clip"': "Found the penalty 'clip' with the formulation 'ebgan', which forbids it. Use",
}


@pytest.mark.parametrize("options", BAD)
def test_a_suites_bad_choice_is_refused_with_what_is_needed(options: str, suite_file: Callable[..., Path]) -> None:
    with pytest.raises(BenchError) as raised:
        suite.load(suite_file(("width = 8", f"width = 8, {options}")))
    assert BAD[options] in str(raised.value)
    assert "gan" in str(raised.value)


def test_a_suites_choices_reach_the_variant_and_are_part_of_the_run(suite_file: Callable[..., Path]) -> None:
    plain = suite.load(suite_file()).runs[0]
    chosen = 'penalty = { name = "gradient", weight = 2 }, remedies = ["packing", "minibatch_stddev"]'
    run = suite.load(suite_file(("width = 8", f"width = 8, {chosen}"))).runs[0]
    variant = run.build_variant(run.build_dataset())
    assert (variant.penalty, variant.remedies) == (Gradient(weight=2), (Packing(), MinibatchStddev()))
    assert run.id != plain.id


def test_a_norm_is_one_of_three() -> None:
    assert get_args(DNorm) == ("batch", "layer", "none")


# An option behind a colon


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("datasets", "folder:faces", ("folder", {"path": "faces"})),
        ("datasets", "folder:C:/faces", ("folder", {"path": "C:/faces"})),
        ("datasets", "folder:2024", ("folder", {"path": "2024"})),  # a path, which looks like a number
        ("datasets", "mnist5k:16", ("mnist5k", {"size": 16})),
        ("datasets", "blobs:32", ("blobs", {"size": 32})),
        ("penalties", "clip:0.05", ("clip", {"limit": 0.05})),
        ("datasets", "mnist5k:large", ("mnist5k", {"size": "large"})),  # refused later, with what is needed
        ("datasets", "mnist5k", ("mnist5k", {})),
        ("datasets", "mine.py:Mine", ("mine.py:Mine", {})),
        ("datasets", "nowhere:faces", ("nowhere:faces", {})),
    ],
)
def test_what_stands_behind_a_colon_is_the_first_option(kind: str, name: str, expected: tuple[str, Any]) -> None:
    found = PluginSpec(name, {}, "here").written_out(kind)
    assert (found.name, found.options, found.beside) == (*expected, "here")
    assert found.written_out(kind) == found


def test_other_options_stay(tmp_path: Path) -> None:
    made = PluginSpec("ring8:5", {"sigma": 0.1})
    assert made.written_out("datasets").options == {"modes": 5, "sigma": 0.1}
    data = build("datasets", made)
    assert (data.spec.classes, data.mixture.sigma) == (5, 0.1)
    assert made.load("datasets") is type(data)


@pytest.mark.parametrize(
    ("kind", "made", "words"),
    [
        ("variants", PluginSpec("real:1"), "Found 'real:1', but real has no option that '1' could be. Write 'real'."),
        ("losses", PluginSpec("hinge:1"), "Found 'hinge:1', but hinge has no option that '1' could be. Write 'hinge'."),
        (
            "datasets",
            PluginSpec("folder:"),
            "Found 'folder:' without an option behind the colon. Give path, or write",
        ),
        (
            "datasets",
            PluginSpec("mnist5k:16", {"size": 8}),
            "Found 'mnist5k:16' and size = 8 in its options, but the one is the other. Leave one of them out.",
        ),
        (
            "datasets",
            PluginSpec("mnist5k:large"),
            "Option 'size' of mnist5k: found 'large'. Input should be a valid integer; the default is 32.",
        ),
    ],
)
def test_an_option_behind_a_colon_that_does_not_fit_is_refused(kind: str, made: PluginSpec, words: str) -> None:
    with pytest.raises(BadSuite) as raised:
        build(kind, made)
    assert words in str(raised.value)


def test_choices_take_it_too() -> None:
    assert choose("penalties", "clip:0.05") == Clip(limit=0.05)
    assert choose("remedies", {"name": "packing:3"}) == Packing(samples=3)


def takes_a_path(*, path: Path) -> Path:
    return path


@pytest.mark.parametrize(
    ("written", "expected"), [("faces", "/suites/faces"), ("../faces", "/suites/../faces"), ("/faces", "/faces")]
)
def test_a_path_begins_at_the_suites_folder(written: str, expected: str) -> None:
    assert configure(takes_a_path, PluginSpec("mine", {"path": written}, "/suites")) == {"path": Path(expected)}


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert configure(takes_a_path, PluginSpec("mine", {"path": "~/faces"}, "/suites")) == {
        "path": Path("/home/me/faces")
    }
    assert configure(takes_a_path, PluginSpec("mine", {"path": "faces"})) == {"path": Path("faces")}


def test_what_stands_before_the_star_is_no_option(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Mine:\n    def __init__(self, spec, width=8, *, depth=2): ...\n")
    with pytest.raises(BadSuite, match=r"'width' of mine.py:Mine is no option.*\(self, spec, \*, width=...\)"):
        build("variants", PluginSpec("mine.py:Mine", {"width": 9}, str(tmp_path)), None)
    with pytest.raises(UnknownName, match=r"No 'widht' among the options of mine.py:Mine"):
        build("variants", PluginSpec("mine.py:Mine", {"widht": 9}, str(tmp_path)), None)
