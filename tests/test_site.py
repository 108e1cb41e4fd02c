"""The site: pages made of the code are the code's, it builds without a warning, and its Korean names what there is."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

from ganbench import plugins
from ganbench.compare.gate import Gate, MetricRules
from ganbench.plugins.describe import describe
from ganbench.suite.language import (
    BudgetTable,
    DatasetTable,
    LooksTable,
    PublishedTable,
    SearchTable,
    SuiteTable,
    VariantTable,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    pytest.importorskip("mkdocs")
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs/hooks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_variant_and_metric_has_a_page_of_its_own_words(hooks: ModuleType) -> None:
    pages = dict(hooks.pages())
    for kind in ("variants", "metrics"):
        names = plugins.names(kind)
        assert {f"{kind}/{name}.md" for name in names} <= {*pages}
        for name in names:
            assert describe(kind, name).summary[:40] in pages[f"{kind}/{name}.md"]
            assert f"| [`{name}`]({name}.md) |" in pages[f"{kind}/index.md"]
    assert "| `penalty` |" in pages["variants/wgan.md"]


def test_the_page_of_a_variant_shows_what_it_drew_and_in_which_runs(hooks: ModuleType) -> None:
    pages, pictures = dict(hooks.pages()), ROOT / "docs/pictures/variants"
    names = {table["name"] for table in tomllib.loads((ROOT / "suites/quick.toml").read_text())["variant"]}
    assert {file.stem for file in pictures.glob("*.webp")} == names
    for name in names:
        shown = re.search(r"!\[[^]]+\]\(\.\./(\S+)\)\n\n(.+)", pages[f"variants/{name}.md"])
        assert shown and (ROOT / "docs" / shown[1]).stat().st_size < 10_000
        assert re.search(rf"run [0-9a-f]{{12}} \(`{name}/mnist5k/0`.* at commit [0-9a-f]{{7}}", shown[2])
        assert shown[1] in hooks.on_page_markdown(pages[f"variants/{name}.md"]), "the site keeps the picture"


def test_the_page_of_the_language_has_every_key(hooks: ModuleType) -> None:
    schema = json.loads((ROOT / "suites/suite.schema.json").read_text())
    page = (ROOT / "docs/suite.md").read_text()
    assert page == hooks.suite_page(schema)
    keys = {key for table in (schema, *schema["$defs"].values()) for key in table.get("properties", {})}
    assert [key for key in keys if f"| `{key}` |" not in page] == []


MODELS = (
    SuiteTable,
    BudgetTable,
    DatasetTable,
    VariantTable,
    PublishedTable,
    LooksTable,
    SearchTable,
    Gate,
    MetricRules,
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_has_an_example_that_fits(hooks: ModuleType, model: type[BaseModel]) -> None:
    needed = {key: field.examples[0] for key, field in model.model_fields.items() if field.is_required()}
    needed |= {"images": 1} if model is BudgetTable else {}
    for key, field in model.model_fields.items():
        text = f"{key} = {hooks.toml(field.examples[0])}"  # as the page has it
        others = {} if model is BudgetTable and key != "parameters" else needed
        found = model.model_validate_json(json.dumps({**others, **tomllib.loads(text)}))
        assert key in found.model_fields_set and getattr(found, key) != field.default


def test_the_models_are_all_that_the_schema_has() -> None:
    defined = json.loads((ROOT / "suites/suite.schema.json").read_text())["$defs"]
    assert {*defined, "SuiteTable"} == {model.__name__ for model in MODELS}


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    silent = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=silent)
    assert ran.returncode == 0 and "WARNING" not in ran.stderr, ran.stderr
    assert "학습" in (tmp_path / "site/ko/index.html").read_text(encoding="utf-8")


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 120


def test_korean_names_every_variant() -> None:
    page = (ROOT / "docs/ko.md").read_text(encoding="utf-8")
    own = [name for name in plugins.names("variants") if plugins.locate("variants", name).startswith("ganbench.zoo")]
    assert [name for name in own if f"`{name}`" not in page] == []
