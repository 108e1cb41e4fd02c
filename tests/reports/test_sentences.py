"""The answer claims no more than the seeds allow."""

from types import ModuleType
from typing import Any

import pytest

from ganbench.reports.formats.sentences import answer
from ganbench.reports.frames.chapter import Chapter, Report


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ({}, "wgan leads on ring8: Reverse KL 0.111 [0.08"),
        ({"seeds": (0,)}, "wgan has the best Reverse KL on ring8: 0.101. One seed: no interval, so no claim"),
        (
            {"variants": ("gan",)},
            "Nothing on ring8 is surely better than the controls mode_dropper and noise. gan is the only variant with",
        ),
        ({"variants": ()}, "No variant was run on ring8, only controls."),
        (
            {"seeds": (0,), "variants": ("gan",), "diverged": [("ring8", "gan", 0)]},
            "No variant has a score on ring8: 1 of 1 run failed.",
        ),
    ],
)
def test_the_answer_claims_no_more_than_the_seeds_allow(
    synthetic: ModuleType, made: dict[str, Any], wanted: str
) -> None:
    results = synthetic.make(datasets=("ring8",), **made)
    assert answer(Chapter(Report(results), "ring8")).startswith(wanted)


def test_a_tie_is_called_a_tie_with_what_would_decide_it(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("mnist5k",))
    own = (results.scores["metric"] == "fid") & (results.scores["label"] == "wgan")
    results.scores.loc[own, "value"] -= 1.5
    sentence = answer(Chapter(Report(results), "mnist5k"))
    assert "No sure winner on mnist5k: dcgan has the best mean: FID 9.2" in sentence
    assert "; better than 1 of 2; wgan needs about" in sentence and "more seeds." in sentence
