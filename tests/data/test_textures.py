"""Textures are the same every time, of all sizes and kinds."""

import pytest
import torch

from ganbench.data.textures import KINDS, Textures


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 64])
def test_textures_are_in_range_and_of_ten_kinds(channels: int, size: int) -> None:
    x, y, _ = Textures(size=size, channels=channels, images=300).train()
    assert x.shape == (300, channels, size, size) and x.dtype == torch.float32
    assert x.abs().max() <= 1
    assert y.bincount().tolist() == [30] * KINDS
    assert x.flatten(1).std(1).min() > 0, "none is blank"


def test_more_images_begin_with_the_same_and_uses_share_none() -> None:
    data = Textures(size=8, images=150)
    few, more = data.fresh("test", 120), data.fresh("test", 250)
    assert few.x.equal(more.x[:120]) and few.y.equal(more.y[:120])
    drawn = torch.cat([data.train().x, more.x, data.fresh("validation", 100).x])
    assert len(drawn.unique(dim=0)) == len(drawn)
