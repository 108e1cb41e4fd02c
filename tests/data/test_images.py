import pytest
import torch

from ganbench.data.images import describe, to_images, to_size
from ganbench.data.mnist import Mnist5k
from ganbench.errors import BadResults


def pixels(*shape: int) -> torch.Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_bytes_fill_the_range_from_minus_one_to_one():
    stored = torch.tensor([[[[0, 255], [51, 102]]]], dtype=torch.uint8)
    torch.testing.assert_close(to_images(stored, 2), torch.tensor([[[[-1.0, 1.0], [-0.6, -0.2]]]]))


def test_a_rim_is_paper_and_ink_stays_ink_when_resized():
    stored = pixels(3, 28, 28)
    padded = to_images(stored, 32, rim=2)
    assert padded[..., 2:30, 2:30].equal(to_images(stored, 28, rim=2))
    assert (padded[..., :2, :] == -1).all()
    ink = to_images(torch.full((1, 28, 28), 255, dtype=torch.uint8), 16, rim=2)
    assert ink[..., 2:14, 2:14].eq(1).all()


def test_channels_are_resized_each_for_itself():
    stored = pixels(5, 3, 32, 32)
    whole = to_images(stored, 16)
    assert whole.shape == (5, 3, 16, 16)
    for channel in range(3):
        torch.testing.assert_close(whole[:, channel : channel + 1], to_images(stored[:, channel], 16))


def test_halving_averages_what_falls_into_a_pixel():
    """A checkerboard as fine as the pixels becomes an even grey: no pixel is skipped."""
    board = ((torch.arange(32)[:, None] + torch.arange(32)) % 2 * 255).to(torch.uint8)
    assert to_images(board[None], 16)[..., 2:-2, 2:-2].abs().max() < 0.01


def test_many_images_are_made_as_few_are():
    stored = pixels(5003, 4, 4)
    assert to_images(stored, 8)[-5:].equal(to_images(stored[-5:], 8))
    assert to_images(stored[:0], 8).shape == (0, 1, 8, 8)


@pytest.mark.parametrize(
    ("side", "size", "rim", "words"),
    [
        (28, 28, 2, "28 as stored"),
        (28, 32, 2, "28 padded to 32"),
        (28, 8, 2, "28 padded to 32, antialiased to 8"),
        (32, 32, 0, "32 as stored"),
        (32, 64, 0, "32 antialiased to 64"),
    ],
)
def test_what_is_done_is_said_in_words(side, size, rim, words):
    assert describe(side, size, rim) == words
    assert to_images(pixels(1, side, side), size, rim).shape[-1] == size


def test_images_from_elsewhere_are_treated_as_the_datasets_own():
    data = Mnist5k(size=16)
    own = data.train().x[:4]
    stored = Mnist5k(size=28).train().x[:4]
    assert data.fit(stored).equal(own)
    assert data.fit(stored).equal(to_size(stored, 16, rim=2))
    assert data.fit(own).equal(own)
    with pytest.raises(BadResults, match=r"\(1, 20, 20\)"):
        data.fit(torch.zeros(1, 1, 20, 20))
