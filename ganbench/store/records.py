"""What a suite's `suite.json` and a run's `run.json` hold, read and checked."""

import json
from math import nan
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from ganbench.errors import BadResults, shortened
from ganbench.store.columns import PUBLISHED_COLUMNS, RUN_FLAGS, RUN_NUMBERS, RUN_TEXTS, Status
from ganbench.store.files import Types, damaged, fields, read_json
from ganbench.store.format import EXTERNAL_FOLDERS, check_format
from ganbench.store.layout import RUN, SUITE, holds_run

NUMBER = (int, float, NoneType)
RECORD = {"status": str, "reason": str, "summary": dict, "ledger": dict, "conditions": dict}
ENTRY = {"run": str, "label": str, "dataset": str, "seed": int}  # of a manifest
KNOWN: Types = {
    **dict.fromkeys(RUN_TEXTS, (str, NoneType)),
    **dict.fromkeys(RUN_NUMBERS, NUMBER),
    **dict.fromkeys(RUN_FLAGS, (bool, NoneType)),
}
MANIFEST: Types = {"format": object, "command": str, "commit": str, "runs": list, "text": str}
PUBLISHED: Types = {**dict.fromkeys(PUBLISHED_COLUMNS, str), **dict.fromkeys(("mean", "stderr", "trials"), NUMBER)}


def read_manifest(path: Path) -> dict[str, Any]:
    """The `suite.json` in a suite's folder. Raises BadResults if it is damaged, or if a newer version wrote it."""
    file = path / SUITE
    manifest = read_json(file)
    check_format(fields(manifest, {"format": object}, file)["format"], path)
    manifest = fields({"published": [], **manifest}, {**MANIFEST, "published": list}, file)
    for run in manifest["runs"]:
        name = fields(run, ENTRY, file, KNOWN)["run"]
        if name in ("", ".", "..") or any(c in name for c in "/\\\0"):
            raise damaged(file, f"it has a run {shortened(name, 60)!r}, which is no name of a folder in it")
    for row in manifest["published"]:
        fields(row, PUBLISHED, file)
    return manifest


def external_entry(path: Path, file: Path) -> dict[str, Any]:
    """The entry of samples from elsewhere, as a suite's manifest has them of its runs."""
    about = fields(read_run(file.parent)["summary"], {"label": str, "dataset": str, "seed": int}, file)
    own = {name: about[name] for name in ("label", "dataset", "seed")}
    return {"run": file.parent.relative_to(path).as_posix(), **own}


def external_records(path: Path) -> list[Path]:
    """The `run.json` of all samples from elsewhere in a suite's folder."""
    depths = f"*/{RUN}", f"*/*/{RUN}"  # earlier versions kept each seed by itself
    return sorted(file for folder in EXTERNAL_FOLDERS for depth in depths for file in path.glob(f"{folder}/{depth}"))


def read_run(path: Path) -> dict[str, Any]:
    """One run's `run.json`. Raises BadResults if the folder is no run, or if the file is damaged."""
    file = path / RUN
    if not holds_run(path):
        raise BadResults(f"{path} is no run: it has no {RUN}. A run is <results>/<suite>/<run id>.")
    record = fields({"reason": "", "ledger": {}, "conditions": {}, **read_json(file)}, RECORD, file)
    fields(record["summary"], {"label": str, "dataset": str}, file, {**ENTRY, **KNOWN})
    if record["status"] not in get_args(Status):
        raise damaged(file, f"its status is {shortened(record['status'], 60)!r}")
    fields(record["ledger"], dict.fromkeys(record["ledger"], NUMBER), file)
    fields(record["conditions"], dict.fromkeys(record["conditions"], (*NUMBER, str)), file, KNOWN)
    return record


def flat_record(path: Path) -> dict[str, Any]:
    """The flat part of a run's record; nobody knows what samples from elsewhere have cost."""
    record = read_run(path)
    unknown = dict.fromkeys(record["ledger"], nan) if record["summary"].get("guest") else {}
    return {
        **record["summary"],
        **record["ledger"],
        **unknown,
        **record["conditions"],
        "status": record["status"],
        "reason": record["reason"],
        "options": _options(record),
    }


def _options(record: dict[str, Any]) -> str:
    """What a suite set on the variant, as JSON; "" where nobody wrote it down."""
    spec = record.get("spec")
    variant = spec.get("variant") if isinstance(spec, dict) else None
    options = variant.get("options") if isinstance(variant, dict) else None
    return json.dumps(options, ensure_ascii=False) if isinstance(options, dict) else ""
