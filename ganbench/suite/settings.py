"""`--set KEY=VALUE`: one setting of a suite, changed from the command line.

    --set seeds=5  --set budget.images=2e5  --set dataset.path=~/faces  --set name=faces

Keys are the suite's own, with dots between them. Of the tables [[dataset]] and [[variant]] all are meant, and what is
none of their own keys is one of their options. Results keep the settings as lines `#:set KEY=VALUE` before the suite's
text, and so may a suite.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ganbench.errors import BadSuite, shortened

MARK = "#:set "


def written_before(text: str, settings: Iterable[str]) -> str:
    """A suite's text with settings, whose paths begin at the current folder. Raises BadSuite."""
    lines = []
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (equals and key.strip() and value.strip()) or not setting.isprintable():
            raise BadSuite(f"Found --set {shortened(setting)}, but it needs a key and a value: --set seeds=5.")
        lines.append(f"{MARK}{key.strip()}={_from_here(value.strip())}\n")
    return "".join(lines) + text


def with_settings(suite: dict[str, Any], text: str, own: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """A suite's tables as its text changes them; `own` keys have the tables of each list of tables."""
    for line in text.splitlines():
        if line.startswith(MARK):
            key, _, value = line.removeprefix(MARK).partition("=")
            _set(suite, _in_options(key.split("."), own), value_of(value))
    return suite


def value_of(text: str) -> Any:
    """A value as TOML has it; a word needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _in_options(keys: list[str], own: Mapping[str, Iterable[str]]) -> list[str]:
    return [keys[0], "options", *keys[1:]] if len(keys) > 1 and keys[1] not in own.get(keys[0], keys) else keys


def _set(table: Any, keys: list[str], value: Any) -> None:
    """Set it in a table, or in each of a list of tables."""
    first, *rest = keys
    for one in table if isinstance(table, list) else [table]:
        if not isinstance(one, dict):
            found = shortened(repr(one), 60)
            raise BadSuite(f"Found --set for {'.'.join(keys)!r}, but there stands {found}, which is no table.")
        if rest:
            _set(one.setdefault(first, {}), rest, value)
        else:
            one[first] = value


def _from_here(value: str) -> str:
    """A file or a folder that is there from where the command is given, by its whole path; all else as it is."""
    path = Path(value.strip("'\"")).expanduser()
    return (
        f'"{path.resolve().as_posix()}"'
        if ("/" in value or "\\" in value or path.is_dir()) and path.exists()
        else value
    )
