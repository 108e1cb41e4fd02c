"""Files that are damaged, hostile or no files: each is named with a cure, none is believed, none runs anything."""

import io
import json
import os
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from rich.console import Console

from ganbench.data import pictures
from ganbench.errors import BadResults, BadSuite
from ganbench.runs.sampling import load_run
from ganbench.store import read
from ganbench.store.csv import to_csv
from ganbench.store.files import read_array, read_arrays
from ganbench.store.records import read_run
from ganbench.suite.again import train_again

Command = Callable[..., Any]
CPU = torch.device("cpu")


def trained(results: Path) -> Path:
    """The folder of a run that has weights of its own."""
    runs = read(results).runs
    return results / str(runs.loc[runs["label"] == "gan", "run"].iloc[0])


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda raw: b"",
    "cut": lambda raw: raw[: len(raw) // 2],
    "one bit": lambda raw: raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 255]) + raw[len(raw) // 2 + 1 :],
    "zeros": lambda raw: bytes(len(raw)),
    "text": lambda raw: b"hello\n" * 100,
    "its end alone": lambda raw: raw[-50:],
}


# Results


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["exhibits.npz", "samples.npy", "losses.parquet", "scores.parquet", "run.json"])
def test_a_report_goes_on_without_what_is_damaged_and_says_so(
    ganbench: Command, results_copy: Path, name: str, damage: str
) -> None:
    file = trained(results_copy) / name
    if name == "samples.npy":  # which are shown where there are no exhibits
        file.with_name("exhibits.npz").unlink()
    raw = DAMAGES[damage](file.read_bytes())
    file.write_bytes(raw)
    ran = ganbench("report", results_copy)
    assert ran.code == 0, ran.err
    if damage != "one bit":  # which may lie where nothing is stored
        assert f"Left out: {file} is damaged (" in ran.err and "run the suite again." in ran.err
    for format in ("csv", "json", "md"):
        assert ganbench("report", results_copy, "--format", format).code == 0


def without(record: Any, path: tuple[str, ...]) -> Any:
    *tables, last = path
    for table in tables:
        record = record[table]
    del record[last]


def test_a_record_without_any_of_its_fields_is_named_or_does_without(ganbench: Command, results_copy: Path) -> None:
    file = trained(results_copy) / "run.json"
    whole = file.read_text()
    paths: list[tuple[str, ...]] = [(part,) for part in json.loads(whole)]
    paths += [(part, name) for part in ("summary", "ledger", "conditions") for name in json.loads(whole)[part]]
    for path in paths:
        record = json.loads(whole)
        without(record, path)
        file.write_text(json.dumps(record))
        ran = ganbench("report", results_copy, "--format", "md")
        assert ran.code == 0, (path, ran.err)
        assert "Left out" not in ran.err or str(file) in ran.err


@pytest.mark.parametrize(
    "wrong",
    [b"", b"{", b"[]", b"\xff", b'{"format": 2}', b'{"format": "x"}', b'{"format": 2, "runs": 3}', b"[" * 100_000,
     b'{"format": 2, "command": "", "commit": "", "text": 5, "runs": []}',
     b'{"format": 2, "command": "", "commit": "", "text": "", "runs": [{"run": "../x", "label": "", "dataset": "",'
     b' "seed": 0}]}'],
)  # fmt: skip
def test_a_manifest_that_is_damaged_is_named(ganbench: Command, results_copy: Path, wrong: bytes) -> None:
    (results_copy / "suite.json").write_bytes(wrong)
    for command in (("report", results_copy), ("compare", results_copy, "--variants", "gan", "real")):
        ran = ganbench(*command)
        assert ran.code == 2, ran.err
        assert str(results_copy) in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "1" + 400 * "0", "-1" + 5_000 * "0"])
def test_a_number_that_is_none_is_named(results_copy: Path, number: str) -> None:
    file = results_copy / "suite.json"
    file.write_text(file.read_text().replace('"seed": 0', f'"seed": {number}', 1))
    with pytest.raises(BadResults, match=rf"suite\.json is damaged \(ValueError: it has the number {number[:50]}"):
        read(results_copy)


def test_a_suite_whose_text_is_no_toml_is_named(ganbench: Command, results_copy: Path, tmp_path: Path) -> None:
    file = results_copy / "suite.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "text": "budget = ["}))
    ran = ganbench("baseline", results_copy, "--out", tmp_path / "b.json")
    assert ran.code == 2 and f"{file} is damaged (TOMLDecodeError" in ran.err


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("losses", "curve", 1e308), ("scores", "unit", [1, 2]), ("scores", "stderr", "x"), ("scores", "meaning", b"x")],
)
def test_a_column_of_other_things_is_named(results_copy: Path, table: str, column: str, value: object) -> None:
    file = trained(results_copy) / f"{table}.parquet"
    frame = pd.read_parquet(file)
    frame[column] = [value] * len(frame)
    frame.to_parquet(file)
    with pytest.raises(BadResults, match=rf"{table}\.parquet is damaged \(TypeError: its column '{column}' holds no"):
        read(results_copy)
    frame[column] = None
    frame.to_parquet(file)
    assert column in ("curve", "stderr") or read(results_copy).damaged == []


def test_half_a_character_of_a_record_is_shown_as_a_question_mark(ganbench: Command, results_copy: Path) -> None:
    file = trained(results_copy) / "run.json"
    file.write_text(file.read_text().replace('"reason": ""', '"reason": "\\ud800 <b>"'))
    assert read_run(file.parent)["reason"] == "? <b>"
    for format in ("html", "md", "csv", "json"):
        assert ganbench("report", results_copy, "--format", format, "--out", results_copy / f"x.{format}").code == 0


def test_no_text_of_results_commands_a_terminal(ganbench: Command, results_copy: Path) -> None:
    odd, shown = "\x1b]0;mine\x07\u202e\x9b2J\r\x08", "?]0;mine???2J??"
    folder = trained(results_copy)
    file = folder / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "reason": odd}).replace("\\u202e", "\u202e"))
    for table in ("scores", "losses"):
        frame = pd.read_parquet(folder / f"{table}.parquet")
        frame["meaning" if table == "scores" else "curve"] = odd
        frame.to_parquet(folder / f"{table}.parquet")
    found = read(results_copy)
    assert found.damaged == [] and read_run(folder)["reason"] == shown
    own = [frame[frame["run"] == folder.name] for frame in (found.scores, found.losses)]
    assert {*own[0]["meaning"]} == {*own[1]["curve"]} == {shown}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_baseline_that_is_damaged_is_named(
    ganbench: Command, results_copy: Path, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "b.json"
    assert ganbench("baseline", results_copy, "--out", file).code == 0
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    ran = ganbench("check", results_copy, "--baseline", file)
    assert ran.code == 2 and str(file) in ran.err and "ganbench baseline" in ran.err and "Traceback" not in ran.err
    file.unlink()
    os.mkfifo(file)
    pipe = ganbench("check", results_copy, "--baseline", file)
    assert pipe.code == 2 and "a pipe or a device" in pipe.err


@pytest.mark.parametrize("damage", DAMAGES)
def test_weights_that_are_damaged_are_named(ganbench: Command, results_copy: Path, tmp_path: Path, damage: str) -> None:
    file = trained(results_copy) / "selected.safetensors"
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    ran = ganbench("sample", file.parent, "--out", tmp_path / "s.npz")
    if damage != "one bit":  # a weight more or less
        assert ran.code == 2 and f"{file} is damaged (" in ran.err and "Traceback" not in ran.err


def test_nobody_trusts_a_record_that_leads_out_of_its_folder_or_names_no_status(results_copy: Path) -> None:
    file = trained(results_copy) / "run.json"
    record = json.loads(file.read_text())
    for status in ("excellent", "", 7):
        file.write_text(json.dumps({**record, "status": status}))
        with pytest.raises(BadResults, match=r"run\.json is damaged \(its "):
            read_run(file.parent)


# Plugins


@pytest.fixture
def with_plugin(ganbench: Command, suite_file: Command, tmp_path: Path) -> Path:
    """A run of a variant in a file, which tells when it is imported."""
    path = suite_file(
        ('name = "gan"\noptions = { width = 8, z_dim = 2 }', 'name = "toys.py:Toy"'),
        ('["real", "noise"]', "[]"),
        ("seeds = 2", "seeds = 1"),
    )
    assert ganbench("run", path, "--results", tmp_path / "results").code == 0
    (file,) = (tmp_path / "results").glob("tiny/*/run.json")
    return Path(file.parent)


def test_a_file_that_results_name_runs_only_if_it_is_the_recorded_one_and_the_reader_allows_it(
    ganbench: Command, with_plugin: Path, tmp_path: Path
) -> None:
    out = tmp_path / "s.npz"
    refused = ganbench("sample", with_plugin, "--out", out)
    assert refused.code == 2 and "names toys.py:Toy, which is code that would be run." in refused.err
    assert "--allow-plugins" in refused.err and not out.exists()
    assert ganbench("sample", with_plugin, "--out", out, "--allow-plugins").code == 0
    toys = tmp_path / "toys.py"
    toys.write_text(toys.read_text() + "\nraise SystemExit('it ran')\n")
    changed = ganbench("sample", with_plugin, "--out", out, "--allow-plugins")
    assert changed.code == 2 and "is not the one that was recorded" in changed.err
    other = ganbench("evaluate", with_plugin, "--dataset", "ring8", "--count", 10)
    assert other.code == 2 and "--allow-plugins" in other.err


def test_rows_are_not_trained_again_by_code_that_results_name(with_plugin: Path, tmp_path: Path) -> None:
    results = read(with_plugin.parent)
    own = results.path / "fresh"
    own.mkdir()
    (own / "toys.py").write_text("raise SystemExit('it ran')\n")
    with pytest.raises(BadSuite, match=r"names toys\.py:Toy, which is code that would be run\. .*--suite"):
        train_again(results, [("ring8", "toy")], [7], None, "", Console(quiet=True))


def test_the_file_that_is_hashed_is_the_one_that_runs(ganbench: Command, with_plugin: Path, tmp_path: Path) -> None:
    evil = tmp_path / "elsewhere"
    evil.mkdir()
    (evil / "toys.py").write_text("raise SystemExit('it ran')\n")
    file = with_plugin / "run.json"
    record = json.loads(file.read_text())
    record["spec"]["variant"]["beside"] = str(evil)
    file.write_text(json.dumps(record))
    ran = ganbench("sample", with_plugin, "--out", tmp_path / "s.npz", "--allow-plugins")
    assert ran.code == 2 and "its plugins lie beside two suites" in ran.err and "it ran" not in ran.err


def test_a_file_is_found_wherever_a_record_names_it(with_plugin: Path) -> None:
    file = with_plugin / "run.json"
    record = json.loads(file.read_text())
    record["spec"]["variant"] = {"name": "gan", "options": {"loss": {"name": "evil.py:loss"}}, "beside": "/tmp"}
    file.write_text(json.dumps(record))
    with pytest.raises(BadResults, match=r"names evil\.py:loss"):
        load_run(with_plugin, "last", CPU)


def test_samples_can_be_set_beside_runs_of_a_plugin_without_running_it(
    ganbench: Command, with_plugin: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(200, 2)).astype("float32"))
    ran = ganbench("evaluate", tmp_path / "mine.npy", "--dataset", "ring8", "--results", with_plugin.parent)
    assert ran.code == 0, ran.err


# Images


def png(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, "png")
    return file.getvalue()


def bomb() -> bytes:
    """A PNG whose header claims 60,000 x 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(/tmp/it-ran) (w) file closefile\nshowpage\n"


def test_a_picture_is_one_of_the_formats_that_are_meant_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "eps.png").write_bytes(POSTSCRIPT)
    (tmp_path / "bomb.png").write_bytes(bomb())
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    for name in ("eps", "bomb", "pipe", "device"):
        with (
            pytest.raises((ValueError, OSError, Image.DecompressionBombError)),
            pictures.opened(tmp_path / f"{name}.png"),
        ):
            pass
    (tmp_path / "good.png").write_bytes(png(8))
    with pictures.opened(tmp_path / "good.png") as image:
        assert image.size == (8, 8)


def test_samples_and_data_in_a_folder_name_what_is_no_picture(ganbench: Command, tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    for i in range(100):
        (folder / f"{i}.png").write_bytes(png(32))
    (folder / "eps.png").write_bytes(POSTSCRIPT)
    (folder / "bomb.png").write_bytes(bomb())
    os.mkfifo(folder / "pipe.png")
    ran = ganbench("evaluate", folder, "--dataset", "mnist5k", "--count", 20)
    assert ran.code == 2 and all(name in ran.err for name in ("eps.png", "bomb.png", "pipe.png"))
    data = ganbench("evaluate", folder, "--dataset", f"folder:{folder}", "--count", 20)
    assert data.code == 2 and "3 cannot be read" in data.err and "Traceback" not in data.err


# Arrays


def header(claim: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({claim}), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([object()]), "of type |O"),
        (np.zeros(3, ">f4"), "of type >f4"),
        (np.zeros(3, "g"), "of type <f16"),
        (np.array(["a"]), "of type <U1"),
        (np.zeros(3, "c16"), "of type <c16"),
    ],
)
def test_an_array_of_other_numbers_gets_a_sentence(tmp_path: Path, array: Any, words: str) -> None:
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", a=array)
    for read_file, name in ((read_array, "a.npy"), (read_arrays, "a.npz")):
        with pytest.raises(BadResults) as error:
            read_file(tmp_path / name)
        assert words in str(error.value) and name in str(error.value)


def test_a_header_is_not_believed(tmp_path: Path) -> None:
    for claim in ("2000000000000,", "-1,", "3, 10000000000, 100000000000"):
        (tmp_path / "a.npy").write_bytes(header(claim) + bytes(100))
        with pytest.raises(BadResults, match=r"a\.npy is damaged \(ValueError: its header claims"):
            read_array(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", found := np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    assert np.array_equal(read_array(tmp_path / "b.npy"), found)


def test_an_archive_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, a=np.arange(1000.0), b=np.arange(6).reshape(2, 3))
    assert read_arrays(file)["b"].tolist() == [[0, 1, 2], [3, 4, 5]]
    raw = bytearray(file.read_bytes())
    raw[2000] ^= 1  # in the numbers of `a`
    file.write_bytes(raw)
    with pytest.raises(BadResults, match="CRC"):
        read_arrays(file)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", header("25000000,") + bytes(100_000_000))
    monkeypatch.setattr("ganbench.store.files.most_bytes", lambda: 10_000_000)
    with pytest.raises(BadResults, match="more memory"):
        read_arrays(file)


def test_a_pipe_is_no_array(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(BadResults, match="a pipe or a device"):
        read_array(tmp_path / "a.npy")


# Spreadsheets


def test_no_cell_of_a_csv_is_a_formula(ganbench: Command, results_copy: Path) -> None:
    text = (results_copy / "suite.json").read_text().replace('"label": "gan"', '"label": "=1+1"')
    (results_copy / "suite.json").write_text(text)
    ran = ganbench("report", results_copy, "--format", "csv")
    assert ran.code == 0 and "'=1+1" in ran.out and ",=1+1" not in ran.out
    shown = to_csv(pd.DataFrame({"a": ["@x", "x", None, "-1"], "b": [-1.5, 2.0, float("nan"), 0.0]}))
    assert shown == "a,b\n'@x,-1.5\nx,2.0\n,\n'-1,0.0\n"
    assert to_csv(pd.DataFrame({"=1": [" =1", "＝1", "1 = 1"]})) == "'=1\n' =1\n'＝1\n1 = 1\n"
    rows = [f"{label},{seed},{value + seed}" for label, value in (("=1+1", 1), ("b", 9)) for seed in range(4)]
    (scores := results_copy / "mine.csv").write_text("\n".join(["label,seed,value", *rows]))
    ranked = ganbench("rank", scores, "--format", "csv", "--direction", "lower")
    assert ranked.code == 0, ranked.err
    assert ",'=1+1," in ranked.out and ",=1+1" not in ranked.out
    scores.write_text(scores.read_text().replace("b,", "\x1b[2Jb,"))
    shown = ganbench("rank", scores, "--direction", "lower")
    assert shown.code == 0 and "?[2Jb" in shown.out and "\x1b" not in shown.out + shown.err


def test_there_is_one_way_to_write_a_csv_file() -> None:
    """Others would forget the formulas."""
    root = Path(__file__).parents[2]
    for file in [*(root / "ganbench").rglob("*.py"), *(root / "reports").rglob("*.py")]:
        calls = re.findall(r"(\w+|\))\.to_csv\(|csv\.(writer)", file.read_text())
        others = {call for pair in calls for call in pair} - {"", "csv"}
        assert not others or file.name == "csv.py", (file, others)


def test_results_of_before_are_read_as_they_were(resources: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(resources / "format1", tmp_path / "old")
    assert read(folder).damaged == [] and len(read(folder).runs) == 7


SHAPES = {
    "frames": np.zeros((2, 3), np.float32),
    "images": np.zeros((2, 2)),
    "occupancy": np.zeros(3),
    "interpolation": np.zeros((1, 1)),
    "transport": np.zeros(4),
    "surface": np.zeros((3, 3, 3)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_exhibits_of_another_shape_are_left_out(ganbench: Command, results_copy: Path, name: str) -> None:
    file = trained(results_copy) / "exhibits.npz"
    np.savez(file, **{**read_arrays(file), name: SHAPES[name]})
    ran = ganbench("report", results_copy)
    assert ran.code == 0, ran.err
    assert f"Left out: {file} is damaged (" in ran.err or name == "surface"
