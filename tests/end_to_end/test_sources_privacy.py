"""Of no published data set does a store, a log or an error say whose films they were."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from carina.features import Store
from carina.studies import Manifest, read_data

SOURCES_TESTS = Path(__file__).parents[1] / "studies" / "sources"
NAMES = sorted(path.stem.replace("_", "-") for path in (SOURCES_TESTS / "minis").glob("*.py"))
SHORT = 4  # shorter identifiers stand in any number

Carina = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def miniatures() -> ModuleType:
    """The makers of miniatures that the tests of sources use."""
    path = SOURCES_TESTS / "conftest.py"
    spec = importlib.util.spec_from_file_location("source_miniatures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def secrets(manifest: Manifest) -> set[str]:
    """What tells of a patient: identifiers, names of files, days, words of reports."""
    files = {part for image in manifest.image for part in (Path(image).name, Path(image).stem)}
    reports = {line for report in manifest.report for line in report.splitlines()}
    texts = {*manifest.patient, *manifest.study, *manifest.date, *files, *reports}
    return {text for text in texts if len(text.strip()) > SHORT}


def found_in(data: bytes, texts: set[str]) -> set[str]:
    folded = data.lower()
    return {text for text in texts if text.lower().encode() in folded}


@pytest.mark.parametrize("name", NAMES)
def test_a_store_and_what_is_said_on_the_way_name_nobody(
    name: str, miniatures: ModuleType, carina: Carina, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    miniatures.build_mini(name, data)
    manifest = read_data(data)
    texts = secrets(manifest)
    assert texts
    table = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    names = "\n".join(str(path) for path in data.rglob("*")).encode()
    store = tmp_path / "store"

    said = [carina("check", data)]
    said.append(carina("encode", data, "--encoder", "toy-image", "--store", store))
    said.append(carina("store", store, "--verify"))

    assert found_in(table + names, texts), "nothing was there to be found"
    assert found_in("".join(out + err for _, out, err in said).encode(), texts) == set()
    for path in store.rglob("*"):
        assert found_in(str(path.relative_to(store)).encode(), texts) == set()
        assert not path.is_file() or found_in(path.read_bytes(), texts) == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_patient_of_any_source_can_be_forgotten(
    name: str, miniatures: ModuleType, carina: Carina, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    miniatures.build_mini(name, data)
    patient = read_data(data).patient[0]
    store = tmp_path / "store"
    carina("encode", data, "--encoder", "toy-image", "--store", store)
    before = Store(store).holdings()[0].images

    code, out, err = carina("forget", "--patient", patient, "--store", store)

    assert code == 0, err
    assert patient not in out
    assert len(patient) <= SHORT or patient not in err
    held = Store(store).holdings()
    assert sum(one.images for one in held) < before
