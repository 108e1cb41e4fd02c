"""A mixture of Gaussians drawn as small images, one spot of light for each point.

So modes can be counted, and quality and shares are exact, for architectures that know only images too. What a spot
says is where it is: samples are read back into points, and images that are not one clean spot lie near no mode.
The dataset is this project's own.
"""

from typing import Literal

import torch
from torch import Tensor

from ganbench.data import Split, Use
from ganbench.data.domains import IMAGES
from ganbench.data.mixtures import MixtureDataset, ring
from ganbench.errors import BadSuite
from ganbench.plugins.spec import Few, Length, Samples
from ganbench.variant import Batch, DataSpec

SPOT = 0.15  # width of a spot: the standard deviation of its light, where the image is 2 wide
MISFIT = 0.3  # of an image from the spot that it is read as, at most; see `read_spots`
NOWHERE = 10.0  # both coordinates of what is no spot

FLOOR = 0.1  # light below it does not count when the centre is sought, so that a pale background cannot draw it away
CORRECTIONS = 8  # of the centre; real data need 4 to come within 0.001 pixels
CHUNK = 1000  # images read at once


class Blobs(MixtureDataset):
    """Images of one bright spot each, whose centres are a ring of Gaussian modes.

    The image shows the square [-1, 1]^2, x to the right and y upwards: at a distance of d from the centre a pixel is
    -1 + 2 * exp(-d^2 / (2 * 0.15^2)). By default high quality, within 3 sigma of a mode, asks a generator to put a
    spot right to 0.09, which is 0.72 of 16 pixels. Labels are modes.

    Raises BadSuite if an option is out of range, neighbours would merge, or spots would leave the image.
    """

    def __init__(
        self,
        *,
        size: Literal[8, 16, 32, 64] = 16,  # pixels in a row; spots look the same at all sizes
        modes: Few = 8,
        radius: Length = 0.6,  # of the ring, in an image from -1 to 1
        sigma: Length = 0.03,  # of each mode, in the units of the radius
        points: Samples = 20_000,  # images in the training split
        other: Literal["rotated", "negative"] = "rotated",  # second domain; rotated: by 90 degrees
    ):
        check_inside(radius, sigma)
        cure = "Use fewer modes, more radius or less sigma."
        super().__init__(ring(modes, radius), sigma, points, IMAGES[other], cure)
        self.spec = DataSpec((1, size, size), classes=modes)
        self.preprocessing = (
            f"points drawn as spots of width {SPOT:g} in {size} x {size} pixels, read back up to a misfit of {MISFIT:g}"
        )

    def locate(self, x: Tensor) -> Tensor:
        """Read the centres of spots in images (n, 1, size, size) -> (n, 2); (10, 10) is what is not one clean spot."""
        places = []
        for images in torch.split(x, CHUNK):
            centres, misfit = read_spots(images)
            # Written so that an image with a NaN is no spot.
            places.append(torch.where((misfit <= MISFIT)[:, None], centres, NOWHERE))
        return torch.cat(places)

    def _draw(self, use: Use, split: Split | Literal[""], n: int) -> Batch:
        batch = super()._draw(use, split, n)
        return batch._replace(x=draw_spots(batch.x, self.spec.side))


def check_inside(radius: float, sigma: float) -> None:
    """Raise BadSuite unless a spot 3 sigma outside the ring is a spot's width from the edge, and so can be read."""
    reach = radius + 3 * sigma + SPOT
    if reach > 1:
        raise BadSuite(
            f"Found radius = {radius!r} and sigma = {sigma!r}: spots reach {reach:.3g} from the centre, and the "
            f"image ends at 1. Use less radius or less sigma, so that radius + 3 sigma is at most {1 - SPOT:g}."
        )


def draw_spots(centres: Tensor, size: int) -> Tensor:
    """Draw one spot at each of (n, 2) centres -> images (n, 1, size, size) in [-1, 1], of the centres' type."""
    return 2 * _light(centres, size).unsqueeze(1) - 1


def read_spots(images: Tensor) -> tuple[Tensor, Tensor]:
    """Find the one spot that images (n, 1, size, size) may show -> its centre (n, 2), and how badly it fits (n,).

    The centre is the centroid of the light. Pixels, the floor and the image's edge draw it aside a little; so the spot
    at that centre is drawn, and its own centroid says by how much. It is right to 0.001 pixels for drawn spots.

    The misfit is the root of the squared differences between the image and that spot, as a share of the spot's own
    root of squares: 0 for a drawn spot, 1 for darkness. MISFIT = 0.3 lets pass brightness of 0.7 to 1.3, a width of
    0.8 to 1.2 times the right one, light of 0.03 everywhere, or a second spot with an eighth of the light, none of
    which moves the centre by a default sigma: all that looks like one spot, and nothing smeared or doubled. Little
    hangs on the very number: of a small DCGAN's images 34 % were of high quality with a limit of 0.2, 41 % with 0.3
    and 46 % with 0.5; the others were torn, dark, or between the modes.
    """
    light = (images.squeeze(1) + 1) / 2
    size = light.shape[-1]
    drawn_aside = centres = _centroid(light)
    for _ in range(CORRECTIONS):
        centres = centres + drawn_aside - _centroid(_light(centres, size))
    spot = _light(centres, size)
    misfit = torch.linalg.vector_norm(light - spot, dim=(1, 2)) / torch.linalg.vector_norm(spot, dim=(1, 2))
    return centres, misfit


def _light(centres: Tensor, size: int) -> Tensor:
    """Spots at (n, 2) -> (n, size, size) light: 0 is dark, 1 the middle of a spot."""
    middles = _middles(size, centres)
    x, y = ((middles - centre.unsqueeze(1)) / SPOT for centre in centres.unbind(1))
    return (-y.flip(1).square() / 2).exp().unsqueeze(2) * (-x.square() / 2).exp().unsqueeze(1)


def _centroid(light: Tensor) -> Tensor:
    """(n, size, size) light -> (n, 2); the centre of the image if all is dark."""
    light = (light - FLOOR).clamp(min=0)
    columns, rows, middles = light.sum(1), light.sum(2), _middles(light.shape[-1], light)
    total = columns.sum(1).clamp(min=1e-12)
    return torch.stack([columns @ middles, rows.flip(1) @ middles], 1) / total.unsqueeze(1)


def _middles(size: int, like: Tensor) -> Tensor:
    """The coordinates of `size` pixels in a row: (size,) in (-1, 1), of the type of `like`."""
    return (2 * torch.arange(size, device=like.device, dtype=like.dtype) + 1) / size - 1
