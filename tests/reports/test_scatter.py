"""The scatter over seeds beside that over redrawn samples."""

import math
from types import ModuleType

import pandas as pd
import pytest

from ganbench.reports.frames.scatter import seeds_over_samples
from ganbench.reports.html import page


def test_the_ratio_is_the_median_of_the_variants_with_two_seeds() -> None:
    values = {"a": [1.0, 3.0], "b": [5.0, 5.0], "c": [0.0, 6.0], "alone": [9.0], "noise": [0.0, 90.0]}
    rows = [(label, value, 0.5, label == "noise") for label, own in values.items() for value in own]
    scores = pd.DataFrame(rows, columns=["label", "value", "stderr", "control"])
    assert seeds_over_samples(scores) == pytest.approx(math.sqrt(2) / 0.5)
    assert math.isnan(seeds_over_samples(scores.assign(stderr=0.0)))
    assert math.isnan(seeds_over_samples(scores.iloc[:0]))


def test_the_page_says_it(synthetic: ModuleType) -> None:
    source = page.render(synthetic.make(datasets=("mnist5k",)))
    assert "times as much as over redrawn samples of one run" in source
    assert "All seeds share one training set" in source
