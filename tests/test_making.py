"""A name, or a table of a name and options, becomes a value; what is wrong with it is said in a sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from ganbench import suite
from ganbench.errors import BadSuite, BenchError, UnknownName
from ganbench.losses import hinge
from ganbench.making import Made, choose, configure
from ganbench.penalties import R1, Clip, Gradient, none
from ganbench.remedies import MinibatchStddev, Packing
from zoo.gan import GAN
from zoo.parts import DNorm


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
            "Option 'margin' of ebgan: found 'wide'. Input should be a valid number; the default is 1.0.",
        ),
        (
            "losses",
            {"name": "ebgan", "codes": 2.5},
            BadSuite,
            "Option 'codes' of ebgan: found 2.5. Input should be a valid integer; the default is 32.",
        ),
        ("penalties", {"name": "clip", "limit": -1}, BadSuite, "Found limit = -1.0, but weights need room"),
        ("remedies", {"name": "unrolling", "steps": -1}, BadSuite, "Found steps = -1, but G looks 0 or more"),
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
    made = Made("gan", {"penalty": {"name": "mine.py:Mine", "strength": 5}}, str(tmp_path))
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
    assert configure(GAN, Made("gan", options)) == {
        "loss": hinge,
        "penalty": R1(gamma=3.0),
        "remedies": (MinibatchStddev(), Packing(samples=4)),
        "betas": (0.5, 0.9),
        "lr": 1.0,
    }


# In a suite

BAD = {
    'loss = "hing"': "No 'hing' among the losses. Did you mean 'hinge'?",
    "loss = 3": "found 3. It must be a name, or a table of a name and options; the default is 'nonsaturating'.",
    "loss = { margin = 1 }": "Found {'margin': 1} among the losses, but it needs a `name`: ebgan,",
    'loss = { name = "ebgan", margin = "x" }': "Option 'margin' of ebgan: found 'x'. Input should be a valid number",
    'penalty = "gradent"': "No 'gradent' among the penalties. Did you mean 'gradient'?",
    "penalty = 0.05": "found 0.05. It must be a name, or a table of a name and options; the default is 'none'.",
    'penalty = ["clip"]': "found ['clip']. It must be a name, or a table of a name and options",
    'penalty = { name = "clip", size = 1 }': "No 'size' among the options of clip. There are: limit.",
    'remedies = "packing"': "found 'packing'. Input should be a valid array; the default is ().",
    'remedies = ["paking"]': "No 'paking' among the remedies. Did you mean 'packing'?",
    "remedies = [3]": "found [3]. It must be a name, or a table of a name and options",
    'remedies = [{ name = "packing", samples = 2.5 }]': "Option 'samples' of packing: found 2.5. Input should be",
    'remedies = [{ name = "packing", samples = 3 }]': "Found a batch of 64, which packs of 3 do not fill. Change",
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
