"""The pages whose blocks `nox -s stories` runs say what is there."""

import importlib.util
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

STORIES = ["my-model", "my-pictures", "my-repository"]


@pytest.fixture(scope="module")
def stories() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stories", Path(__file__).with_name("stories.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("story", STORIES)
def test_every_block_is_what_it_says(stories: ModuleType, story: str) -> None:
    found = list(stories.blocks(story))
    assert sum(not file for file, _ in found) >= 3, "commands"
    for file, text in found:
        if not file:
            assert subprocess.run(["bash", "-n", "-c", text]).returncode == 0
        elif file.endswith(".toml"):
            tomllib.loads(text)
        elif file.endswith(".py"):
            compile(text, file, "exec")


def test_a_story_is_followed_in_its_order(stories: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    page = "```python\n# a.py\nprint(1)\n```\n\n```sh\ntest -f a.py\necho made > b\n```\n\n```toml\nskipped = 1\n```\n"
    (tmp_path / "docs" / "one.md").write_text(page)
    monkeypatch.setattr(stories, "DOCS", tmp_path / "docs")
    (tmp_path / "empty").mkdir()
    assert stories.follow("one", tmp_path / "empty") < 60
    assert sorted(file.name for file in (tmp_path / "empty").iterdir()) == ["a.py", "b"]
    (tmp_path / "docs" / "one.md").write_text("```sh\nfalse\ntrue\n```\n")
    with pytest.raises(subprocess.CalledProcessError):
        stories.follow("one", tmp_path / "empty")
