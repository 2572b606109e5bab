"""Streams over published data sets nobody has here, on miniatures of their forms, joined."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.encoders import load_image_encoder
from carina.features import Store, encode
from carina.recipes import NAMED, Continual, Finished, Prepared, prepare, run
from carina.streams import lay_out, view
from carina.studies import Manifest, read_data

FOURTEEN = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
NIH = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
PATIENTS = 80
COLLECTION = """
films = "first-frontal"

[parts.cxp]
data = "chexpert"
reading = { reader = "chexpert", split = "hashed", fractions = { train = 0.8, val = 0.1, test = 0.1 } }

[parts.nih]
data = "nih"
reading = { reader = "nih-chestxray14", split = "hashed", fractions = { train = 0.8, val = 0.1, test = 0.1 } }
"""
TWO_HOSPITALS = """
[parts.boston]
data = "mimic"

[parts.stanford]
data = "chexpert"
reading = { reader = "chexpert", split = "hashed" }
"""


def film(path: Path, rng: np.random.Generator, *, bright: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = rng.normal(80 + bright, 25, (24, 24)).clip(0, 255)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def chexpert(root: Path, rng: np.random.Generator) -> None:
    """Blank, uncertain and asserted cells; a lateral first for some patients."""
    lines = [f"Path,Sex,Age,Frontal/Lateral,AP/PA,{','.join(FOURTEEN)}"]
    for patient in range(PATIENTS):
        for number, side in enumerate(("Lateral", "Frontal") if patient % 3 else ("Frontal",)):
            name = f"patient{patient:05}/study1/view{number + 1}_{side.lower()}.jpg"
            cells = rng.choice(["", "1.0", "0.0", "-1.0"], size=14, p=[0.5, 0.3, 0.15, 0.05])
            lines.append(f"CheXpert-v1.0/train/{name},Male,50,{side},AP,{','.join(cells)}")
            film(root / "train" / name, rng, bright=10 * int((cells == "1.0").sum()))
    root.mkdir(exist_ok=True)
    (root / "train.csv").write_text("\n".join(lines) + "\n")
    (root / "valid.csv").write_text(lines[0] + "\n")


def nih(root: Path, rng: np.random.Generator) -> None:
    lines = [
        (
            "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
            "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
        )
    ]
    for patient in range(PATIENTS):
        for number in range(1 + patient % 2):
            name = f"{patient:08}_{number:03}.png"
            there = [finding for finding in NIH if rng.random() < 0.25]
            said = "|".join(there) or "No Finding"
            lines.append(f"{name},{said},{number},{patient},050Y,F,PA,24,24,0.1,0.1,")
            film(root / "images" / name, rng, bright=10 * len(there))
    (root / "Data_Entry_2017.csv").write_text("\n".join(lines) + "\n")


def mimic(root: Path, rng: np.random.Generator) -> None:
    order = sorted(FOURTEEN)
    films, splits, labels = [], [], [f"subject_id,study_id,{','.join(order)}"]
    for patient in range(PATIENTS):
        who, study, name = f"1{patient:07}", f"5{patient:07}", f"{patient:08x}-0-0-0-0"
        split = ("train", "train", "validate", "test")[patient % 4]
        cells = rng.choice(["", "1.0", "0.0", "-1.0"], size=14, p=[0.5, 0.3, 0.15, 0.05])
        films.append(f"{name},{who},{study},PA,21800506")
        splits.append(f"{name},{study},{who},{split}")
        labels.append(f"{who},{study},{','.join(cells)}")
        place = root / "files" / f"p{who[:2]}" / f"p{who}" / f"s{study}" / f"{name}.jpg"
        film(place, rng, bright=10 * int((cells == "1.0").sum()))
    for table, lines in (
        ("metadata", ["dicom_id,subject_id,study_id,ViewPosition,StudyDate", *films]),
        ("split", ["dicom_id,study_id,subject_id,split", *splits]),
        ("chexpert", labels),
    ):
        packed = gzip.compress("\n".join([*lines, ""]).encode())
        (root / f"mimic-cxr-2.0.0-{table}.csv.gz").write_bytes(packed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three data sets in their published forms, and two collections of them."""
    root = tmp_path_factory.mktemp("published")
    for number, make in enumerate((chexpert, nih, mimic)):
        (root / make.__name__).mkdir()
        make(root / make.__name__, np.random.default_rng(number))
    (root / "rclp.toml").write_text(COLLECTION)
    (root / "hospitals.toml").write_text(TWO_HOSPITALS)
    return root


@pytest.fixture(scope="module")
def read(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Manifest, Store]]:
    """A collection by its file, and a store with its features."""
    store, done = Store(tmp_path_factory.mktemp("store") / "store"), dict[str, Manifest]()

    def of(name: str) -> tuple[Manifest, Store]:
        if name not in done:
            done[name] = read_data(folder / name)
            for _ in encode(done[name], load_image_encoder("toy-image"), store):
                pass
        return done[name], store

    return of


def small(name: str) -> Continual:
    """A named recipe on toy encoders, quickly."""
    recipe = NAMED[name]()
    return replace(
        recipe,
        encoders=("toy-image",),
        text_encoder="toy-text" if recipe.text_encoder else "",
        folds=2,
        draws=100,
    )


@pytest.mark.parametrize("plan", ["published", "joint"])
def test_the_stream_of_ceccon_runs_over_the_joined_data(
    plan: str, read: Callable[[str], tuple[Manifest, Store]], tmp_path: Path
) -> None:
    recipe = small(f"rclp-{plan}-ridge")
    *_, done = run(recipe, prepare(recipe, *read("rclp.toml")), tmp_path)
    assert isinstance(done, Finished)

    assert done.results.source == "chexpert+nih-chestxray14"
    assert len(done.results.experiences) == (1 if plan == "joint" else 7)
    assert set(done.results.taught) == ({1} if plan == "joint" else {1, 3, 4, 6, 7})
    assert any("Ceccon" in work for work in done.results.citations)


@pytest.fixture(scope="module")
def published(read: Callable[[str], tuple[Manifest, Store]]) -> Prepared:
    return prepare(small("rclp-published-ridge"), *read("rclp.toml"))


def test_each_task_is_of_one_data_set_and_shows_one_of_its_findings(published: Prepared) -> None:
    stream = lay_out(small("rclp-published-ridge").plan, published.ground())
    sources = ["chexpert", "nih-chestxray14", "chexpert", "chexpert", *["nih-chestxray14"] * 3]

    for source, experience in zip(sources, stream.experiences, strict=True):
        seen = view(experience, published.labelled)
        assert {published.labelled.sites[row] for row in experience.rows} == {source}
        assert seen.target.any(dim=1).all()
        assert seen.known.all()  # blank and uncertain count as absent
        assert experience.confounding == {}
    assert (
        stream.experiences[0].visible
        == stream.experiences[1].visible
        == (
            "Consolidation",
            "Pneumonia",
            "Pneumothorax",
        )
    )
    assert stream.experiences[2].visible == (
        "Lung Opacity",
        "Enlarged Cardiomediastinum",
        "Fracture",
        "Lung Lesion",
        "Pleural Other",
    )
    assert stream.experiences[6].visible == ("Mass", "Nodule", "Pleural Thickening")


def test_the_sound_tasks_have_every_film_of_their_data_set(published: Prepared) -> None:
    ground = published.ground()
    for experience in lay_out(small("rclp-sound-ridge").plan, ground).experiences:
        site = {published.labelled.sites[row] for row in experience.rows}
        assert len(experience.rows) == sum(ground.sites[row] in site for row in ground.rows)


def test_one_film_a_patient_is_read_and_no_lateral(
    read: Callable[[str], tuple[Manifest, Store]],
) -> None:
    manifest, _ = read("rclp.toml")

    assert len(manifest) == len(set(manifest.patient)) == 2 * PATIENTS
    assert "LATERAL" not in manifest.view


def test_a_finding_is_judged_only_where_its_data_set_labels_it(published: Prepared) -> None:
    names = published.labelled.space.names
    for finding, source in (("Hernia", "nih-chestxray14"), ("Fracture", "chexpert")):
        column = names.index(finding)
        for row in published.test:
            ours = published.labelled.sites[row] == source
            assert published.certain[row, column] == ours or not published.certain[row, column]


@pytest.mark.parametrize("plan", ["in-order", "joint"])
def test_two_hospitals_come_in_order_and_are_judged_together(
    plan: str, read: Callable[[str], tuple[Manifest, Store]], tmp_path: Path
) -> None:
    recipe = small(f"carl-cxr-{plan}-ridge")
    prepared = prepare(recipe, *read("hospitals.toml"))
    *_, done = run(recipe, prepared, tmp_path)
    assert isinstance(done, Finished)
    judged = {prepared.labelled.sites[row] for row in prepared.test}
    steps = [experience.name for experience in done.results.experiences]

    assert judged == {"mimic-cxr-jpg", "chexpert"}
    assert steps == (["mimic-cxr-jpg", "chexpert"] if plan == "in-order" else ["all"])
    assert done.results.test_images == len(prepared.test)


def test_every_named_recipe_can_be_made_and_says_what_it_is() -> None:
    made = {name: make() for name, make in NAMED.items()}

    assert all(recipe.name == name for name, recipe in made.items())
    assert all((make.__doc__ or "").endswith(".") for make in NAMED.values())
    assert len({recipe.fingerprint for recipe in made.values()}) == len(made)
    assert {name.partition("-")[0] for name in made} >= {"nih", "rclp", "carl", "phantom"}
