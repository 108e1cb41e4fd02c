"""The literature's judge, with weights drawn at random: it must do with them what torch-fidelity does."""

import re
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganbench.data.images import to_images
from ganbench.errors import BadSuite, BenchError, DataMissing
from ganbench.judges import Judged, inception
from ganbench.judges.inception import InceptionJudge, to_bytes
from ganbench.metrics import Evidence
from ganbench.metrics.fidelity import fid
from ganbench.variant import DataSpec

PUBLISHED = inception.SHA256


class Untrained(FeatureExtractorInceptionV3):
    """torch-fidelity's network as it is before it gets weights; with some of a size that lets signals through."""

    def __init__(self) -> None:
        nothing = BytesIO()
        torch.save({}, nothing)
        nothing.seek(0)
        super().__init__("untrained", ["2048", "logits_unbiased"], feature_extractor_weights_path=nothing)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def load_state_dict(self, *_: Any, **__: Any) -> None: ...  # type: ignore[override]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(Untrained().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def theirs(weights: Path) -> FeatureExtractorInceptionV3:
    return FeatureExtractorInceptionV3("x", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(weights))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, weights: Path, tmp_path: Path) -> None:
    """Those weights are the right ones, and nobody has any."""
    monkeypatch.setattr(inception, "SHA256", sha256(weights.read_bytes()).hexdigest())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(inception.VARIABLE, raising=False)


@pytest.fixture(scope="module")
def judge(weights: Path) -> Iterator[InceptionJudge]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "SHA256", sha256(weights.read_bytes()).hexdigest())
        patch.setenv(inception.VARIABLE, str(weights))
        yield InceptionJudge(dataset(3, 16, 16))


def dataset(*shape: int, x: Tensor | None = None) -> Any:
    images = SimpleNamespace(x=x)
    return SimpleNamespace(
        spec=DataSpec(shape), judge="own", fingerprint="f", preprocessing="p", reference=lambda split: images
    )


def photographs(n: int, channels: int = 3, seed: int = 0) -> Tensor:
    """Integers, as photographs are stored."""
    return torch.randint(0, 256, (n, channels, 16, 16), generator=torch.Generator().manual_seed(seed)) / 127.5 - 1


def test_it_says_what_torch_fidelity_says(judge: InceptionJudge, theirs: nn.Module) -> None:
    x = photographs(2)
    features, logits = theirs(((x + 1) * 127.5).round().to(torch.uint8))
    found = judge(x)
    assert found.features.equal(features)
    assert found.logits.equal(logits)
    assert (found.features.shape, found.logits.shape) == ((2, 2048), (2, 1008))
    assert features.std() > 0.01, "weights that say the same of everything would prove nothing"


def test_grey_is_all_three_colours(judge: InceptionJudge) -> None:
    x = photographs(1, channels=1)
    assert judge(x).features.equal(judge(x.repeat(1, 3, 1, 1)).features)


def test_pieces_make_no_difference(judge: InceptionJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    x = photographs(2)
    whole = judge(x)
    monkeypatch.setattr(inception, "AT_ONCE", 1)
    torch.testing.assert_close(judge(x).features, whole.features, rtol=1e-5, atol=1e-5)


def test_bytes_come_back_as_they_were_stored() -> None:
    stored = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert to_bytes(stored / 127.5 - 1).equal(stored)
    assert to_bytes(to_images(stored[0, :1].expand(1, 16, 16), 16)).equal(stored)
    beyond = to_bytes(torch.tensor([-7.0, -1.0, 0.999, 7.0]).view(1, 1, 2, 2))
    assert beyond[0, 0].flatten().tolist() == [0, 0, 255, 255]


def test_real_images_are_judged_once(judge: InceptionJudge, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    x = photographs(1)
    monkeypatch.setattr(judge, "dataset", dataset(3, 16, 16, x=x))
    first = judge.reference("test")
    monkeypatch.setattr(judge, "net", None)
    assert judge.reference("test").features.equal(first.features)
    assert len([*(cache / "features").iterdir()]) == 1


def test_the_key_states_the_weights(judge: InceptionJudge) -> None:
    assert judge.key.startswith(inception.SHA256)
    assert "resized to 299" in judge.key


def test_the_published_hash_begins_as_the_files_names_say() -> None:
    assert all(name.endswith(f"-{PUBLISHED[:8]}.pth") for name in inception.NAMES)
    assert re.fullmatch("[0-9a-f]{64}", PUBLISHED)


def test_as_many_samples_as_features_are_too_few_for_a_distance() -> None:
    seen = Judged(torch.zeros(2048, 2048), torch.zeros(2048, 1008))
    with pytest.raises(BenchError, match="2,049"):
        fid(Evidence(seen, seen, torch.empty(0)))


@pytest.mark.parametrize("shape", [(2,), (4, 16, 16)])
def test_what_is_no_photograph_is_refused_with_a_cure(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadSuite, match=re.escape(str(shape)) + r".*1 or 3 channels.*'own'"):
        InceptionJudge(dataset(*shape))


# Where weights come from


@pytest.mark.parametrize("name", inception.NAMES)
def test_weights_that_others_have_downloaded_are_found(weights: Path, name: str, tmp_path: Path) -> None:
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    assert inception.find_weights() is None
    (hub / name).symlink_to(weights)
    assert inception.find_weights() == hub / name


def test_a_file_that_is_named_goes_first(weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(inception.VARIABLE, str(weights))
    assert inception.find_weights() == weights
    monkeypatch.setenv(inception.VARIABLE, str(tmp_path / "gone.pth"))
    with pytest.raises(DataMissing, match=r"GANBENCH_INCEPTION is .*gone\.pth, and no such file is there\. Correct"):
        inception.find_weights()


def test_without_weights_and_network_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limits = []

    def no_network(url: str, *_: Any, **__: Any) -> None:
        limits.append(inception.socket.getdefaulttimeout())
        raise URLError("no route")

    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    with pytest.raises(DataMissing, match=r"(?s)No Inception weights in .*checkpoints.*no route.*GANBENCH_INCEPTION"):
        InceptionJudge(dataset(3, 16, 16))
    assert limits == [10]
    assert inception.socket.getdefaulttimeout() is None
    assert [*(tmp_path / "torch" / "hub" / "checkpoints").iterdir()] == []


class Answer(BytesIO):
    headers: dict[str, str] = {}  # noqa: RUF012

    def info(self) -> Any:
        return SimpleNamespace(get_all=lambda name: None)


def test_a_download_is_kept_where_torch_fidelity_looks(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    monkeypatch.setattr(torch.hub, "urlopen", lambda *_: Answer(weights.read_bytes()))
    path = inception.download_weights()
    assert path.name == inception.URL_INCEPTION_V3.rpartition("/")[2]
    assert inception.find_weights() == path


def test_a_download_of_something_else_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "urlopen", lambda *_: Answer(b"<html>Please log in</html>"))
    with pytest.raises(DataMissing, match="invalid hash value"):
        inception.download_weights()
    assert inception.find_weights() is None


def test_another_file_is_never_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    torch.save({"fc.weight": torch.zeros(3)}, other)
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(DataMissing, match=r"other\.pth has the sha256 [0-9a-f]{64}, but .*Delete it"):
        inception.network(other)


class Evil:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle ran",))


@pytest.mark.parametrize("held", [{"fc.weight": torch.zeros(3)}, [torch.zeros(3)], {"fc.weight": Evil()}, None])
def test_the_right_hash_of_wrong_weights_is_no_crash(
    held: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other.pth"
    torch.save(held, other)
    monkeypatch.setattr(inception, "SHA256", sha256(other.read_bytes()).hexdigest())
    with pytest.raises(DataMissing, match="does not hold the weights of torch-fidelity's InceptionV3: "):
        inception.network(other)
