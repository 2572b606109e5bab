"""The front of the command line: quick, helpful, and frozen."""

import os
import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest
from cyclopts import App

from carina.cli.main import VERBS, app, main

FLAGS = {
    "check": "data mapping policies against read as_json",
    "encode": "data encoder store weights mapping verify outputs dtype device engine reports",
    "run": "recipe data store out mapping seed on_disk as_json",
    "card": "runs out",
    "pretrain": "data store out image_encoder text_encoder recipe mapping seed as_json",
    "results": "run as_json",
    "compare": "first second as_json",
    "probe": (
        "data store out encoder recipe adaptor head shares draws findings rate batch mapping seed "
        "as_json"
    ),
    "bundle": "run out after updatable",
    "predict": "bundle images as_json weights trust_input heatmap",
    "segment": (
        "data store out encoder structure recipe masks weights mapping pictures seed as_json"
    ),
    "update": ("bundle data store mapping locked margin protocol weights trust_input as_json"),
    "rollback": "bundle to",
    "encoders": "name weights onnx as_json",
    "prompts": "bank finding",
    "prompts lint": "bank encoder as_json",
    "prompts test": "bank encoder data store image_encoder as_json",
    "store": "root verify prune",
    "forget": "patient store bundle data mapping",
    "recipes": "name",
    "demo": "out patients seed",
    "doctor": "",
}
"""The whole command line. A new flag is a promise: structure goes into recipes instead."""


def carina(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "carina", *words], capture_output=True, text=True, check=False
    )


def found(verb: str) -> App:
    """A verb as it is imported when it is used."""
    here = app
    for word in verb.split():
        here = here[word]
    return here


@pytest.mark.parametrize("verb", FLAGS)
def test_every_verb_has_its_import_path_its_help_and_just_these_flags(verb: str) -> None:
    function = found(verb).default_command

    assert function is not None
    assert list(signature(function).parameters) == FLAGS[verb].split()
    assert str(found(verb).help).strip().endswith(".")


def test_no_verb_is_without_its_list_of_flags() -> None:
    within = {
        f"{verb} {word}" for verb in VERBS for word in found(verb) if not word.startswith("-")
    }

    assert {*VERBS, *within} == set(FLAGS)
    assert all(text.endswith(".") for _, text in VERBS.values())


@pytest.mark.parametrize("said", ["", "2"])
def test_numpy_and_scipy_compute_in_one_thread_unless_told_otherwise(said: str) -> None:
    script = (
        "import os\n"
        "from carina.cli import main\n"
        "try: main(['recipes'])\n"
        "except SystemExit: pass\n"
        "import scipy.linalg, threadpoolctl\n"
        "found = threadpoolctl.threadpool_info()\n"
        "threads = {one['num_threads'] for one in found if one['internal_api'] == 'openblas'}\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'], *threads)\n"
    )
    told = {name: text for name, text in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=told | ({"OPENBLAS_NUM_THREADS": said} if said else {}),
    )
    wanted, *threads = done.stdout.splitlines()[-1].split()

    assert wanted == (said or "1")
    assert said or set(threads) <= {"1"}


def test_help_lists_every_verb_and_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from carina.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'numpy', 'matplotlib', 'polars', 'pyarrow', 'pydicom', 'scipy'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "LOADED []" in done.stdout
    assert all(verb in done.stdout for verb in VERBS)


def test_python_dash_m_carina_is_carina() -> None:
    done = carina("--version")

    assert done.returncode == 0
    assert done.stdout.strip()


def test_a_misspelt_verb_names_its_neighbour() -> None:
    done = carina("chekc")

    assert done.returncode != 0
    assert "check" in done.stdout + done.stderr


def test_a_misspelt_flag_names_its_neighbour_and_shows_no_traceback() -> None:
    done = carina("run", "nih-joint-ridge", "--data", ".", "--stroe", "x", "--out", "y")

    assert done.returncode != 0
    assert "--store" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "hints"),
    [
        (("run", "nih-joint-rigde"), ("nih-joint-ridge", "Did you mean")),
        (("run", "nowhere:recipe"), ("nowhere",)),
        (("run", "none.toml"), ("none.toml",)),
    ],
)
def test_an_unknown_recipe_is_one_clear_line(
    words: tuple[str, ...],
    hints: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    rest = ["--data", str(tmp_path), "--store", str(tmp_path), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stopped:
        main([*words, *rest])
    said = capsys.readouterr().err

    assert stopped.value.code == 2
    assert said.startswith("carina: ")
    assert all(hint in said for hint in hints)
    assert not (tmp_path / "out").exists()


def test_a_misspelt_key_of_a_recipe_file_names_its_neighbour(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'name = "mine"\nencoders = ["toy-image"]\nfold = 3\n[strategy]\nkind = "Rigde"\n'
    )
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(recipe), "--data", ".", "--store", "s", "--out", "o"])
    said = capsys.readouterr().err

    assert stopped.value.code == 2
    assert "'fold'" in said
    assert "'folds'" in said
    assert "'Ridge'" in said


def test_traceback_on_request(tmp_path: Path) -> None:
    done = carina("results", str(tmp_path), "--traceback")

    assert done.returncode != 0
    assert "MissingFile" in done.stderr
