"""What the user can mend ends with exit code 2 and a sentence on stderr: what was found, what is needed, the cure."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganbench import errors

Command = Callable[..., Any]

VARIANT = 'name = "gan"\noptions = { width = 8, z_dim = 2 }'
DATASET = 'name = "ring8"\noptions = { points = 1000, sigma = 0.1 }'


def variant(options: str) -> tuple[str, str]:
    return "width = 8, z_dim = 2", options


def dataset(settings: str) -> tuple[str, str]:
    return 'name = "ring8"', f'name = "ring8"\n{settings}'


def digits(name: str, size: int, settings: str = "") -> tuple[tuple[str, str], tuple[str, str]]:
    return (DATASET, f'name = "mnist5k"\noptions = {{ size = {size} }}\n{settings}'), (VARIANT, f'name = "{name}"')


EQUAL = ("updates = 20", "updates = 20, parameters = 300_000")

BAD: dict[str, tuple[Any, str]] = {
    # names
    "unknown variant": ([('"gan"', '"wgam"')], "ring8, wgam: No 'wgam' among the variants. Did you mean 'wgan'?"),
    "unknown dataset": (
        [('"ring8"', '"ring9"')],
        "No 'ring9' among the datasets. Did you mean 'ring8'? There are: blobs, cifar10,",
    ),
    "unknown control": ([('"noise"', '"noisy"')], "No 'noisy' among the variants. Did you mean 'noise'?"),
    "unknown metric": ([dataset('metrics = ["fidd"]')], "No 'fidd' among the metrics. Did you mean 'fid'?"),
    "unknown judge": (
        [dataset('judge = "thruth"')],
        "No 'thruth' among the judges. Did you mean 'truth'? There are: inception, mnist,",
    ),
    "unknown loss": ([variant('loss = "hing"')], "No 'hing' among the losses. Did you mean 'hinge'?"),
    "unknown option": (
        [variant("widht = 8")],
        "ring8, gan: No 'widht' among the options of gan. Did you mean 'width'?",
    ),
    "unknown option of a dataset": (
        [("points", "point")],
        "No 'point' among the options of ring8. Did you mean 'points'?",
    ),
    "option of a control": (
        [('"noise"]', '"noise"]\n[[variant]]\nname = "real"\nlabel = "r"\noptions = { a = 1 }')],
        "No 'a' among the options of real. There are none.",
    ),
    "unknown setting": ([("seeds", "seed")], "seed: No 'seed' among the settings here. Did you mean 'seeds'?"),
    "unknown setting of a variant": (
        [("options = { width", "option = { width")],
        "variant, number 1, option: No 'option' among the settings here. Did you mean 'options'?",
    ),
    "unknown dataset in on": (
        [(VARIANT, f"{VARIANT}\non.ring = {{ lr = 1.0 }}")],
        "gan: No 'ring' among the datasets of this suite. Did you mean 'ring8'?",
    ),
    "unknown dataset in datasets": (
        [(VARIANT, f'{VARIANT}\ndatasets = ["grid25"]')],
        "No 'grid25' among the datasets of this suite. There are: ring8.",
    ),
    # types and amounts
    "word for a number": (
        [variant('width = "wide"')],
        "Option 'width' of gan: found 'wide'. Input should be a valid integer; the default is 256.",
    ),
    "fraction for a whole number": ([variant("width = 8.5")], "found 8.5. Input should be a valid integer"),
    "truth value for a number": ([variant("width = true")], "found True. Input should be a valid integer"),
    "number for a loss": (
        [variant("loss = 3")],
        "found 3. It must be a name, or a table of a name and options; the default is 'nonsaturating'.",
    ),
    "impossible width": ([variant("width = -1")], "Option 'width' of gan: found -1. Input should be greater than"),
    "impossible rate": ([variant("lr = -1")], "Option 'lr' of gan: found -1. Input should be greater than 0"),
    "empty batches": (
        [(VARIANT, 'name = "toys.py:Toy"\noptions = { batch = 0 }')],
        "toys.py:Toy takes batches of 0, but a step needs at least 1 sample.",
    ),
    "players that never move": (
        [(VARIANT, 'name = "toys.py:Resting"')],
        "toys.py:Resting gives G 0 steps in a round, but it needs at least 1.",
    ),
    "word for seeds": (
        [("seeds = 2", 'seeds = "two"')],
        "seeds: found 'two'. Input should be a valid integer. How many, which",
    ),
    "no seeds": ([("seeds = 2", "seeds = []")], "seeds: found []. List should have at least 1 item"),
    "one seed twice": (
        [("seeds = 2", "seeds = [4, 4]")],
        "gan on ring8, seed 4 is the same run as gan on ring8, seed 4. Remove one",
    ),
    "unknown unit": (
        [("updates", "epochs")],
        "budget, epochs: No 'epochs' among the settings here. There are: flops, images, parameters, seconds, updates.",
    ),
    "two budgets": (
        [("updates = 20", "updates = 20, images = 9")],
        "budget: found {'updates': 20, 'images': 9}. It needs exactly one of images, updates, seconds, flops.",
    ),
    "no budget": (
        [("budget = { updates = 20 }", "")],
        "found no budget, which is needed. The length of a run, one unit and its amount, and maybe its size.",
    ),
    "negative budget": (
        [("updates = 20", "updates = -20")],
        "budget, updates: found -20. Input should be greater than 0.",
    ),
    "endless budget": (
        [("updates = 20", "updates = inf")],
        "budget, updates: found inf. Input should be a finite number.",
    ),
    "a budget of parameters alone": (
        [("updates = 20", "parameters = 20")],
        "budget: found {'parameters': 20}. It needs exactly one of images, updates, seconds, flops.",
    ),
    "part of a parameter": (
        [("updates = 20", "updates = 20, parameters = 1e3")],
        "budget, parameters: found 1000.0. Input should be a valid integer. A whole number: of D and G together.",
    ),
    "no parameters": (
        [("updates = 20", "updates = 20, parameters = 0")],
        "budget, parameters: found 0. Input should be greater than 0.",
    ),
    "parameters of a dataset that are not many": (
        [dataset("budget = { updates = 20, parameters = -3 }")],
        "dataset, number 1, budget, parameters: found -3. Input should be greater than 0.",
    ),
    "a width and parameters": (
        [EQUAL],
        "ring8, gan: Found parameters = 300,000 in the budget and width = 8 in the options of gan, "
        "but the one decides the other. Leave one of them out.",
    ),
    "a width on one dataset and parameters": (
        [EQUAL, (VARIANT, 'name = "gan"\non.ring8 = { width = 9 }')],
        "ring8, gan: Found parameters = 300,000 in the budget and width = 9",
    ),
    "parameters for what has no width": (
        [EQUAL, (VARIANT, 'name = "toys.py:Toy"')],
        "Found parameters = 300,000 in the budget, but toys.py:Toy has no option `width`",
    ),
    "fewer parameters than there can be": (
        [("updates = 20", "updates = 20, parameters = 100"), variant("z_dim = 50")],
        "No width of gan comes within 5% of 100 parameters: width 1 has 68, width 2 has 141. "
        "Ask for one of these amounts, or change z_dim.",
    ),
    "parameters for what does not fit": (
        [EQUAL, *digits("dcgan", 28)],
        "Found images of side 28, but this architecture halves them",
    ),
    "unknown precision": (
        [("seeds", 'precision = "float16"\nseeds')],
        "found 'float16'. Input should be 'float32', 'tf32' or",
    ),
    "a name that is a path": ([("seeds", 'name = "../elsewhere"\nseeds')], "name: found '../elsewhere'."),
    "a table for a list of tables": (
        [("[[dataset]]", "[dataset]")],
        "What is trained on: a table [[dataset]] for each.",
    ),
    "no variant": ([("[[variant]]\n" + VARIANT, "")], "found no variant, which is needed."),
    # what does not go together
    "two variants of one name": (
        [("[[variant]]", '[[variant]]\nname = "gan"\n[[variant]]')],
        "two variants are called 'gan'. Give one of them a `label` of its own.",
    ),
    "a variant named like a control": (
        [("[[variant]]", '[[variant]]\nname = "real"\n[[variant]]')],
        "two variants are called 'real'.",
    ),
    "two datasets of one name": (
        [("[[variant]]", '[[dataset]]\nname = "ring8"\n[[variant]]')],
        "two datasets are called 'ring8'.",
    ),
    "one run under two names": (
        [(VARIANT, f'{VARIANT}\n[[variant]]\n{VARIANT}\nlabel = "other"')],
        "other on ring8, seed 0 is the same run as gan on ring8, seed 0. Remove one",
    ),
    "a dataset that no one wants": (
        [(VARIANT, f"{VARIANT}\ndatasets = []"), ('["real", "noise"]', "[]")],
        "ring8: no variant is trained on it. Remove it, or name it in `datasets`.",
    ),
    "too few samples for fid": (
        [dataset('metrics = ["fid"]\nsamples = 2')],
        "Found 2 samples, but fid on 2 features needs at least 3. Draw more samples",
    ),
    "a judge of images on points": ([dataset('judge = "mnist"')], "found samples of shape (2,), but needs images"),
    "modes that merge": ([("sigma = 0.1", "sigma = 0.5")], "with sigma 0.5 they merge"),
    # digits
    "impossible size of digits": (digits("gan", 20), "Found size = 20, but digits come in 8, 16, 28, 32, 64 pixels."),
    "impossible size for a variant": (
        digits("dcgan", 28),
        "Found images of side 28, but this architecture halves them",
    ),
    "a metric of mixtures on digits": (
        digits("gan", 28, 'metrics = ["modes"]'),
        "the metric 'modes' needs an exact density, which mnist5k lacks.",
    ),
    "the judge of mixtures on digits": (digits("gan", 28, 'judge = "truth"'), "needs a dataset whose density is known"),
    "too few samples for a fid on digits": (
        digits("gan", 28, "samples = 64"),
        "Found 64 samples, but fid on 64 features needs at least 65.",
    ),
    # files
    "no such plugin file": (
        [('"gan"', '"nowhere.py:Toy"')],
        "nowhere.py. A plugin's file is looked for beside the suite.",
    ),
    "no such name in a plugin file": ([('"gan"', '"toys.py:Toi"')], "Did you mean 'Toy'? There are: Demanding, Exits,"),
    "a plugin that is no variant": (
        [(VARIANT, 'name = "toys.py:NoVariant"')],
        "toys.py:NoVariant makes a NoVariant, but needs to make a ganbench.variant.Variant.",
    ),
    "a plugin without a generator": (
        [(VARIANT, 'name = "toys.py:OneSided"')],
        "has the players D, but a budget of updates needs one with `makes_samples`. Say so",
    ),
    "two players of one name": ([(VARIANT, 'name = "toys.py:Twins"')], "the players D, G, D, but each needs a name of"),
    "an option that was not given": (
        [(VARIANT, 'name = "toys.py:Demanding"')],
        "Found no option 'courage', which toys.py:Demanding needs. Give it in `options`, or by --set variant.courage=",
    ),
}


def says(ran: tuple[int, str, str], *words: str) -> None:
    code, out, err = ran
    assert code == 2, err
    assert out == "", "results alone go to stdout"
    assert "Traceback" not in err
    assert err.startswith("Error: "), err
    for word in words:
        assert word in err


@pytest.mark.parametrize("case", BAD)
def test_a_bad_suite_is_refused_before_anything_is_written(
    case: str, ganbench: Command, suite_file: Command, tmp_path: Path
) -> None:
    changes, words = BAD[case]
    path = suite_file(*changes)
    says(ganbench("run", path, "--results", tmp_path / "results"), str(path), words)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero (broken.py, line 1)."),
        ("def f(:\n", "cannot be imported: SyntaxError: invalid syntax (broken.py, line 1)."),
        ("\nimport no_such_package\n", "ModuleNotFoundError: No module named 'no_such_package' (broken.py, line 2)."),
    ],
)
def test_a_plugin_file_that_raises_is_named_with_its_line(
    ganbench: Command, suite_file: Command, text: str, words: str
) -> None:
    path = suite_file(('"gan"', '"broken.py:Toy"'))
    path.with_name("broken.py").write_text(text)
    says(ganbench("run", path), str(path.with_name("broken.py")), words)


def test_a_suite_that_is_not_toml(ganbench: Command, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("seeds = = 3")
    says(ganbench("run", path), f"{path} is not TOML: Invalid value (at line 1, column 9).")


def test_a_suite_that_is_not_there(ganbench: Command, tmp_path: Path) -> None:
    says(
        ganbench("run", tmp_path / "no.toml"),
        f"No suite at {tmp_path / 'no.toml'}.",
        "These come with ganbench: ",
        " quick,",
    )


def test_a_suite_that_is_a_folder_or_no_text(ganbench: Command, tmp_path: Path) -> None:
    says(ganbench("run", tmp_path), f"{tmp_path} cannot be read:", "Is a directory")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    says(ganbench("run", tmp_path / "bytes.toml"), "bytes.toml cannot be read:", "can't decode byte 0xff")


def test_only_that_fits_nothing(ganbench: Command, suite_file: Command) -> None:
    says(
        ganbench("run", suite_file(), "--only", "gam"),
        "--only 'gam' fits none of the runs: gan/ring8, noise/ring8, real/ring8",
    )


def test_a_scale_without_an_end(ganbench: Command, suite_file: Command) -> None:
    says(
        ganbench("run", suite_file(), "--scale", "inf"), "Found a scale of inf, but it must be a finite number above 0."
    )


def test_cuda_where_there_is_none(
    ganbench: Command, suite_file: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    ran = ganbench("run", suite_file(), "--device", "cuda", "--results", tmp_path / "results")
    says(ran, "No CUDA device found: torch", "built", "Use --device cpu, or see `ganbench doctor`.")
    assert not (tmp_path / "results").exists()


# Results


def test_results_that_cannot_be_written(ganbench: Command, suite_file: Command, tmp_path: Path) -> None:
    """A file stands in the folder's place: permissions would not keep out whoever tests as root."""
    (tmp_path / "results").touch()
    ran = ganbench("run", suite_file(), "--results", tmp_path / "results")
    says(
        ran,
        f"{tmp_path / 'results' / 'tiny'} cannot be written: Not a directory. Choose another folder with --results.",
    )


def test_a_folder_that_may_only_be_read(
    ganbench: Command, suite_file: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    suite = suite_file()
    monkeypatch.setattr(Path, "mkdir", refuse)
    says(
        ganbench("run", suite, "--results", tmp_path / "r"),
        "cannot be written: Permission denied. Choose another folder",
    )


def test_a_report_or_samples_that_cannot_be_written(ganbench: Command, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "report.html"
    says(
        ganbench("report", finished, "--out", place), f"{place} cannot be written: ", "Choose another place with --out."
    )
    run = next(finished.glob("*/run.json")).parent
    says(
        ganbench("sample", run, "--out", place.with_suffix(".npz")),
        "cannot be written: ",
        "Choose another place with --out.",
    )


def test_results_that_are_not_there_or_empty(ganbench: Command, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        says(
            ganbench("report", place),
            f"{place} holds no results of ganbench. Make some: ganbench run suites/quick.toml",
        )


def test_results_of_which_no_run_has_finished(ganbench: Command, results_copy: Path) -> None:
    for run in results_copy.glob("*/run.json"):
        run.unlink()
    says(ganbench("report", results_copy), "holds no finished run. Run the suite first: ganbench run")


def test_results_of_another_version(ganbench: Command, suite_file: Command, results_copy: Path) -> None:
    manifest = results_copy / "suite.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    words = f"{results_copy} was written in format 99, this ganbench reads formats up to 2."
    says(ganbench("report", results_copy), words, "choose another folder with --results")
    says(ganbench("run", suite_file(), "--results", results_copy.parent), words)


@pytest.mark.parametrize("damage", ["", "{", "{}", "[1]", "7"])
def test_a_damaged_manifest(ganbench: Command, results_copy: Path, damage: str) -> None:
    (results_copy / "suite.json").write_text(damage)
    says(ganbench("report", results_copy), f"{results_copy / 'suite.json'} is damaged", "run the suite again")


@pytest.mark.parametrize("name", ["run.json", "scores.parquet", "losses.parquet"])
def test_a_damaged_record(ganbench: Command, results_copy: Path, name: str) -> None:
    file = next(results_copy.glob(f"*/{name}"))
    file.write_bytes(file.read_bytes()[:40])
    cure = f"Move {file.parent} away and run the suite again."
    says(ganbench("compare", results_copy, "--variants", "gan", "real"), f"{file} is damaged", cure)
    reported = ganbench("report", results_copy)  # which goes on without it
    assert reported.code == 0 and f"Left out: {file} is damaged" in reported.err and cure in reported.err


def test_results_of_several_suites_ask_for_one(ganbench: Command, results_copy: Path) -> None:
    other = results_copy.rename(results_copy.with_name("one"))
    (results_copy.parent / "two").mkdir()
    (results_copy.parent / "two" / "suite.json").write_bytes((other / "suite.json").read_bytes())
    says(ganbench("report", results_copy.parent), f"several suites. Name one: {other}, {results_copy.parent / 'two'}.")


# Samples


def test_samples_of_what_is_no_run(ganbench: Command, finished: Path, tmp_path: Path) -> None:
    says(ganbench("sample", finished, "--out", tmp_path / "s.npz"), f"{finished} is no run. Name one: ")


def test_points_are_no_images(ganbench: Command, finished: Path, tmp_path: Path) -> None:
    run = next(finished.glob("*/run.json")).parent
    says(
        ganbench("sample", run, "--out", tmp_path / "s.png"),
        "Points cannot be drawn as images: give --out a name ending in .npz",
    )


def test_a_class_that_the_data_has_not(ganbench: Command, finished: Path, tmp_path: Path) -> None:
    run = next(finished.glob("*/run.json")).parent
    says(
        ganbench("sample", run, "--out", tmp_path / "s.npz", "--label", 8),
        "ring8 has no class 8: its classes are 0 to 7.",
    )


# MNIST's files


@pytest.fixture
def mnist_suite(suite_file: Command) -> Path:
    return suite_file((DATASET, 'name = "mnist"\noptions = { size = 8 }'), (VARIANT, 'name = "gan"'))


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    return tmp_path


def test_mnist_that_is_nowhere_and_cannot_be_fetched(ganbench: Command, mnist_suite: Path, no_network: Path) -> None:
    ran = ganbench("run", mnist_suite)
    says(ran, "<urlopen error", "`ganbench data fetch mnist`", "The dataset `mnist5k` needs no download.")
    assert all(str(no_network / place / "MNIST" / "raw") in ran.err for place in ("data", "cache/ganbench"))
    assert len(ran.err.splitlines()) == 3


def test_mnist_that_is_cut_short(ganbench: Command, mnist_suite: Path, no_network: Path) -> None:
    raw = no_network / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(struct.pack(">I3I", 0x803, 60_000, 28, 28) + bytes(100))
    (raw / "train-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 60_000))
    says(
        ganbench("run", mnist_suite),
        f"{raw / 'train-images-idx3-ubyte'} has 116 bytes, its header promises 47,040,016.",
    )


def test_a_folder_to_import_without_files(ganbench: Command, no_network: Path) -> None:
    says(
        ganbench("data", "import", no_network),
        "No train-images-idx3-ubyte and train-labels-idx1-ubyte",
        str(no_network),
    )


def test_only_mnist_can_be_fetched_and_only_its_judge_trained(ganbench: Command, tmp_path: Path) -> None:
    says(ganbench("data", "fetch", "cifar"), "No 'cifar' among the datasets to download. Did you mean 'cifar10'?")
    says(
        ganbench("judge", "train", "truth", "--out", tmp_path),
        "No 'truth' among the datasets. There are: blobs,",
    )


# The rest


def test_showing_what_there_is_not(ganbench: Command, tmp_path: Path) -> None:
    says(ganbench("show", "dcgam"), "No 'dcgam' among the plugins. Did you mean 'dcgan'?")
    says(ganbench("show", f"{tmp_path}/no.py:Toy"), f"{tmp_path}/no.py cannot be read")
    (tmp_path / "bad.py").write_text("def f(:\n")
    says(ganbench("show", f"{tmp_path}/bad.py:Toy"), f"{tmp_path}/bad.py cannot be read: invalid syntax")
    (tmp_path / "empty.py").touch()
    says(ganbench("show", f"{tmp_path}/empty.py:Toy"), "its file defines no 'Toy'")


@pytest.mark.parametrize("arguments", [["run"], ["run", "s.toml", "--workers", "0"], ["list", "gans"], ["fly"]])
def test_a_command_that_is_wrong_ends_with_2_too(ganbench: Command, arguments: list[str]) -> None:
    ran = ganbench(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: ganbench" in ran.err


def test_names_are_printed_as_they_are(ganbench: Command, tmp_path: Path) -> None:
    """Neither markup nor emoji, and a long path in one piece."""
    path = tmp_path / ("deep" * 40) / "[red]:dog:.toml"
    says(ganbench("run", path), f"No suite at {path}.")


def test_a_process_ends_like_that_too() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from ganbench.cli import main; main()", "show", "gam"], capture_output=True
    )
    says((ran.returncode, ran.stdout.decode(), ran.stderr.decode()), "No 'gam' among the plugins. Did you mean 'gan'?")


def test_every_error_has_the_one_base() -> None:
    found = [thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, Exception)]
    assert len(found) == 6
    assert all(issubclass(error, errors.BenchError) and error.__name__ in errors.__doc__ for error in found)
