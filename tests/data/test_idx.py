import gzip
import struct

import pytest
import torch

from ganbench.data.idx import IdxFiles
from ganbench.errors import DataMissing

THINGS = IdxFiles("things", "Things", "Things/raw")
WHOLE = struct.pack(">I3I", 0x803, 2, 3, 4) + bytes(24)  # 16 + 24 bytes


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 28, 28)])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_are_read_plain_and_gzipped(tmp_path, idx, shape, zipped):
    values = torch.randint(256, shape, dtype=torch.uint8)
    path = tmp_path / ("values.gz" if zipped else "values")
    path.write_bytes(gzip.compress(idx(values)) if zipped else idx(values))
    assert THINGS.read_idx(path).equal(values)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (WHOLE[:-1], "has 39 bytes, its header promises 40"),
        (WHOLE + b"x", "has 41 bytes, its header promises 40"),
        (WHOLE[:9], "has 9 bytes, its header alone needs 16"),
        (b"", "begins with , an IDX file"),
        (b"<html>", "begins with 3c68746d, an IDX file of bytes with 000008"),
    ],
)
def test_a_damaged_file_is_named_with_bytes_found_and_needed(tmp_path, raw, message):
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(raw)
    with pytest.raises(DataMissing, match=f"{path} {message}.* Delete it and run `ganbench data fetch things`"):
        THINGS.read_idx(path)


@pytest.mark.parametrize(
    "raw",
    [gzip.compress(WHOLE)[:-12], b"no gzip at all", gzip.compress(WHOLE)[:12] + b"\xff" * 40],
    ids=["cut short", "no gzip", "bytes changed"],  # not the bytes: they hold the time, and workers must agree on names
)
def test_a_damaged_gzip_is_named(tmp_path, raw):
    path = tmp_path / "images.gz"
    path.write_bytes(raw)
    with pytest.raises(DataMissing, match=r"images.gz cannot be read: .* Delete it"):
        THINGS.read_idx(path)
