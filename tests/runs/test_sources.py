"""One reader for pictures, whoever asks for them, and ranges that leave nothing open."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data.folder import Folder
from ganbench.data.mixtures import Ring8
from ganbench.data.mnist import Mnist5k
from ganbench.data.pictures import list_pictures
from ganbench.errors import BadResults, DataMissing
from ganbench.runs.external import judge_external, score_table, spec_for
from ganbench.runs.sources import Range, fitting, read_samples
from ganbench.runs.spec import RunSpec

CPU = torch.device("cpu")
RING = spec_for("ring8", 500)
DIGITS = Mnist5k(size=16)


def test_images_are_taken_in_any_layout_and_padded_as_the_datasets_own():
    digits = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    expected = fitting(digits, DIGITS, "here")
    assert expected.equal(DIGITS.fit(torch.from_numpy(digits)[:, None] / 127.5 - 1)), "as ever, to the bit"
    assert expected.shape == (5, 1, 16, 16)
    assert fitting(digits[:, None], DIGITS, "here").equal(expected)
    assert fitting(digits[..., None], DIGITS, "here").equal(expected)
    torch.testing.assert_close(fitting(digits.astype(np.float32) / 127.5 - 1, DIGITS, "here"), expected)
    as_they_are = np.full((5, 16, 16), 255, np.uint8)
    assert fitting(as_they_are, DIGITS, "here").equal(torch.ones(5, 1, 16, 16))


def test_a_folder_is_read_by_name_and_what_is_corrupt_is_named_and_counted(tmp_path):
    for i in range(12):
        Image.fromarray(np.full((16, 16, 3), 20 * i, np.uint8)).save(tmp_path / f"{i:02}.png")
    like = spec_for("mnist5k:16", 12)
    assert like.build_dataset().spec.side == 16
    like = RunSpec.from_dict({**like.to_dict(), "metrics": ["confidence"]})
    ((_, _, _, x),) = judge_external([str(tmp_path)], "mine", like, CPU)
    assert torch.equal(((x[:, 0, 0, 0] + 1) * 127.5).round().sort().values, 20 * torch.arange(12.0))
    (tmp_path / "05.png").write_bytes(b"no picture")
    with pytest.raises(DataMissing, match=r"(?s)Of 12 images .* 1 cannot be read:\n  05\.png: .*--skip-corrupt"):
        judge_external([str(tmp_path)], "mine", like, CPU)
    ((_, _, _, x),) = judge_external([str(tmp_path)], "mine", like, CPU, skip_corrupt=True)
    assert len(x) == 11
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "05.png")
    with pytest.raises(
        BadResults, match=r"05\.png: Found images of shape \(1, 8, 8\), but this dataset's are \(1, 16, 16\)"
    ):
        judge_external([str(tmp_path)], "mine", like, CPU)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((5, 3), np.float32), r"shape \(5, 3\).*points are \(n, 2\) floats"),
        (np.zeros((5, 2), np.int64), "numbers of type int64"),
        (np.array([[0, 0], [np.nan, 1]], np.float32), "1 of 2 samples with numbers that are not finite"),
        (np.zeros((0, 2), np.float32), "no samples at all"),
    ],
)
def test_what_are_no_points_is_refused(samples, message):
    with pytest.raises(BadResults, match=message):
        fitting(samples, Ring8(), "here")


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((5, 3, 16, 16), np.float32), r"\(n, 1, height, width\)"),
        (np.zeros((5, 16, 12), np.uint8), r"shape \(1, 16, 12\)"),
        (np.full((5, 16, 16), 255.0), "pixels from 255 to 255"),
        (np.zeros((5, 20, 20), np.uint8), r"\(1, 20, 20\)"),
    ],
)
def test_what_are_no_images_of_this_dataset_is_refused(samples, message):
    with pytest.raises(BadResults, match=message):
        fitting(samples, DIGITS, "here")


def test_other_sources_are_refused_with_words(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    np.savez(tmp_path / "two.npz", a=np.zeros((3, 2)), b=np.zeros((3, 2)))
    (tmp_path / "list.py").write_text("def draw(n):\n    return [1, 2]\n")
    for source, message in [
        ("nowhere", "is no folder, no .npy"),
        (f"{tmp_path}/empty", "holds 0 images"),
        (f"{tmp_path}/bad.npy", "cannot be read"),
        (f"{tmp_path}/two.npz", "holds a, b"),
        (f"{tmp_path}/list.py:draw", "returned a list"),
        ("no_such_module:draw", "ModuleNotFoundError"),
    ]:
        with pytest.raises(BadResults, match=message):
            judge_external([source], "mine", RING, CPU)


# One reader


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """The same 160 pictures of 24 x 16 pixels in folders that store them in different ways; `data`: with splits."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    turned = Image.Exif()
    turned[0x0112] = 6  # stored on its side
    for i in range(160):
        pixels = rng.integers(0, 256, (4, 6), np.uint8).repeat(4, 0).repeat(4, 1)
        pixels[:, 4:8] = 255  # what lies where one of them is transparent
        through = np.full_like(pixels, 255)
        through[:, 4:8] = 0
        clear = np.stack([np.where(through, pixels, 0).astype(np.uint8)] * 3 + [through], 2)
        stored = {
            "plain": pixels, "deep": pixels.astype(np.uint16) * 257, "clear": clear,
            "turned": np.ascontiguousarray(np.rot90(pixels)), "hidden": pixels,
            f"data/{'train' if i < 60 else 'valid' if i < 80 else 'test'}": pixels,
        }  # fmt: skip
        for way, array in stored.items():
            (folder / way).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(folder / way / f"{i:03}.png", exif=turned if way == "turned" else None)
    (folder / "hidden" / ".thumbnails").mkdir()
    Image.new("L", (16, 16)).save(folder / "hidden" / ".thumbnails" / "a.png")
    (folder / "hidden" / "._000.png").write_bytes(b"what another system keeps beside a file")
    return folder


@pytest.mark.parametrize("way", ["deep", "clear", "turned", "hidden"])
def test_what_is_judged_is_read_as_what_is_trained_on(pictures, way):
    """Also larger pictures, and wide ones: the dataset crops and resizes them, and so does whoever judges them."""
    like = spec_for(f"folder:{pictures / 'plain'}", 200)
    data = Folder(path=pictures / way, size=16)
    plain = read_samples(str(pictures / "plain"), Folder(path=pictures / "plain", size=16), like, CPU).x
    judged = read_samples(str(pictures / way), Folder(path=pictures / "plain", size=16), like, CPU).x
    assert judged.equal(plain) and len(judged) == 160
    trained = torch.cat([data.train().x, data.reference("validation").x, data.reference("test").x])
    order = [data._dealt.names.index(name) for name in list_pictures(pictures / way).names]
    assert judged.equal(trained[order])


@pytest.mark.parametrize("way", ["deep", "clear", "turned", "hidden"])
def test_the_fid_does_not_know_how_pictures_are_stored(pictures, way):
    like = spec_for(f"folder:{pictures / 'data'}", 160)
    like = RunSpec.from_dict({**like.to_dict(), "metrics": ["fid"]})
    values = score_table(judge_external([str(pictures / one) for one in ("plain", way)], "mine", like, CPU))["value"]
    assert values[0] == values[1]


def test_an_array_of_larger_pictures_is_resized_as_their_files_are(pictures):
    like, data = spec_for(f"folder:{pictures / 'plain'}", 200), Folder(path=pictures / "plain", size=8)
    files = list_pictures(pictures / "plain").names
    arrays = np.stack([np.asarray(Image.open(pictures / "plain" / name).convert("RGB")) for name in files])
    expected = read_samples(str(pictures / "plain"), data, like, CPU).x
    assert fitting(arrays, data, "here").equal(expected)
    assert fitting((arrays / 127.5 - 1).astype(np.float32), data, "here").equal(expected)


# Ranges


BRIGHT = np.random.default_rng(0).random((5, 16, 16), np.float32)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (BRIGHT, r"floats up to 1, and none below .*--range 0\.\.1; .*--range -1\.\.1"),
        (BRIGHT.round().astype(np.uint8), r"bytes up to 1, and none below 0\. .*--range 0\.\.1; .*--range 0\.\.255"),
        (BRIGHT - 0.5, r"floats up to 0\.5, and real .* black is -0\.5 .*--range -0\.5\.\.0\.5; .* -1\.\.1"),
        (BRIGHT - 1, r"floats up to -0.* white is 0, say --range -1\.\.0; "),
        ((16 * BRIGHT).round().astype(np.uint8), r"bytes up to 16, and real.*--range 0\.\.16; .*--range 0\.\.255"),
        (255 * BRIGHT, r"lie in \[-1, 1\]\..* such as --range 0\.\.255"),
        ((255 * BRIGHT).astype(int), r"numbers of type int64\..* say the range, such as --range 0\.\.255"),
        (BRIGHT * 255, r"pixels from .*, but they are to lie in \[-1, 1\]"),
        (1.2 * BRIGHT - 0.4, None),
        (np.ones_like(BRIGHT), r"floats up to 1, and none below 1"),
    ],
)
def test_numbers_that_may_mean_two_things_are_asked_about(found, message):
    if message is None:
        assert fitting(found, DIGITS, "here").equal(torch.from_numpy(found)[:, None])
        return
    with pytest.raises(BadResults, match=message):
        fitting(found, DIGITS, "here")


@pytest.mark.parametrize("span", ["0..1", "-1..1", "0..255", "-0.5..1.5"])
def test_a_range_says_what_is_black_and_what_is_white(span):
    low, high = Range.read(span)
    expected = torch.from_numpy(2 * BRIGHT - 1)[:, None]
    torch.testing.assert_close(fitting(low + (high - low) * BRIGHT, DIGITS, "here", Range(low, high)), expected)
    bits = BRIGHT.round()
    whole = (low + (high - low) * bits).astype(np.int64)
    if (whole == low + (high - low) * bits).all():
        assert fitting(whole, DIGITS, "here", Range(low, high)).equal(torch.from_numpy(2 * bits - 1)[:, None])


def test_a_folder_of_pictures_that_are_almost_black_is_asked_about(tmp_path):
    bits = BRIGHT.round()
    for i, image in enumerate(bits.astype(np.uint8)):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    with pytest.raises(BadResults, match=r"no pixel above 1 of 255.*--range 0\.\.1"):
        read_samples(str(tmp_path), DIGITS, RING, CPU)
    stretched = read_samples(str(tmp_path), DIGITS, RING, CPU, span=Range(0, 1)).x
    assert stretched.equal(torch.from_numpy(2 * bits - 1)[:, None])
    assert read_samples(str(tmp_path), DIGITS, RING, CPU, span=Range(0, 255)).x.max() < -0.99


@pytest.mark.parametrize("text", ["1..0", "0-1", "..1", "0..", "a..b", "0..inf", "nan..1"])
def test_a_range_is_two_numbers(text):
    with pytest.raises(BadResults, match=r"it needs two numbers and dots between them: 0\.\.1"):
        Range.read(text)


def test_points_have_no_range():
    with pytest.raises(BadResults, match="of no range"):
        fitting(np.zeros((5, 2), np.float32), Ring8(), "here", Range(0, 1))
