"""Questions are balanced, and pictures tell nothing but their pixels."""

import base64
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganbench.errors import BenchError
from ganbench.rating.pictures import DOTS, INK, Window, data_uri, image, scatter
from ganbench.rating.study import PRACTICE, Study, last_samples


def counted(study: Study, seed: int = 0) -> list[Any]:
    return [trial for trial in study.trials(seed) if not trial.practice and not trial.known]


def test_half_of_the_single_pictures_are_real_and_no_real_one_comes_twice(study: Study) -> None:
    single = [trial for trial in counted(study) if trial.kind == "real-or-fake"]
    reals = [trial.first for trial in single if trial.truth == "real"]
    assert len(single) == 12 and 4 <= len(reals) <= 8
    assert len(set(reals)) == len(reals)
    strips = {picture for pool in study.pools.values() for picture in pool.strip}
    assert not strips & set(reals)


def test_over_many_raters_real_and_fake_come_alike_at_every_position(study: Study) -> None:
    """Order tells nothing: a chi-squared of 12 positions would leave 0.38 to 0.62 once in a thousand."""
    orders = [[trial.truth == "real" for trial in study.trials(seed)[PRACTICE:17]] for seed in range(300)]
    assert np.all(np.abs(np.mean(orders, 0) - 0.5) < 0.15)


def test_every_pair_of_rows_comes_as_often_and_on_either_side(study: Study) -> None:
    pairs: Counter[frozenset[str]] = Counter()
    left: Counter[str] = Counter()
    for seed in range(200):
        for trial in counted(study, seed):
            if trial.second:
                assert trial.first.run[-1] == trial.second.run[-1], "of one seed"
                pairs[frozenset((trial.first.run[:-2], trial.second.run[:-2]))] += 1
                left[trial.first.run[:-2]] += 1
    assert len(pairs) == 6 and len(set(pairs.values())) == 1
    assert min(left.values()) > 0.8 * max(left.values())


def test_practice_and_known_answers_have_an_answer(study: Study) -> None:
    told = [trial for trial in study.trials(0) if trial.practice or trial.known]
    assert sum(trial.practice for trial in told) == 2 * PRACTICE
    assert all(trial.truth for trial in told)
    assert all(not trial.truth for trial in counted(study) if trial.second)


def test_the_same_seed_asks_the_same(study: Study) -> None:
    assert study.trials(7) == study.trials(7) != study.trials(8)


def test_pictures_of_a_dataset_are_of_one_length_whatever_they_show(study: Study) -> None:
    for pool in study.pools.values():
        shown = [pool.pixels(trial.first) for trial in study.trials(0) if trial.dataset == pool.dataset]
        assert len({(pixels.shape, len(data_uri(pixels))) for pixels in shown}) == 1
    black, noise = np.zeros((28, 28, 3), np.uint8), np.random.default_rng(0).integers(0, 256, (28, 28, 3), np.uint8)
    assert len(data_uri(image(black))) == len(data_uri(image(noise)))


def test_a_picture_holds_its_pixels_and_no_metadata(study: Study) -> None:
    pool = study.pools["digits"]
    raw = base64.b64decode(data_uri(pool.pixels(pool.strip[0])).partition(",")[2])
    with Image.open(BytesIO(raw)) as shown:
        assert shown.info == {} and shown.mode == "L"
        assert (np.asarray(shown) == pool.rows["digits-real-0"].samples[0, ..., 0]).all()


def test_points_are_dots_where_they_lie_and_none_outside() -> None:
    window = Window(np.array([0.0, 0.0]), np.array([1.0, 1.0]))
    found = scatter(np.array([[0.5, 0.25], [2.0, 0.5], [np.nan, 0.5]]), window)[..., 0]
    rows, columns = np.nonzero(found == INK)
    assert len(rows) == 9 and columns.mean() == 96 and rows.mean() == 191 - 48


def test_clouds_of_one_run_differ_and_are_the_same_every_time(study: Study) -> None:
    pool = study.pools["ring"]
    first, second = pool.unseen_reals()[:2]
    assert (pool.pixels(first) == pool.pixels(first)).all()
    assert (pool.pixels(first) != pool.pixels(second)).any()
    assert len(pool.rows["ring-real-0"].samples) > DOTS


def test_samples_of_the_last_checkpoint_are_shown(results: Callable[..., Any]) -> None:
    made = results()
    frames = np.zeros((3, 5, 8, 8, 1), np.uint8)
    frames[-1] = 7
    made.exhibits = lambda run: {"frames": frames} if run == "digits-good-0" else {}
    assert (last_samples(made, "digits-good-0") == 7).all()  # type: ignore[index]
    assert last_samples(made, "digits-good-1") is made.shown["digits-good-1"]


def test_the_key_knows_how_it_was_asked_and_what_stood_for_real(make_study: Callable[..., Study]) -> None:
    key = make_study().key
    assert make_study(trials=30).key == key
    assert make_study(limit=2.0).key != key
    assert make_study(datasets=("ring",)).key != key


def test_too_few_pictures_are_refused_with_a_number_that_works(make_study: Callable[..., Study]) -> None:
    with pytest.raises(BenchError, match=r"digits.*--trials (\d+)|ring.*--trials (\d+)") as error:
        make_study(trials=1_000)
    fewer = int(str(error.value).rpartition("--trials ")[2].rstrip("."))
    make_study(trials=fewer)


@pytest.mark.parametrize("left", [[], ["real"], ["good", "middling"]])
def test_results_without_samples_of_both_are_refused(
    make_study: Callable[..., Study], results: Callable[..., Any], left: list[str]
) -> None:
    made = results()
    made.shown = {run: samples for run, samples in made.shown.items() if any(name in run for name in left)}
    with pytest.raises(BenchError, match="samples of a variant beside real ones"):
        make_study(made)


def test_one_variant_can_be_real_or_fake_but_not_better(
    make_study: Callable[..., Study], results: Callable[..., Any]
) -> None:
    made = results()
    made.shown = {run: samples for run, samples in made.shown.items() if "real" in run or "good" in run}
    assert make_study(made, kinds=("real-or-fake",)).trials(0)
    with pytest.raises(BenchError, match="single variant"):
        make_study(made)


def test_a_dataset_that_is_not_there_is_named_with_those_that_are(make_study: Callable[..., Study]) -> None:
    with pytest.raises(BenchError, match=r"no finished run on mnist\. There are: digits, ring"):
        make_study(datasets=("mnist",))
