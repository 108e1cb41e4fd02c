import pytest
import torch
from torch import Generator, Tensor

from ganbench.metrics.nearest import CHUNK, FEW, Cells, Tree, arranged

both = pytest.mark.parametrize("arrange", [Cells, Tree])


def clouds(n: int, seed: int) -> Tensor:
    """Ten clouds in 8 dimensions, of different spread."""
    g = Generator().manual_seed(seed)
    centres = torch.randn(10, 8, generator=Generator().manual_seed(0), dtype=torch.float64)
    k = torch.randint(10, (n,), generator=g)
    return centres[k] + (0.02 + 0.1 * k[:, None]) * torch.randn(n, 8, generator=g, dtype=torch.float64)


@both
@pytest.mark.parametrize("n", [1, 300, CHUNK + 7])
def test_the_nearest_are_those_of_all_distances(n, arrange):
    points, x = clouds(2_000, 1), clouds(n, 2)
    assert torch.cdist(x, points).argmin(1).equal(arrange(points).nearest(x))


@both
def test_points_far_from_all_find_theirs(arrange):
    points, x = clouds(500, 1), 50 * clouds(200, 2)
    assert torch.cdist(x, points).argmin(1).equal(arrange(points).nearest(x))


@both
def test_a_point_that_does_not_count_is_passed_over_but_its_copy_is_not(arrange):
    points = clouds(500, 1)
    points[7] = points[3]
    rows = torch.arange(500)
    away = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    found = arrange(points).nearest(points, but=rows)
    assert away.min(1).values.equal(away[rows, found]) and found[7] == 3 and found[3] == 7


@both
@pytest.mark.parametrize("m", [1, 2, 40])
def test_few_points_and_equal_ones_will_do(m, arrange):
    assert arrange(clouds(m, 1)).nearest(clouds(m, 1)).equal(torch.arange(m))
    assert arrange(torch.ones(m, 2, dtype=torch.float64)).nearest(torch.zeros(3, 2, dtype=torch.float64)).max() < m


def test_few_dimensions_are_a_trees_affair():
    assert isinstance(arranged(torch.zeros(3, FEW)), Tree) and isinstance(arranged(torch.zeros(3, FEW + 1)), Cells)
