"""The guard of other repositories: each step does here what it says, by the shell that it contains."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / ".github/actions/guard/action.yml").read_text())
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/guard.yml").read_text())
GITLAB = yaml.safe_load((ROOT / ".github/gitlab/guard.yml").read_text())
PAGE = (ROOT / "docs/my-repository.md").read_text()
Command = Callable[..., Any]


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., str]:
    """Run a script as GitHub's `bash` does, with a pip that only notes what it is asked for."""
    tools, home = tmp_path / "tools", tmp_path / "home"
    tools.mkdir()
    home.mkdir()
    (tools / "pip").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/pip.txt\n')
    (tools / "pip").chmod(0o755)
    path = f"{tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(script: str, cwd: Path = home, **env: str) -> str:
        assert "${{" not in script, "what GitHub fills in goes through `env`, never into the script"
        known = {**os.environ, "PATH": path, "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_SHA": "0123abc", **env}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=known)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return run


def test_the_steps_check_and_keep_what_a_run_left(ganbench: Command, shell: Command, made_up: Command) -> None:
    """The run itself is a stand-in, some of whose runs failed: exit code 3, which is the check's affair."""
    home = Path(shell("pwd").strip())
    folder = made_up({("d", "gan", "fid"): [10.0, 10.1, 10.2]}, name="mine")
    (folder / "report.html").write_text("<!doctype html>")
    assert ganbench("baseline", folder, "--out", home / "baseline.json").code == 0
    real, ours = Path(sys.executable).parent / "ganbench", home.parent / "tools/ganbench"
    left = f'[ "$1" = run ] && mkdir -p "$4" && cp -r {folder} "$4/" && exit 3'
    ours.write_text(f'#!/bin/bash\n{left}\nexec {real} "$@"\n')
    ours.chmod(0o755)
    env = {"SUITE": "suite.toml", "BASELINE": "baseline.json", "GANBENCH": "ganbench", "REQUIREMENTS": "my needs.txt"}
    for step in ACTION["runs"]["steps"]:
        shell(step["run"], **env)
    asked = (home.parent / "pip.txt").read_text()
    assert "download.pytorch.org/whl/cpu" in asked and asked.splitlines()[-1] == "install ganbench -r my needs.txt"
    assert (home.parent / "output").read_text() == "code=0\n"
    kept = {file.name for file in (home / "guard").iterdir()}
    assert kept == {"report.html", "comment.md", "junit.xml", "history.json", "baseline.json"}
    assert json.loads((home / "guard/history.json").read_text())["suite"] == "mine"


def test_a_history_is_kept_on_a_branch_of_its_own(ganbench: Command, shell: Command, made_up: Command) -> None:
    cells = {("d", "gan", "fid"): [10.0, 10.1, 10.2]}
    steps = [step["run"] for step in WORKFLOW["jobs"]["history"]["steps"] if "run" in step]
    home = Path(shell("pwd").strip())
    for command in (
        "git init -q --bare ../remote && git clone -q ../remote .",
        "git config user.name a && git config user.email a@b && git switch -qc main",
        "echo x > code.py && git add . && git commit -qm x && git push -q origin main",
    ):
        shell(command)
    (home.parent / "guard").mkdir()
    for i in range(2):
        folder = made_up(cells, into=f"r{i}", commit=f"{i}123abc")
        (home.parent / "guard/history.json").unlink(missing_ok=True)
        ganbench("baseline", folder, "--out", home.parent / "guard/history.json")
        for script in steps:
            shell(script.replace("$(date +%s)", str(i)), RUNNER_TEMP=str(home.parent), GANBENCH="ganbench")
        shell("git switch -q main")
    files = shell("git ls-tree -r --name-only origin/ganbench-history").split()
    assert files == ["results/0-0123abc.json", "results/1-0123abc.json", *files[2:]]
    assert "site/history.html" in files and "code.py" not in files


def test_who_runs_a_strangers_code_may_only_read() -> None:
    jobs = WORKFLOW["jobs"]
    assert jobs["guard"]["permissions"] == {"contents": "read"} and WORKFLOW["permissions"] == {}
    for job in jobs.values():
        for step in job["steps"]:
            named = step.get("uses", "@" + "0" * 40)
            assert named.startswith("./.ganbench/") or re.search(r"@[0-9a-f]{40}$", named), f"{named} is not pinned"
            assert "${{" not in step.get("run", "")


def test_gitlabs_twin_runs_the_same_commands() -> None:
    said = "\n".join(step["run"] for step in ACTION["runs"]["steps"])
    for line in GITLAB["guard"]["script"]:
        words = line.split(" --markdown")[0].split(" || ")[0]
        assert words in said, line


def shown(start: str) -> dict[str, str]:
    """The files of a repository that docs/my-repository.md shows, whose names begin so."""
    blocks = re.findall(r"^```yaml\n(# (\S+)\n.*?)^```", PAGE, re.M | re.S)
    return {name: text for text, name in blocks if name.startswith(start)}


@pytest.mark.parametrize(
    ("kind", "files", "start"),
    [
        ("github-workflows", [*(ROOT / ".github/workflows").glob("*.yml")], ".github/workflows/"),
        ("github-actions", [ROOT / ".github/actions/guard/action.yml"], ".github/actions/"),
        ("gitlab-ci", [ROOT / ".github/gitlab/guard.yml"], ".gitlab-ci"),
    ],
    ids=["workflows", "action", "gitlab"],
)
def test_the_files_and_those_of_the_page_follow_their_schemas(
    kind: str, files: list[Path], start: str, tmp_path: Path
) -> None:
    pytest.importorskip("check_jsonschema")
    for name, text in shown(start).items():
        files = [*files, tmp_path / Path(name).name]
        files[-1].write_text(text)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{kind}", *map(str, files)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_the_page_sets_what_the_files_take() -> None:
    quality, own = (yaml.safe_load(text) for text in shown(".github").values())
    taken = WORKFLOW[True]["workflow_call"]["inputs"]  # YAML 1.1 reads the word `on` as true
    assert {*quality["jobs"]["guard"]["with"]} <= {*taken} <= {*re.findall(r"`(\w+)`", PAGE)}
    assert {*own["jobs"]["guard"]["steps"][2]["with"]} <= {*ACTION["inputs"]}
    (gitlab,) = shown(".gitlab").values()
    assert {*yaml.safe_load(gitlab)["guard"]["variables"]} <= {*GITLAB["guard"]["variables"]}


def test_ganbench_comes_from_the_commit_of_the_workflow_unless_another_is_named() -> None:
    (install, *_), folder = ACTION["runs"]["steps"], ROOT / ".github/actions/guard"
    assert install["env"]["GANBENCH"] == "${{ inputs.ganbench || format('{0}/../../..', github.action_path) }}"
    assert (folder / "../../../pyproject.toml").is_file(), "what that path says"
    for name in ("guard", "history"):
        steps = [step["with"] for step in WORKFLOW["jobs"][name]["steps"] if step.get("with", {}).get("path")]
        assert steps[0]["path"] == ".ganbench" and steps[0]["ref"] == "${{ job.workflow_sha }}"
    owned = [path for path in (ROOT / ".github").rglob("*.yml") if "OWNER" in path.read_text()]
    assert owned == []
