import json
import os
import shutil
from hashlib import sha256
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data import dealing, folder, pictures
from ganbench.data.folder import Folder
from ganbench.errors import BadSuite, DataMissing
from ganbench.plugins.spec import PluginSpec, build

SHAPE = (3, 8, 8)


def paint(path: Path, grey: int, size: tuple[int, int] = (8, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).save(path)


@pytest.fixture
def images(tmp_path):
    """A hundred images; the grey of each is its number."""
    for number in range(100):
        paint(tmp_path / "images" / f"{number:03}.png", number)
    return tmp_path / "images"


def greys(x: torch.Tensor) -> list[int]:
    return ((x.mean((1, 2, 3)) + 1) * 127.5).round().int().tolist()


# Names


def test_splits_are_disjoint_whole_and_about_80_10_10(images):
    data = Folder(path=images, size=8)
    parts = [greys(batch.x) for batch in (data.train(), data.reference("validation"), data.reference("test"))]
    assert sorted(chain(*parts)) == [*range(100)]
    assert 70 <= len(parts[0]) <= 90 and min(map(len, parts)) >= 5
    assert sorted(greys(data.fresh("test", len(parts[1])).x)) == sorted(parts[1])
    assert sorted(greys(data.fresh("validation", len(parts[2])).x)) == sorted(parts[2])


def test_fresh_images_come_round_again(images):
    data = Folder(path=images, size=8)
    n = len(data.reference("validation").x)
    fresh = data.fresh("test", 2 * n + 1).x
    assert fresh[:n].equal(fresh[n : 2 * n]) and fresh[0].equal(fresh[-1])


def test_new_images_change_nothing_for_the_old_ones(images):
    before = Folder(path=images, size=8)
    for number in range(100, 200):
        paint(images / f"{number:03}.png", number)
    after = Folder(path=images, size=8)
    for split in ("validation", "test"):
        old = [grey for grey in greys(after.reference(split).x) if grey < 100]
        assert old == greys(before.reference(split).x)
    assert after.fingerprint != before.fingerprint


def test_the_order_in_which_the_system_lists_files_does_not_count(images, monkeypatch):
    one = Folder(path=images, size=8)
    walk = os.walk
    backwards = lambda *a, **k: ((place, dirs, files[::-1]) for place, dirs, files in walk(*a, **k))  # noqa: E731
    monkeypatch.setattr(pictures.os, "walk", backwards)
    other = Folder(path=images, size=8)
    assert one.train().x.equal(other.train().x)
    assert one.fingerprint == other.fingerprint


def test_the_split_of_a_name_never_changes():
    """Results of different machines and years are compared: it is the place of sha256 between 0 and 1."""
    shares = {name: int(sha256(name.encode()).hexdigest(), 16) / 16**64 for name in (f"{i}.png" for i in range(40))}
    dealt = dealing.deal(Path("here"), shares)
    assert {part: dealt.names[rows] for part, rows in dealt.rows.items()} == {
        "train": sorted((name for name in shares if shares[name] < 0.8), key=shares.__getitem__),
        "validation": ["9.png", "35.png", "32.png"],
        "test": ["31.png", "23.png", "27.png", "5.png"],
    }


def test_where_the_folder_lies_does_not_count_but_names_and_contents_do(images, tmp_path):
    before = Folder(path=images, size=8).fingerprint
    moved = Path(shutil.copytree(images, tmp_path / "moved"))
    assert Folder(path=moved, size=16, channels=1).fingerprint == before
    (moved / "000.png").rename(moved / "renamed.png")
    renamed = Folder(path=moved, size=8).fingerprint
    (moved / "renamed.png").rename(moved / "000.png")
    paint(moved / "000.png", 200)
    assert len({before, renamed, Folder(path=moved, size=8).fingerprint}) == 3


# Classes


@pytest.mark.parametrize(
    ("depths", "classes"),
    [
        (("cats", "dogs"), 2),
        (("only",), 0),
        (("cats", "dogs/small"), 0),
        (("", "dogs"), 0),
        (("",), 0),
    ],
)
def test_folders_one_down_are_classes_if_there_are_several(tmp_path, depths, classes):
    for number in range(120):
        paint(tmp_path / depths[number % len(depths)] / f"{number:03}.png", number % len(depths))
    data = Folder(path=tmp_path, size=8)
    train = data.train()
    assert data.spec.classes == len(data.prior) == classes
    if classes:
        assert train.y.tolist() == greys(train.x), "classes are in the order of their names"
        assert data.prior.tolist() == [0.5, 0.5]
        fresh = data.fresh("test", 30)
        assert fresh.y.tolist() == greys(fresh.x)
    else:
        assert train.y is None and data.fresh("test", 5).y is None


def test_every_class_trains(tmp_path):
    """Of a class that chance would keep from training, its first image moves there, and nothing else moves."""
    rare = next(name for name in map("rare/{}.png".format, range(1000)) if dealing.hashed(name) > 0.95)
    names = [f"usual/{i}.png" for i in range(100)]
    usual, dealt = dealing.deal(tmp_path, names), dealing.deal(tmp_path, [*names, rare])
    assert rare in dealt.names[dealt.rows["train"]] and dealt.note == "1 images train so that every class does"
    for part, rows in usual.rows.items():
        assert [name for name in dealt.names[dealt.rows[part]] if name != rare] == usual.names[rows]
    assert dealing.deal(tmp_path, names).note == ""


@pytest.mark.parametrize("valid", ["valid", "val", "Validation"])
@pytest.mark.parametrize("labelled", [False, True])
def test_folders_of_splits_are_the_splits(tmp_path, valid, labelled):
    greys_of = {"train": [*range(60)], valid: [*range(100, 110)], "test": [*range(200, 230)]}
    for split, numbers in greys_of.items():
        for number in numbers:
            paint(tmp_path / split / (("even", "odd")[number % 2] if labelled else "") / f"{number}.png", number)
    data = Folder(path=tmp_path, size=8)
    found = [data.train(), data.reference("validation"), data.reference("test")]
    assert [sorted(greys(batch.x)) for batch in found] == [*greys_of.values()]
    assert data.spec.classes == 2 * labelled
    if labelled:
        assert found[1].y.tolist() == [grey % 2 for grey in greys(found[1].x)]
    assert "60 train, 10 validate and 30 test, as its folders say." in data.found()
    assert data.preprocessing.endswith("; splits as the folders say")


def test_a_split_that_has_no_folder_is_taken_from_what_trains(tmp_path):
    for number in range(200):
        paint(tmp_path / ("test" if number < 50 else "train") / f"{number}.png", number)
    data = Folder(path=tmp_path, size=8)
    assert sorted(greys(data.reference("test").x)) == [*range(50)]
    validation = greys(data.reference("validation").x)
    assert sorted(validation + greys(data.train().x)) == [*range(50, 200)] and 5 < len(validation) < 30


def test_a_class_that_only_tests_is_refused(tmp_path):
    for number in range(20):
        for split in ("train", "valid", "test"):
            paint(tmp_path / split / ("cat", "dog")[number % 2] / f"{number}.png", number)
    paint(tmp_path / "test" / "emu" / "1.png", 1)
    with pytest.raises(DataMissing, match=r"The class 'emu' of .* has no image in `train`"):
        Folder(path=tmp_path, size=8)


# What was found


def test_what_was_found_is_said(tmp_path):
    for number in range(120):
        paint(tmp_path / ("cats", "dogs")[number % 3 == 0] / f"{number}.png", number, (60, 40))
    paint(tmp_path / "dogs" / "tall.png", 1, (50, 90))
    for name in ("list.txt", "more.txt", "raw.heic", ".DS_Store"):
        (tmp_path / name).touch()
    data = Folder(path=tmp_path, size=8)
    train, validation, test = (len(data._dealt.names[rows]) for rows in data._dealt.rows.values())
    assert data.found() == (
        f"{tmp_path}: 121 images, 2 sizes from 60 x 40 to 50 x 90 pixels, most often 60 x 40 (120 times). "
        f"{train} train, {validation} validate and {test} test, by a hash of their names. "
        "2 classes: cats (80), dogs (41). Passed over: 2 .txt, 1 .heic."
    )


def test_the_stray_file_that_keeps_folders_from_being_classes_is_named(tmp_path):
    for number in range(120):
        paint(tmp_path / ("cats", "dogs")[number % 2] / f"{number}.png", number)
    paint(tmp_path / "cover.png", 3)
    found = Folder(path=tmp_path, size=8).found()
    assert "No classes, though there are folders: cover.png lies elsewhere than one folder down. Move it away." in found
    (tmp_path / "cover.png").unlink()
    paint(tmp_path / "cats" / "small" / "a.png", 3)
    assert "cats/small/a.png lies elsewhere" in Folder(path=tmp_path, size=8).found()


def test_of_folders_that_are_not_one_down_it_says_how_far_down_they_are(tmp_path):
    for number in range(120):
        paint(tmp_path / "pictures" / ("cats", "dogs")[number % 2] / f"{number}.png", number)
    deep = "No classes, for all images lie 2 folders down, and classes are folders one down."
    assert deep in Folder(path=tmp_path, size=8).found()
    assert "2 classes: cats (60), dogs (60)." in Folder(path=tmp_path / "pictures", size=8).found()


def test_links_to_folders_are_not_followed_and_named(tmp_path, images):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "cats").symlink_to(images, target_is_directory=True)
    with pytest.raises(DataMissing, match=r"No images in .*Passed over: 1 linked folder \(cats\)\. Name another"):
        Folder(path=tmp_path / "linked", size=8)


def test_files_that_hold_the_same_are_counted(images):
    assert "Copies" not in Folder(path=images, size=8).found()
    shutil.copy(images / "007.png", images / "007 again.png")
    assert "Copies of others: 1, so that some train and test." in Folder(path=images, size=8).found()


def test_a_folder_of_images_alone_has_no_classes_and_no_reason(images):
    assert " No classes." in Folder(path=images, size=8).found()


def test_a_variant_may_train_on_images_without_classes(images):
    assert Folder(path=images, size=8).halves().x_other.shape[1:] == SHAPE


# Trouble


def test_images_that_cannot_be_read_are_named_counted_and_refused_unless_they_may_be_skipped(images):
    data = Folder(path=images, size=8)
    cut = (images / "007.png").read_bytes()[:40]
    for number in range(6):
        (images / f"bad{number}.png").write_bytes(cut)
    Image.fromarray(np.zeros((8, 8), np.float32)).save(images / "numbers.tif")
    with pytest.raises(DataMissing) as raised:
        Folder(path=images, size=8)
    first, *some, more, cure = str(raised.value).splitlines()
    assert first == f"Of 107 images in {images} 7 cannot be read:"
    assert len(some) == 5 and all(line.startswith(("  bad", "  numbers.tif: its pixels are 32-bit")) for line in some)
    assert more == "  and 2 more"
    assert "skip_corrupt = true" in cure
    kept = Folder(path=images, size=8, skip_corrupt=True)
    assert kept.train().x.equal(data.train().x)
    assert kept.reference("test").x.equal(data.reference("test").x)
    assert kept.preprocessing == f"{data.preprocessing}; 7 unreadable images left out"


def test_a_file_that_only_claims_to_be_an_image_is_opened_by_no_other_decoder(images):
    (images / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    with pytest.raises(DataMissing, match=r"script.png: cannot identify image file"):
        Folder(path=images, size=8)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda place: None, "is not there. Name one that holds images"),
        (lambda place: place.touch(), "is a file. Name one that holds images"),
        (lambda place: place.mkdir(), r"No images in .*: no file's name ends in \.bmp, \.gif,"),
        (
            lambda place: paint(place / "a.png", 1),
            r"Found 1 image in .*, of which 1 train, 0 validate and 0 test,",
        ),
    ],
    ids=["missing", "file", "empty", "too few"],
)
def test_a_folder_without_enough_images_is_refused_with_a_cure(tmp_path, make, words):
    make(tmp_path / "images")
    with pytest.raises(DataMissing, match=words):
        Folder(path=tmp_path / "images")


@pytest.mark.parametrize("size", [0, -3])
def test_an_impossible_size_is_refused(images, size):
    with pytest.raises(BadSuite, match=f"Option 'size' of folder: found {size}. Input should be greater than or equal"):
        build("datasets", PluginSpec("folder", {"path": str(images), "size": size}))


def test_options_are_those_of_a_suite(images):
    data = build("datasets", PluginSpec("folder", {"path": "images", "size": 8, "channels": 1}, str(images.parent)))
    assert data.spec.shape == (1, 8, 8)
    with pytest.raises(BadSuite, match="Found no option 'path', which folder needs"):
        build("datasets", PluginSpec("folder"))
    with pytest.raises(BadSuite, match=r"Option 'channels' of folder: found 2. Input should be 1 or 3"):
        build("datasets", PluginSpec("folder", {"path": "images", "channels": 2}, str(images.parent)))


# On disk


@pytest.fixture
def small_machine(monkeypatch, nowhere):
    """A machine on which nothing fits into memory -> where folders are kept."""
    monkeypatch.setattr(folder, "machine_memory", lambda: 0)
    return nowhere / "cache" / "ganbench" / "folders"


def test_what_does_not_fit_into_memory_is_the_same_on_disk(images, small_machine, monkeypatch):
    mapped = Folder(path=images, size=8)
    (place,) = small_machine.iterdir()
    assert (place / "images").stat().st_size == 4 * 100 * 3 * 8 * 8
    monkeypatch.setattr(pictures, "read_picture", lambda *_: pytest.fail("decoded again"))
    again = Folder(path=images, size=8)
    monkeypatch.undo()
    held = Folder(path=images, size=8)
    for data in (mapped, again):
        assert data.train().x.equal(held.train().x)
        assert data.reference("test").x.equal(held.reference("test").x)


def test_options_and_contents_have_files_of_their_own(images, small_machine):
    for options in ({"size": 8}, {"size": 4}, {"size": 8, "channels": 1}):
        Folder(path=images, **options)
    paint(images / "000.png", 250)
    Folder(path=images, size=8)
    assert len([*small_machine.iterdir()]) == 4


def test_unreadable_images_are_left_out_on_disk_too(images, small_machine):
    (images / "bad.png").touch()
    with pytest.raises(DataMissing, match=r"Of 101 images in .* 1 cannot be read"):
        Folder(path=images, size=8)
    assert [*small_machine.iterdir()] == [], "nothing half is left behind"
    for _ in range(2):
        data = Folder(path=images, size=8, skip_corrupt=True)
        assert data.preprocessing.endswith("; 1 unreadable images left out")
        splits = [data.train(), data.reference("validation"), data.reference("test")]
        assert sorted(chain(*(greys(batch.x) for batch in splits))) == [*range(100)]
    (place,) = small_machine.iterdir()
    assert len(json.loads((place / "left_out.json").read_text())) == 1


def test_changing_a_tensor_changes_nothing_on_disk(images, small_machine):
    data = Folder(path=images, size=8)
    before = data.train().x.clone()
    data.train().x.zero_()
    assert Folder(path=images, size=8).train().x.equal(before)


def test_another_run_may_have_been_first(images, small_machine, monkeypatch):
    """Both write a draft of their own; the second finds the place taken, by the same."""
    replace = os.replace

    def late(draft: Path, place: Path) -> None:
        shutil.copytree(draft, place)
        replace(draft, place)

    monkeypatch.setattr(os, "replace", late)
    assert len(Folder(path=images, size=8).train().x) > 70
    assert len([*small_machine.iterdir()]) == 1


def test_a_cache_that_cannot_be_written_is_reported_with_what_it_takes(images, small_machine):
    small_machine.parent.parent.mkdir()
    small_machine.parent.touch()
    with pytest.raises(DataMissing, match=r"folders/\w+ cannot be written: .*It takes 0\.0 GB.*XDG_CACHE_HOME"):
        Folder(path=images, size=8)


def test_the_machine_has_memory():
    assert folder.machine_memory() > 1e8
