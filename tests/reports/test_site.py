"""The static site: whole, linked, light, and safe whatever the variants are called."""

import html
import re
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pandas as pd
import pytest

from ganbench.reports.html import page, site
from ganbench.reports.html.layout import POLICY

MOST_NAME = 80  # characters of a file's name; some systems take 143


class Links(HTMLParser):
    """The ids of a page, and the addresses it names."""

    def __init__(self, source: str):
        super().__init__()
        self.ids: set[str] = set()
        self.addresses: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.ids |= {str(own["id"])} if "id" in own else set()
        self.addresses += [str(own[name]) for name in ("href", "src") if name in own]


@pytest.fixture(scope="module")
def made(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = synthetic.make(seeds=(0, 1), evaluations=3, exhibits=True)
    return site.write_site(results, tmp_path_factory.mktemp("site") / "deep" / "er").parent


@pytest.fixture(scope="module")
def sources(made: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in made.glob("*.html")}


def test_there_is_an_overview_and_a_page_for_each_variant(made: Path) -> None:
    variants = {f"variant-{label}.html" for label in ("gan", "dcgan", "wgan")}
    assert {file.name for file in made.iterdir()} == {"index.html", "plotly.min.js", "scores.csv", *variants}


def test_every_link_leads_somewhere_inside(made: Path, sources: dict[str, str]) -> None:
    pages = {name: Links(source) for name, source in sources.items()}
    for name, found in pages.items():
        for address in found.addresses:
            if not address.startswith(("data:", "https:")):
                file, _, anchor = address.partition("#")
                assert (made / unquote(file or name)).is_file()
                assert not anchor or anchor in pages[file or name].ids


def test_pages_lead_to_each_other(sources: dict[str, str]) -> None:
    others = {f"variant-{label}.html" for label in ("gan", "dcgan", "wgan")}
    assert others <= set(Links(sources["index.html"]).addresses)
    own = Links(sources["variant-gan.html"]).addresses
    assert "index.html" in own and {name for name in own if name in others} == others - {"variant-gan.html"}


def test_plotly_is_there_once_and_the_policy_lets_nothing_else_in(made: Path, sources: dict[str, str]) -> None:
    assert (made / "plotly.min.js").stat().st_size > 1e6
    for source in sources.values():
        assert len(source) < 3e6 and 'data-address="plotly.min.js"' in source
        assert "default-src 'none'; script-src 'self' 'unsafe-inline'" in source and "connect-src" not in source


def test_a_variants_page_has_its_rows_among_the_others_and_only_its_own_runs(sources: dict[str, str]) -> None:
    source = sources["variant-gan.html"]
    for label in ("gan", "dcgan", "wgan", "noise"):
        assert f'data-value="{label}"' in source
    marked = re.findall(r'data-column="name" data-value="([^"]+)" aria-current="true"', source)
    assert marked and set(marked) == {"gan"}
    commands = re.findall(r"--only '?([^/']+)/", html.unescape(source))
    assert set(commands) == {"gan", "real", "memorizer", "mode_dropper", "noise"}


def test_samples_are_on_the_variants_pages_alone(sources: dict[str, str]) -> None:
    assert 'class="film"' in sources["variant-gan.html"] and 'class="film"' not in sources["index.html"]


def test_colours_are_the_same_on_all_pages(sources: dict[str, str]) -> None:
    chips = re.compile(
        r'<span class="chip solid" style="color:(#\w+)" aria-hidden="true"></span><span class="name" title="wgan">'
    )
    assert len({chip for source in sources.values() for chip in chips.findall(source)}) == 1


def test_the_scores_are_there_as_a_table(made: Path, synthetic: ModuleType) -> None:
    assert len(pd.read_csv(made / "scores.csv")) == len(synthetic.make(seeds=(0, 1), evaluations=3).scores)


@pytest.mark.parametrize(
    "labels",
    [
        ("GAN", "gan", "Gan"), ("../../etc/passwd", "..", "/"), ("con", "index", "a" * 300),
        ("\u202eشبكة", "", "<script>"), ("a b", "a/b", "a\\b"), ("'", '"', "&amp;"),
    ],
)  # fmt: skip
def test_whatever_a_label_is_its_file_is_safe_and_its_own(synthetic: ModuleType, labels: tuple[str, str, str]) -> None:
    rename = dict(zip(("gan", "dcgan", "wgan"), labels, strict=True))
    results = synthetic.make(seeds=(0,), datasets=("ring8",), rename=rename)
    files = site.file_names(results)
    assert list(files) == list(labels)
    assert len({file.lower() for file in files.values()}) == 3
    assert all(re.fullmatch(r"variant-[a-z0-9_.-]+\.html", file) and len(file) < MOST_NAME for file in files.values())


def test_whatever_labels_are_the_site_stays_in_its_folder(synthetic: ModuleType, tmp_path: Path) -> None:
    rename = {"gan": "../../etc/passwd", "dcgan": "/", "wgan": "<script>alert(1)</script>"}
    results = synthetic.make(seeds=(0,), datasets=("ring8",), rename=rename)
    site.write_site(results, tmp_path / "site")
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    assert {*site.file_names(results).values()} <= {path.name for path in (tmp_path / "site").iterdir()}
    assert "<script>alert" not in (tmp_path / "site" / "index.html").read_text()


@pytest.mark.parametrize("kind", ["empty", "half_finished", "all_failed"])
def test_a_site_of_any_results(synthetic: ModuleType, tmp_path: Path, kind: str) -> None:
    results = getattr(synthetic, kind)()
    index = site.write_site(results, tmp_path)
    assert index == tmp_path / "index.html" and index.is_file()
    assert len([*tmp_path.glob("variant-*.html")]) == (0 if kind == "empty" else 3)


def test_a_variant_of_one_dataset_has_no_word_of_the_other(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0,))
    lacking = (results.runs["label"] == "gan") & (results.runs["dataset"] == "mnist5k")
    gone = set(results.runs.loc[lacking, "run"])
    for frame in ("runs", "scores", "losses"):
        found = getattr(results, frame)
        setattr(results, frame, found[~found["run"].isin(gone)])
    everyone = site.Page(site.Report(results))
    boards = {section.dataset: site.standings(section) for section in everyone.sections}
    source = site.variant(everyone, boards, "gan", site.file_names(results))
    assert 'id="ring8"' in source and 'id="mnist5k"' not in source


def test_files_of_others_stay(synthetic: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "CNAME").write_text("gans.example")
    site.write_site(synthetic.empty(), tmp_path)
    assert (tmp_path / "CNAME").read_text() == "gans.example"


def test_one_page_alone_is_not_changed_by_it(synthetic: ModuleType) -> None:
    assert POLICY in page.render(synthetic.empty())
