"""What a page costs: time, memory and size, to make and to open.

Making it keeps one processor busy, so its time is the processor's, whatever else a machine does.

pytest tests/bench/test_page.py --benchmark-only -s
"""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

import pytest

from ganbench.reports import formats

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MANY, MANY_S, MANY_BYTES, OPEN_S = 500, 30, 1.5e9, 3
QUICK_S, QUICK_BYTES = 5, 12e6

# 500 runs: 12 variants and 4 controls, on two datasets, with 16 seeds (512).
MADE = """
import importlib.util, json, pickle, sys
spec = importlib.util.spec_from_file_location("synthetic", sys.argv[1])
sys.modules["synthetic"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
variants = [f"variant{i}" for i in range(12)]
for levels in (module.RING, module.MNIST):
    for _, _, level in levels.values():
        level.update({label: level["dcgan"] * (1 + i / 10) for i, label in enumerate(variants)})
module.RING["modes"][2].update({label: 6 for label in variants})
made = module.make(seeds=range(16), variants=variants, exhibits=False, evaluations=20)
pickle.dump(made, open(sys.argv[2], "wb"))
"""
BUILT = """
import importlib.util, json, pickle, resource, sys
from pathlib import Path
from time import process_time
spec = importlib.util.spec_from_file_location("synthetic", sys.argv[1])
sys.modules["synthetic"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
made = pickle.load(open(sys.argv[2], "rb"))
from ganbench.reports import formats
began = process_time()
formats.write_report(made, Path(sys.argv[3]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"seconds": process_time() - began, "bytes": peak, "runs": len(made.runs)}))
"""
SYNTHETIC = ROOT / "tests" / "reports" / "synthetic.py"


def _python(source: str, *arguments: object) -> str:
    command = [sys.executable, "-c", source, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """The page of 500 runs, and what it took in a process of its own."""
    folder = tmp_path_factory.mktemp("many")
    _python(MADE, SYNTHETIC, folder / "results.pickle")
    found = json.loads(_python(BUILT, SYNTHETIC, folder / "results.pickle", folder / "page.html"))
    return folder / "page.html", found


def test_the_page_of_500_runs(benchmark, many):
    file, found = benchmark.pedantic(lambda: many, rounds=1)
    print(
        f"{found['runs']} runs: built in {found['seconds']:.1f} s of a processor with {found['bytes'] / 1e9:.2f} GB, "
        f"{file.stat().st_size / 1e6:.1f} MB"
    )
    assert found["runs"] >= MANY and found["seconds"] < MANY_S and found["bytes"] < MANY_BYTES


@pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on the PATH")
def test_the_page_of_500_runs_opens(benchmark, many):
    """Interactive: parsed, and a click on a header has sorted its table."""
    sync_api = pytest.importorskip("playwright.sync_api")
    file, _ = many
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()

        def opened() -> float:
            began = perf_counter()
            tab.goto(file.as_uri(), wait_until="domcontentloaded")
            tab.evaluate("document.querySelector('[data-sorts=name]').click()")
            tab.wait_for_function("document.querySelector('[data-sorts=name]').closest('th').ariaSort === 'ascending'")
            return perf_counter() - began

        took = benchmark.pedantic(opened, rounds=1, warmup_rounds=1)
        print(f"interactive after {took:.2f} s")
        browser.close()
    assert took < OPEN_S


def test_the_page_of_a_quick_run(benchmark, tmp_path):
    """As many runs, points and pictures as `suites/quick.toml` makes: ten variants, four controls, two seeds."""
    spec = importlib.util.spec_from_file_location("synthetic", SYNTHETIC)
    sys.modules["synthetic"] = synthetic = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(synthetic)

    synthetic._spoilt = lambda samples, *_: samples  # noise would not compress as what is learnt does
    variants = [f"variant{i}" for i in range(7)]
    for levels in (synthetic.RING, synthetic.MNIST):
        for _, _, level in levels.values():
            level.update(dict.fromkeys(variants, level["dcgan"]))
    made = synthetic.make(
        seeds=(0, 1), variants=(*synthetic.VARIANTS, *variants), evaluations=20, exhibits=True, diverged=()
    )
    began = process_time()
    file = benchmark.pedantic(formats.write_report, args=(made, tmp_path / "page.html"), rounds=1)
    took, size = process_time() - began, file.stat().st_size
    print(f"{len(made.runs)} runs: built in {took:.1f} s of a processor, {size / 1e6:.1f} MB")
    assert took < QUICK_S and size < QUICK_BYTES
