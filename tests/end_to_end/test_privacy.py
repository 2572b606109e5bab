"""Nothing that was made of patients' films says whose they were."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from carina.evaluation import read_results
from carina.phantoms import PLANTED, draw, studies_of

_QUIET = (
    *("check", "encode", "run", "run joint", "card", "overview"),
    *("results", "compare", "bundle", "bundle joint"),
    *("encode reports", "pretrain", "run over", "bundle over"),
)
"""Verbs of which every word may stand in a log; `predict` says again what it was asked."""


def forms(text: str) -> set[bytes]:
    """A text as files may hold it: in UTF-8 and UTF-16, any case is looked for later."""
    return {text.casefold().encode(), text.casefold().encode("utf-16-le")}


def readings(path: Path) -> Iterable[bytes]:
    """The bytes of a file, its own name, and what is packed in it."""
    yield str(path.name).encode()
    yield path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield repr(table.schema.metadata).encode()
        for name in table.column_names:
            yield "\n".join({str(cell) for cell in table[name].to_pylist()} | {name}).encode()
    if path.suffix == ".safetensors":
        with safe_open(path, framework="np") as file:
            yield f"{file.metadata()} {list(file.keys())}".encode()


def leaks(readings: Iterable[bytes], wanted: Iterable[str]) -> set[str]:
    """Which of the texts stand somewhere in the readings, in any case."""
    found: set[str] = set()
    folded = [reading.lower() for reading in readings]
    for text in wanted:
        if any(form in reading for form in forms(text) for reading in folded):
            found.add(text)
    return found


@pytest.fixture(scope="module")
def planted(way: Any) -> set[str]:
    """Every identifying text in the films' headers, table and file names."""
    films = [path.name for path in way["data/images"].iterdir()]
    texts = {*PLANTED, *films, *(Path(name).stem for name in films)}
    for patient in range(24):
        for study in range(studies_of(2, patient)):
            texts |= set(draw(2, patient, study, size=64).identity.planted)
    return texts


def test_the_films_and_their_table_hold_what_is_looked_for(way: Any, planted: set[str]) -> None:
    films = [reading for path in way["data"].rglob("*.dcm") for reading in readings(path)]
    table = list(readings(way["data/phantoms.csv"]))
    dates = {text for text in planted if re.fullmatch(r"\d{8}|\d{4}-\d\d-\d\d", text)}

    assert set(PLANTED) <= leaks(films, planted)
    assert {text for text in dates if "-" not in text} <= leaks(films, planted)
    assert "PHX-" in leaks(table, planted)
    assert leaks(table, planted) & dates


@pytest.mark.parametrize("text", ["PHX-00003", "Plantagenet-Cole", "19010304", "PHX-00003-1.dcm"])
def test_the_search_finds_what_is_planted_in_each_kind_of_file(text: str, tmp_path: Path) -> None:
    import numpy as np
    import pyarrow as pa
    from safetensors.numpy import save_file

    rows = pa.table({"image": pa.array([f"a {text} b"] * 5000).dictionary_encode()})
    pq.write_table(rows, tmp_path / "a.parquet", compression="zstd")
    save_file({"w": np.zeros(2)}, tmp_path / "b.safetensors", metadata={"from": text})
    (tmp_path / "c.html").write_text(f"<p>{text.upper()}</p>")
    (tmp_path / "d.bin").write_bytes(text.encode("utf-16-le"))
    (tmp_path / f"{text}.json").write_text("{}")

    for path in tmp_path.iterdir():
        assert leaks(readings(path), [text, "Eleanor"]) == {text}, path.suffix


def test_nothing_made_of_the_films_names_a_patient_a_day_or_a_file(
    way: Any, planted: set[str]
) -> None:
    assert {path.suffix for path in way.made} >= {".parquet", ".safetensors", ".json", ".html"}

    found = {
        str(path.relative_to(way.root)): leaks(readings(path), planted)
        for path in way.made
        if path.suffix != ".toml"
    }

    assert {path: texts for path, texts in found.items() if texts} == {}


def test_no_folder_is_named_after_a_patient(way: Any, planted: set[str]) -> None:
    names = [str(path.relative_to(way.root)).encode() for path in way.made]

    assert leaks(names, planted) == set()


@pytest.mark.parametrize("verb", _QUIET)
def test_no_verb_says_a_name_a_day_or_a_file(verb: str, way: Any, planted: set[str]) -> None:
    _, out, err = way.said[verb]

    assert leaks([out.encode(), err.encode()], planted) == set()


def test_answers_name_the_files_that_were_asked_for_and_nothing_else(
    way: Any, planted: set[str]
) -> None:
    _, out, err = way.said["predict"]
    names = re.findall(r'"([^"]*\.dcm)"', out)
    rest = out
    for name in names:
        rest = rest.replace(name, "")

    assert set(names) == {str(path) for path in way["data/images"].iterdir()}
    assert leaks([rest.encode(), err.encode()], planted) == set()


def test_a_header_that_is_written_wrongly_is_not_quoted(
    way: Any, planted: set[str], tmp_path: Path
) -> None:
    """DICOM libraries warn of values that no date may have, and say which; carina does not."""
    data = shutil.copytree(way["data"], tmp_path / "data")
    births = {text.encode() for text in planted if re.fullmatch(r"1[78]\d{6}", text)}
    wrong = 0
    for film in (data / "images").iterdir():
        content = film.read_bytes()
        for birth in births:
            wrong += content.count(birth)
            content = content.replace(birth, b"PHX-0000")
        film.write_bytes(content)
    words = (
        ["check", str(data)],
        [*("encode", str(data), "--encoder", "toy-image", "--store", str(tmp_path / "store"))],
    )
    for line in words:
        done = subprocess.run([sys.executable, "-m", "carina", *line], capture_output=True)

        assert done.returncode == 0
        assert leaks([done.stdout, done.stderr], planted) == set()
    assert wrong > 20


def test_reports_stay_where_they_are(way: Any) -> None:
    """No sentence of a report, though reports are read where an alignment is fitted."""
    assert read_results(next(way["joint"].iterdir()) / "results.json").zero_shot
    lines = (way["data/phantoms.csv"]).read_text().split('"')
    sentences = {s.strip() for part in lines[1::2] for s in part.split(".") if len(s.split()) > 4}
    kept = [reading for path in way.made if path.suffix != ".toml" for reading in readings(path)]

    assert len(sentences) > 20
    assert leaks(kept, sentences) == set()
