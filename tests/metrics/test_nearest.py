import pytest
import torch
from torch import Generator, Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ganbench.metrics import CPU, nearest
from ganbench.metrics.nearest import CHUNK, FEW, AllPairs, Cells, Tree, arranged


def all_pairs(points: Tensor) -> AllPairs:
    return AllPairs(points, CPU)


every = pytest.mark.parametrize("arrange", [Cells, Tree, all_pairs])


def clouds(n: int, seed: int) -> Tensor:
    """Ten clouds in 8 dimensions, of different spread."""
    g = Generator().manual_seed(seed)
    centres = torch.randn(10, 8, generator=Generator().manual_seed(0), dtype=torch.float64)
    k = torch.randint(10, (n,), generator=g)
    return centres[k] + (0.02 + 0.1 * k[:, None]) * torch.randn(n, 8, generator=g, dtype=torch.float64)


@every
@pytest.mark.parametrize("n", [1, 300, CHUNK + 7])
def test_the_nearest_are_those_of_all_distances(n, arrange):
    points, x = clouds(2_000, 1), clouds(n, 2)
    assert torch.cdist(x, points).argmin(1).equal(arrange(points).nearest(x))


@every
def test_points_far_from_all_find_theirs(arrange):
    points, x = clouds(500, 1), 50 * clouds(200, 2)
    assert torch.cdist(x, points).argmin(1).equal(arrange(points).nearest(x))


@every
def test_a_point_that_does_not_count_is_passed_over_but_its_copy_is_not(arrange):
    points = clouds(500, 1)
    points[7] = points[3]
    rows = torch.arange(500)
    away = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    found = arrange(points).nearest(points, but=rows)
    assert away.min(1).values.equal(away[rows, found]) and found[7] == 3 and found[3] == 7


@every
@pytest.mark.parametrize("m", [1, 2, 40])
def test_few_points_and_equal_ones_will_do(m, arrange):
    assert arrange(clouds(m, 1)).nearest(clouds(m, 1)).equal(torch.arange(m))
    assert arrange(torch.ones(m, 2, dtype=torch.float64)).nearest(torch.zeros(3, 2, dtype=torch.float64)).max() < m


def test_few_dimensions_are_a_trees_affair():
    assert isinstance(arranged(torch.zeros(3, FEW)), Tree) and isinstance(arranged(torch.zeros(3, FEW + 1)), Cells)


def test_a_gpu_looks_at_all_pairs_of_many_dimensions_mixes_no_devices_and_its_answer_comes_home(monkeypatch):
    """With tensors that have a device and shapes, and no values: an operation on two devices raises."""
    monkeypatch.setattr(nearest, "PAIRS", 300)  # five rows at a time
    cuda = torch.device("cuda")
    assert isinstance(arranged(torch.zeros(3, FEW), cuda), Tree)
    with FakeTensorMode(allow_non_fake_inputs=True):
        points = arranged(torch.empty(60, 8, dtype=torch.float64), cuda)
        assert points.points.device.type == "cuda"
        for but in (None, torch.arange(12)):
            found = points.nearest(torch.empty(12, 8, dtype=torch.float64), but)
            assert (found.shape, found.dtype, found.device) == ((12,), torch.int64, CPU)


def test_pieces_change_nothing(monkeypatch):
    points, x = clouds(300, 1), clouds(50, 2)
    whole = all_pairs(points).nearest(x, but=torch.arange(50))
    monkeypatch.setattr(nearest, "PAIRS", 7 * 300)
    assert all_pairs(points).nearest(x, but=torch.arange(50)).equal(whole)
