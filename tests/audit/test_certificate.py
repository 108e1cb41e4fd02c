"""The shipped certificate says what the checks say, and the checks can tell good metrics from bad ones."""

from pathlib import Path

import numpy as np
import pytest

from ganbench.audit.certificate import certify, leads
from ganbench.audit.sanity import SETTINGS, checks, judge_check
from ganbench.metrics.memorisation import authenticity, ct
from ganbench.reports.formats.certificate import copies, markdown, verdicts

CHECKS = {check.title: check for check in checks()}
QUICK = ["precision", "recall", "density", "coverage", "clipped_density", "clipped_coverage"]
DISTANCES = ["fid", "fid_unbiased", "kid"]
SHIPPED = Path(__file__).parents[2] / "docs" / "certificate.md"


def shipped() -> dict[str, dict[str, str]]:
    """The table of docs/certificate.md: check -> metric -> verdict."""
    head, _, *rows = [line.strip("| ").split(" | ") for line in SHIPPED.read_text().splitlines() if line[:1] == "|"]
    names = [name.strip("`") for name in head[1:]]
    return {
        row[0]: dict(zip(names, row[1:], strict=True)) for row in rows if len(row) == len(head) and row[0] in CHECKS
    }


def test_every_check_is_in_the_certificate_that_ships():
    assert list(shipped()) == list(CHECKS) and len(CHECKS) == 38
    assert all(set(row) == {*QUICK, *DISTANCES, "prd_f8", "prd_f1_8"} for row in shipped().values())


@pytest.mark.parametrize(
    "title",
    ["modes dropped or invented", "spheres of other radii, 2 d", "means apart, an outlier, of real, 8 d",
     "modes drop one by one, 8 d", "spreads apart, 8 d"],
)  # fmt: skip
def test_the_certificate_that_ships_is_what_the_checks_say(title):
    quick = [*QUICK, "fid", "fid_unbiased"]
    found = certify(lambda _: None, some=[CHECKS[title]], names=quick)
    assert {verdict.metric: verdict.word for verdict in found.verdicts} == {
        name: shipped()[title][name] for name in quick
    }


def test_what_the_paper_and_the_authors_of_clipping_found_is_found_here():
    """An outlier of the reference spoils precision and density, and not those whose balls are clipped."""
    words = shipped()
    outlier = words["means apart, an outlier, of real, 1 d"]
    assert all(outlier[name].startswith("fail") for name in ("precision", "density"))
    assert all(outlier[name] == "pass" for name in ("clipped_density", "clipped_coverage"))
    assert "pass" not in words["one direction of many apart"].values(), "all are Euclidean"
    passed = {name: sum(row[name] == "pass" for row in words.values()) for name in outlier if name not in DISTANCES}
    assert sorted(passed, key=passed.__getitem__)[-1] == "clipped_density" and max(passed.values()) < len(words)


def test_distances_see_what_moves_and_not_what_is_scaled():
    words = shipped()
    for name in DISTANCES:
        assert words["means apart, 8 d"][name] == words["modes drop one by one, 8 d"][name] == "pass"
        assert words["a direction is scaled"][name] == "fail: flat"


def test_no_copy_of_the_training_set_leads_by_a_metric_that_claims_to_see_copies():
    found = certify(lambda _: None, some=[])
    assert set(found.copies) == {"authenticity", "ct"}
    assert set(copies(found)["copies do not lead"]) == {"pass"}
    assert abs(found.copies["ct"].new) < 3 and found.copies["ct"].copied < -10
    assert not leads(authenticity, 0.6, 0.0) and leads(authenticity, 0.3, 0.9) and not leads(ct, 0, 9)


@pytest.mark.parametrize(
    ("title", "aspect", "values", "failed"),
    [
        ("means apart, 8 d", "fidelity", [0, 0, 0.6, 1, 0.6, 0, 0], []),
        ("means apart, 8 d", "fidelity", [0, 0, 0.6, 0.8, 0.6, 0, 0], ["same"]),
        ("means apart, 8 d", "fidelity", [0, 0, 0.6, 1, 0.9, 0.9, 0.9], ["far off", "bell"]),
        ("means apart, 8 d", "fidelity", [0.5, 1.2, 1.2, 1, 1.2, 0.5, 0.5], ["far", "far off", "bell"]),
        ("modes fade together, 8 d", "diversity", [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.1], []),
        ("modes fade together, 8 d", "diversity", [1, 1, 1, 1, 1, 1, 0.1], ["falling"]),
        ("modes fade together, 8 d", "fidelity", [1, 1, 1, 0.97, 1, 1, 1], []),
        ("modes fade together, 8 d", "fidelity", [1, 1, 1, 0.9, 1, 1, 1], ["flat"]),
        ("a torus around a ball, real ball", "diversity", [0.3, 0.1, 0, 0, 0, 0, 0], []),
        ("a torus around a ball, real ball", "diversity", [0, 0, 0, 0, 0.1, 0.2, 0.4], ["settled", "apart"]),
        ("spreads apart, 8 d", "diversity", [0, 0.1, 0.5, 1, 1, 1, 1], []),
        ("spreads apart, 8 d", "diversity", [0, 0.1, 0.5, 1, 0.5, 0.1, 0], []),
        ("spreads apart, 8 d", "diversity", [0, 0.1, 0.5, 1, 0.6, 0.5, 0.5], ["wide"]),
        ("means apart, 8 d", "distance", [90, 40, 10, 0.1, 10, 40, 50], []),
        ("means apart, 8 d", "distance", [90, 40, 10, 9, 10, 40, 90], ["same"]),
        ("means apart, 8 d", "distance", [90, 40, 10, 0.1, 10, 40, 5], ["growing"]),
        ("means apart, 8 d", "distance", [0, 0, 0, 0, 0, 0, 0], ["growing"]),
        ("spreads apart, 8 d", "distance", [1, 0.9, 0.5, -0.01, 3, 90, 9_000], []),
        ("modes fade together, 8 d", "distance", [-0.01, 0.1, 0.09, 0.5, 0.7, 0.8, 1], []),
        ("a direction is scaled", "distance", [36, 36.4, 36, 35, 36, 36, 36], []),
        ("a direction is scaled", "distance", [36, 36, 36, 36, 40, 400, 4_000], ["flat"]),
        ("a torus around a ball, real ball", "distance", [90, 80, 60, 50, 51, 52, 51], []),
        ("a torus around a ball, real ball", "distance", [90, 80, 60, 50, 40, 30, 20], ["settled"]),
        ("spreads apart, 8 d", "fidelity", [1, 1, 1, np.nan, 0.5, 0.1, 0], ["same", "narrow", "wide", "falling"]),
    ],
)  # fmt: skip
def test_a_verdict_names_what_does_not_hold(title, aspect, values, failed):
    assert judge_check(CHECKS[title], "mine", aspect, np.array(values, dtype=float)).failed == failed


def test_checks_draw_what_they_say():
    for check in CHECKS.values():
        assert len(check.settings) == SETTINGS and set(check.right) == {"fidelity", "diversity", "distance"}
    rng = np.random.default_rng(0)
    real, samples = CHECKS["spheres of other radii, 16 d"].draw(0.4, rng)
    assert np.linalg.norm(real, axis=1) == pytest.approx(1) and np.linalg.norm(samples, axis=1) == pytest.approx(0.4)
    ball, torus = CHECKS["a torus around a ball, real ball"].draw(2_000, rng)
    assert np.linalg.norm(ball, axis=1).max() <= 0.8 < np.linalg.norm(torus, axis=1).min()
    cube, other = CHECKS["cubes that overlap by a fifth, of both sizes, 8 d"].draw(4_000, rng)
    assert (other < 1).all(1).mean() == pytest.approx(0.2, abs=0.03) and cube.max() < 1
    modes, left = CHECKS["modes drop one by one, 1 d"].draw(4, rng)
    assert modes.max() > 9 and left.max() < 6.5
    real, samples = CHECKS["means apart, an outlier, of samples, 8 d"].draw(-3, rng)
    assert (len(real), len(samples)) == (1_000, 1_001) and (samples[-1] == 3).all()


def test_the_certificate_is_a_table_of_all_that_was_checked():
    found = certify(lambda _: None, some=[CHECKS["modes dropped or invented"]], names=["recall", "coverage"])
    frame = verdicts(found)
    assert list(frame["check"]) == ["modes dropped or invented", "passed"] and set(frame) == {
        "check",
        "recall",
        "coverage",
    }
    assert "`recall`" in markdown(found)
