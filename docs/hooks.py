"""What MkDocs asks while it builds the site: pages that are made of the code, and links that lead out of the folder."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from ganbench import plugins
from ganbench.plugins.describe import Description, describe

HERE = Path(__file__).parent
KINDS = {"variants": "Variants", "metrics": "Metrics"}


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each variant and metric, and an index of each kind."""
    for path, text in pages():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Of a link to a file of the repository leave the name: the site does not hold it."""
    return re.sub(r"(?<!!)\[([^\]]*)\]\(\.\./[^)]*\)", r"\1", markdown)


def pages() -> Iterator[tuple[str, str]]:
    """Path and text of every page that is made of the code."""
    for kind, title in KINDS.items():
        found = {name: describe(kind, name) for name in plugins.names(kind)}
        yield f"{kind}/index.md", index(title, found)
        for name, one in found.items():
            yield f"{kind}/{name}.md", page(kind, one)


def index(title: str, found: dict[str, Description]) -> str:
    """A table of a kind, a row each."""
    rows = [f"| [`{name}`]({name}.md) | {escaped(one.summary)} |" for name, one in found.items()]
    return "\n".join([f"# {title}", "", "| name | what it is |", "| --- | --- |", *rows, ""])


def page(kind: str, one: Description) -> str:
    """A plugin in the words of its own file, its options, and a suite that uses it."""
    rows = [f"| `{o.name}` | `{o.type}` | {o.range} | `{o.default}` | {escaped(o.comment)} |" for o in one.options]
    head = ["## Options", "", "| option | type | range | default | meaning |", "| --- | --- | --- | --- | --- |"]
    parts = [links(one.text), "", *samples(one.name), *([*head, *rows, ""] if rows else []), *example(kind, one.name)]
    return "\n".join([f"# {one.name}", "", *parts])


def samples(name: str) -> list[str]:
    """What a variant drew, and in which runs, where docs/samples.py has a picture of it."""
    picture = f"pictures/variants/{name}.webp"
    caption = json.loads((HERE / "pictures/variants/captions.json").read_text()).get(name)
    return ["## Samples", "", f"![Samples of {name}](../{picture})", "", caption, ""] if caption else []


def example(kind: str, name: str) -> list[str]:
    """How a suite names it."""
    lines = ["[[variant]]", f'name = "{name}"'] if kind == "variants" else ["[[dataset]]", f'metrics = ["{name}"]']
    return ["## In a suite", "", "```toml", *lines, "```", ""]


def links(text: str) -> str:
    """Bare addresses as links."""
    return re.sub(r"(?<![(<])(https?://[^\s),]+[^\s),.])", r"<\1>", text)


def escaped(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", r"\|").replace("\n", " ")


def suite_page(schema: dict[str, Any]) -> str:
    """Every key of the suites' language, as `suites/suite.schema.json` has them. It is kept as docs/suite.md."""
    tables = {"A suite": schema, **schema.get("$defs", {})}
    lines = [
        "# Every key of a suite", "",
        "Made of the language's own models: `python docs/hooks.py` writes it anew. A suite is one TOML file; "
        "[`suites/quick.toml`](../suites/quick.toml) is a good one to copy.", "",
    ]  # fmt: skip
    for title, table in tables.items():
        if table.get("properties"):
            lines += [
                f"## {title}",
                "",
                *([" ".join(table["description"].split()), ""] if "description" in table else []),
            ]
            lines += ["| key | type | default | example | meaning |", "| --- | --- | --- | --- | --- |"]
            lines += [key_row(key, about) for key, about in table["properties"].items()]
            lines.append("")
    return "\n".join([*lines, "## A search", "", ABOUT_SEARCH, "", "```toml", SEARCH, "```", ""])


def key_row(key: str, about: dict[str, Any]) -> str:
    """A key, its type, its default, an example and its meaning."""
    default = f"`{toml(about['default'])}`" if about.get("default") is not None else ""
    example = f"`{key} = {toml(about['examples'][0])}`"
    cells = [f"`{key}`", type_words(about), default, example, about.get("description", "")]
    return f"| {' | '.join(map(escaped, cells))} |"


def toml(value: Any) -> str:
    """A value as TOML writes it in one line."""
    match value:
        case dict():
            return f"{{ {', '.join(f'{key} = {toml(one)}' for key, one in value.items())} }}" if value else "{}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case bool() | str():
            return json.dumps(value)
        case int():
            return f"{value:_}"
    return f"{value:g}"


def type_words(about: dict[str, Any]) -> str:
    """A type of the schema in words."""
    if "$ref" in about:
        return about["$ref"].rpartition("/")[2]
    if "enum" in about:
        return " or ".join(f"`{value}`" for value in about["enum"])
    choices = about.get("anyOf") or about.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(type_words(one) for one in choices if one.get("type") != "null"))
    if about.get("type") == "array":
        return f"list of {type_words(about.get('items', {})) or 'anything'}"
    return str(about.get("type", ""))


ABOUT_SEARCH = """One learning rate for all compares rates, not formulations. With `search` every variant's options
are chosen by equally many trials, before the board:

- A trial trains the variant for the whole budget, with values of the options in `over`. All who search the same values
  try the same points of their grid, drawn at random. A variant with other options has an `over` of its own.
- Trials have seeds of their own, from 1,000,000 on. The best by the primary metric at the end of the budget, on the
  validation split, trains the seeds of the board. A trial that failed is the worst.
- Trials are runs like any other: the same command goes on after a stop, `status` counts them, `--only` fits them by
  their variant and dataset. With `--shard` each part does its trials; then `ganbench merge` joins the parts, and the
  same command with the joined results does the board, in parts again or at once.
- The report shows the chosen options, how good one, half and all of the trials are (Lucic et al., 2018), and what they
  cost. No other number of it is of trials.""".rstrip()

SEARCH = """seeds = 3
budget = { images = 20_000 }
search = { trials = 4, over = { lr = [2e-4, 5e-4, 1e-3, 2e-3], width = [32, 64] } }

[[dataset]]
name = "ring8"
options = { sigma = 0.05 }

[[variant]]
name = "gan"

[[variant]]
name = "wgan"
over = { lr = [1e-4, 4e-4], n_critic = [1, 2, 5] }""".rstrip()


if __name__ == "__main__":
    from ganbench.suite.language import schema

    (HERE / "suite.md").write_text(suite_page(schema()), encoding="utf-8")
