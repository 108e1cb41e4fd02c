"""What the doctor says of judges' weights."""

from hashlib import sha256
from pathlib import Path

import pytest
import torch

from ganbench.doctor import findings
from ganbench.judges import inception
from ganbench.judges.image_classifier import weights_file, weights_folder
from ganbench.judges.training.images import train_image_classifier

SQUARES = f"{Path(__file__).parent / 'judges' / 'squares.py'}:Squares"


@pytest.fixture(autouse=True)
def nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(inception.VARIABLE, raising=False)


def said_of(what: str) -> tuple[bool, str]:
    return next((good, remark) for good, name, remark in findings() if name == what)


def test_of_weights_that_are_not_there_it_says_how_to_get_them(tmp_path: Path) -> None:
    good, remark = said_of("judge inception")
    assert not good and str(tmp_path / "torch") in remark and "downloaded when first needed" in remark
    good, remark = said_of("judge trained")
    assert not good and "`ganbench judge train DATASET`" in remark


def test_of_weights_that_are_there_it_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "inception.pth"
    torch.save({}, file)
    monkeypatch.setattr(inception, "SHA256", sha256(file.read_bytes()).hexdigest())
    monkeypatch.setenv(inception.VARIABLE, str(file))
    assert said_of("judge inception") == (True, str(file))
    train_image_classifier(SQUARES, epochs=1, width=2, progress=lambda _: None)
    assert said_of("judge trained") == (True, f"for Squares [1, 8, 8] in {weights_folder()}")


def test_of_damaged_weights_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "inception.pth"
    file.touch()
    monkeypatch.setenv(inception.VARIABLE, str(file))
    assert "has the sha256 e3b0c442" in said_of("judge inception")[1]
    weights_folder().mkdir(parents=True)
    weights_file("mnist5k").touch()
    good, remark = said_of("judge trained")
    assert not good and "mnist5k.safetensors cannot be read" in remark


def test_another_accelerator_than_cuda_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for found, said in (
        (torch.device("mps"), "runs use the CPU unless `--device mps` says otherwise."),
        (None, "use the CPU."),
    ):
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available, found=found: found)
        assert said in said_of("cuda")[1]
