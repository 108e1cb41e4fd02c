"""Settings of a suite from the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ganbench.errors import BadSuite
from ganbench.suite import loading as suite
from ganbench.suite.language import parse
from ganbench.suite.settings import value_of, written_before

SuiteFile = Callable[..., Path]
TEXT = 'budget = { images = 10 }\n[[dataset]]\nname = "a"\n[[dataset]]\nname = "b"\n[[variant]]\nname = "gan"\n'


def changed(*settings: str):
    return parse(written_before(TEXT, settings), "here")


def test_a_setting_changes_the_table_that_it_names() -> None:
    table = changed("seeds=5", "budget.images=2e5", "name=faces", "controls=['real']", "description=a b")
    assert (table.seeds, table.budget.images, table.name, table.controls) == (5, 2e5, "faces", ["real"])
    assert table.description == "a b"


def test_of_datasets_and_variants_all_are_meant_and_what_is_no_key_of_theirs_is_an_option() -> None:
    table = changed("dataset.size=32", "dataset.samples=50", "variant.loss.name=hinge", "variant.options.width=8")
    assert [dataset.options for dataset in table.dataset] == [{"size": 32}] * 2
    assert [dataset.samples for dataset in table.dataset] == [50, 50]
    assert table.variant[0].options == {"loss": {"name": "hinge"}, "width": 8}


def test_a_path_begins_at_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my pictures").mkdir()
    assert changed("dataset.path=my pictures").dataset[0].options["path"] == str(tmp_path / "my pictures")
    assert changed("dataset.path=./my pictures").dataset[0].options["path"] == str(tmp_path / "my pictures")
    assert changed("dataset.path=nowhere").dataset[0].options["path"] == "nowhere"


def test_results_keep_the_settings_with_the_text(suite_file: SuiteFile) -> None:
    loaded = suite.load(suite_file(), settings=["seeds=1", "variant.width=4"])
    assert loaded.text.startswith("#:set seeds=1\n#:set variant.width=4\n")
    again = suite_file()
    again.write_text(loaded.text)
    assert [run.id for run in suite.load(again).runs] == [run.id for run in loaded.runs]
    assert loaded.runs[0].variant.options["width"] == 4


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("seeds", "it needs a key and a value"),
        ("=5", "it needs a key and a value"),
        ("seeds=\n5", "it needs a key and a value"),
        ("sedes=5", "No 'sedes' among the settings here. Did you mean 'seeds'?"),
        ("seeds.many=5", "seeds, many: No 'many' among the settings here"),
        ("name.many=5", "name: found"),
        ("seeds=-1", "seeds: found -1"),
    ],
)
def test_what_is_no_setting_is_refused(setting: str, words: str) -> None:
    with pytest.raises(BadSuite, match=words):
        changed(setting)


def test_a_setting_in_what_is_no_table_is_refused() -> None:
    with pytest.raises(BadSuite, match="there stands 10, which is no table"):
        changed("budget.images.more=3")


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("2e5", 2e5), ("true", True), ("[1, 2]", [1, 2]), ("a", "a"), ("'5'", "5")]
)
def test_a_value_is_as_in_toml_and_a_word_needs_no_quotes(text: str, value: object) -> None:
    assert value_of(text) == value
