"""The answer claims no more than the seeds allow."""

from types import ModuleType
from typing import Any

import pytest

from ganbench.reports.formats.sentences import answer
from ganbench.reports.frames.chapter import Chapter, Report


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ({}, "wgan leads on ring8: Reverse KL 0.112 [0.087, 0.137], 3 seeds. Real data scores 0.000606"),
        ({"seeds": (0,)}, "wgan has the best Reverse KL on ring8: 0.101. One seed: no interval, so no claim"),
        ({"variants": ("gan",)}, "gan is the only variant with a score on ring8"),
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


def test_a_tie_is_called_a_tie(full: Any) -> None:
    sentence = answer(Chapter(Report(full), "mnist5k"))
    assert "No sure winner" in sentence and "wgan cannot be told from it" in sentence
