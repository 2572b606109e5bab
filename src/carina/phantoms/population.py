"""Patients who do not exist: their studies, the splits they belong to, and the files of both.

What is drawn depends on the seed, the patient and the study, and on nothing drawn before it.
Each patient has generators of its own, so no two splits share the state of one.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from carina.core import InvalidValue, generator, write_bytes, write_text
from carina.phantoms.anatomy import (
    Build,
    Thorax,
    bones,
    lucency,
    parenchyma,
    soft_tissue,
    thorax,
    unevenness,
    vessels,
)
from carina.phantoms.canvas import Pose, canvas
from carina.phantoms.devices import monitor
from carina.phantoms.dicom import Acquisition, Identity, acquisition, identity, to_dicom
from carina.phantoms.film import SITES, developed, exposure
from carina.phantoms.findings import FINDINGS, LARGE_HEART, Lesion, lesion
from carina.phantoms.reports import tell
from carina.studies import Presence, Split

__all__ = ["Phantom", "Written", "draw", "split_of", "studies_of", "write_phantoms"]

_SPLITS = ((Split.PRETRAIN, 0.40), (Split.TRAIN, 0.32), (Split.VAL, 0.10), (Split.TEST, 0.18))
_NONE = 0.28
_EACH = 0.36
_MONITORED = 0.6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phantom:
    """One drawn study: a film, what is on it, what is said of it, and whose it would be.

    Attributes:
        pixels: From 0 (black) to 1 (white, dense).
        findings: Whether each finding was drawn.
        said: What the report says of each.
        lungs: Lungs as they are seen, not behind the heart.
        heart: The silhouette of the heart.
        lesions: Where each drawn finding lies.
        report: Findings and impression.
        patient: Identifier of the patient, planted.
        study: Identifier of the study.
        sex: "F" or "M".
        age: Whole years.
        view: "PA" or "AP".
        site: The hospital, by its look.
        date: Day of the study, ISO 8601.
        split: One for all studies of a patient.
        identity: Everything planted in the header.
        acquisition: How the film is stored.
    """

    pixels: Float[np.ndarray, "rows cols"]
    findings: Mapping[str, bool]
    said: Mapping[str, Presence]
    lungs: Bool[np.ndarray, "rows cols"]
    heart: Bool[np.ndarray, "rows cols"]
    lesions: Mapping[str, Bool[np.ndarray, "rows cols"]]
    report: str
    patient: str
    study: str
    sex: str
    age: int
    view: str
    site: str
    date: str
    split: Split
    identity: Identity
    acquisition: Acquisition

    def __post_init__(self) -> None:
        if tuple(self.findings) != FINDINGS:
            raise InvalidValue(f"A phantom says of each of {', '.join(FINDINGS)} if it was drawn.")
        if {name for name, drawn in self.findings.items() if drawn} != set(self.lesions):
            raise InvalidValue("A phantom has a lesion for each drawn finding, and no other.")

    @property
    def file_name(self) -> str:
        """The name of its image; the patient's identifier is planted in it."""
        return f"{self.study}.dcm"

    def to_dicom(self) -> bytes:
        """The whole DICOM file of it."""
        return to_dicom(
            self.pixels,
            identity=self.identity,
            acquisition=self.acquisition,
            view=self.view,
            sex=self.sex,
            age=self.age,
            study=int(self.study.rpartition("-")[2]) - 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One more phantom is on disk.

    Attributes:
        done: Patients written so far.
        patients: Patients asked for.
        images: Images written so far.
    """

    done: int
    patients: int
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """What stays the same between two studies of a patient."""

    sex: str
    age: int
    build: Build
    usual: tuple[bool, ...]
    studies: int
    site: int


def studies_of(seed: int, patient: int) -> int:
    """How many studies a patient has, 1 or 2."""
    return _person(seed, patient).studies


def split_of(seed: int, patient: int) -> Split:
    """The split a patient belongs to, however many others there are."""
    at = generator(seed, "phantom", patient, "split").random()
    for split, share in _SPLITS:
        at -= share
        if at < 0:
            return split
    return _SPLITS[-1][0]


def draw(seed: int, patient: int, study: int = 0, *, size: int = 256) -> Phantom:
    """One study of one patient who does not exist.

    Args:
        seed: Of the population.
        patient: Number of the patient, from 0.
        study: Number of the study of that patient, from 0.
        size: Pixels a side, at least 64.

    Raises:
        InvalidValue: for a negative number or a film too small.
    """
    if min(seed, patient, study) < 0:
        raise InvalidValue(f"Seed, patient and study count from 0; got {seed}, {patient}, {study}.")

    def own(purpose: str) -> np.random.Generator:
        return generator(seed, "phantom", patient, study, purpose)

    person = _person(seed, patient)
    drawn = _drawn(own("findings"), person, study)
    view = "AP" if own("view").random() < 0.3 else "PA"
    chest = thorax(
        canvas(size, _pose(own("pose"), view)), _built(own("build"), person, drawn, view)
    )
    lesions = {name: lesion(name, own(name), chest) for name in FINDINGS if drawn[name]}
    film = _attenuation(own, chest, tuple(lesions.values()), in_bed=view == "AP")
    light = exposure(own("exposure"), view)
    site = SITES[person.site]
    pixels = developed(film, own("film"), site, light)
    telling = tell(own("report"), {name: one.place for name, one in lesions.items()}, view)
    who = identity(
        generator(seed, "phantom", patient, "name"),
        patient=patient,
        study=study,
        age=person.age,
        sex=person.sex,
    )
    return Phantom(
        pixels=pixels,
        findings=drawn,
        said=telling.said,
        lungs=chest.lungs,
        heart=chest.heart,
        lesions={name: one.mask for name, one in lesions.items()},
        report=telling.text,
        patient=who.patient,
        study=f"{who.patient}-{study + 1}",
        sex=person.sex,
        age=person.age,
        view=view,
        site=site.name,
        date=f"{who.date[:4]}-{who.date[4:6]}-{who.date[6:]}",
        split=split_of(seed, patient),
        identity=who,
        acquisition=acquisition(own("acquisition"), mas=light.mas),
    )


def _attenuation(
    own: Callable[[str], np.random.Generator],
    chest: Thorax,
    lesions: tuple[Lesion, ...],
    *,
    in_bed: bool,
) -> Float[np.ndarray, "rows cols"]:
    """What a ray meets on its way: the chest, its lesions, and what lies on it."""
    air = 1 - unevenness(own("breath"), chest)
    added, seen = np.zeros_like(chest.air), np.ones_like(chest.air)
    for one in lesions:
        air, added, seen = air * (1 - one.filled), added + one.added, seen * one.seen
    film: np.ndarray = soft_tissue(own("soft"), chest) + bones(own("bones"), chest)
    film += lucency(chest, 1 - air) + added
    drawn_lung = vessels(own("vessels"), chest) * np.sqrt(chest.air)
    film += (drawn_lung + parenchyma(own("grain"), chest)) * seen
    if in_bed and own("bed").random() < _MONITORED:
        film += monitor(own("monitor"), chest)
    return film.astype(np.float32)


def write_phantoms(
    folder: Path, *, patients: int, seed: int, size: int = 256, masks: bool = False
) -> Iterator[Written]:
    """Draw a population and write it as a hospital would export it.

    Below the folder come ``images/*.dcm``, ``phantoms.csv`` and ``mapping.toml`` (which tells
    the ``folder`` source how to read the table), and with ``masks`` a PNG for lungs, heart and
    each lesion. Each file is whole or not there; the table is written last.

    Raises:
        InvalidValue: for no patient at all.
    """
    if patients < 1:
        raise InvalidValue(f"A population has at least one patient; {patients} were asked for.")
    rows: list[dict[str, str]] = []
    for patient in range(patients):
        for study in range(studies_of(seed, patient)):
            phantom = draw(seed, patient, study, size=size)
            write_bytes(folder / "images" / phantom.file_name, phantom.to_dicom())
            if masks:
                _write_masks(folder / "masks", phantom)
            rows.append(_row(phantom))
        yield Written(done=patient + 1, patients=patients, images=len(rows))
    table = StringIO()
    writer = csv.DictWriter(table, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / "mapping.toml", _MAPPING)
    write_text(folder / "phantoms.csv", table.getvalue())


def _person(seed: int, patient: int) -> _Person:
    rng = generator(seed, "phantom", patient, "person")
    sex = "F" if rng.random() < 0.5 else "M"
    ill = rng.random() >= _NONE
    return _Person(
        sex=sex,
        age=int(np.clip(rng.normal(58, 16), 19, 93)),
        usual=tuple(bool(ill and rng.random() < _EACH) for _ in FINDINGS),
        studies=1 + int(rng.random() < 0.4),
        site=int(rng.integers(len(SITES))),
        build=Build(
            width=rng.uniform(0.46, 0.61),
            heart=rng.uniform(0.38, 0.495),
            lean=rng.uniform(0.57, 0.71),
            wall=rng.uniform(0.04, 0.14),
            breast=rng.uniform(0.03, 0.16) if sex == "F" else float(rng.choice((0.0, 0.0, 0.05))),
            breast_height=rng.uniform(0.86, 1.15),
            fat=rng.uniform(-0.05, 0.25),
            knob=rng.uniform(0.0, 0.05),
            ribs=rng.uniform(0.095, 0.12),
            bone=rng.uniform(0.045, 0.09),
            gas=float(rng.choice((0.0, 0.08, 0.14, 0.2))),
        ),
    )


def _drawn(rng: np.random.Generator, person: _Person, study: int) -> dict[str, bool]:
    """The findings of a study; a second one keeps about half of what the first had."""
    ill = rng.random() >= _NONE
    afresh = [bool(ill and rng.random() < _EACH) for _ in FINDINGS]
    kept = rng.random(len(FINDINGS)) < (0.5 if study else 1.0)
    now = [old if keep else new for old, keep, new in zip(person.usual, kept, afresh, strict=True)]
    return dict(zip(FINDINGS, now, strict=True))


def _pose(rng: np.random.Generator, view: str) -> Pose:
    """A patient stands straighter than one lies."""
    loose = 1.4 if view == "AP" else 1.0
    return Pose(
        turn=rng.normal(0, 0.032 * loose),
        scale=rng.uniform(0.82, 1.12),
        right=rng.normal(0, 0.04),
        down=rng.normal(0, 0.035 * loose),
        skew=rng.normal(0, 0.026 * loose),
    )


def _built(
    rng: np.random.Generator, person: _Person, drawn: Mapping[str, bool], view: str
) -> Build:
    """The patient's build on the day: breath, shallower in bed, and the heart as it is now."""
    breath = rng.normal(0.04 if view == "AP" else 0.0, 0.05)
    lift = (breath + rng.normal(0, 0.035), breath + rng.normal(0, 0.035))
    large = rng.uniform(LARGE_HEART, 0.60)
    heart = large if drawn["Cardiomegaly"] else person.build.heart
    return replace(person.build, heart=heart, lift=lift)


def _write_masks(folder: Path, phantom: Phantom) -> None:
    """A PNG of 0 and 255 for each organ and each lesion."""
    from PIL import Image

    organs = {"lungs": phantom.lungs, "heart": phantom.heart}
    for name, mask in {**organs, **phantom.lesions}.items():
        file = BytesIO()
        Image.fromarray(mask.astype(np.uint8) * 255).save(file, format="PNG")
        slug = name.lower().replace(" ", "_")
        write_bytes(folder / f"{phantom.study}-{slug}.png", file.getvalue())


def _row(phantom: Phantom) -> dict[str, str]:
    """A line of the table: what the report says under the finding, what was drawn beside it."""
    said = {Presence.PRESENT: "1", Presence.ABSENT: "0", Presence.UNCERTAIN: "-1"}
    row = {
        "image": phantom.file_name,
        "patient": phantom.patient,
        "study": phantom.study,
        "view": phantom.view,
        "sex": phantom.sex,
        "age": str(phantom.age),
        "site": phantom.site,
        "date": phantom.date,
        "split": phantom.split,
    }
    row |= {_column(name): said.get(value, "") for name, value in phantom.said.items()}
    row |= {f"truth_{_column(name)}": str(int(on)) for name, on in phantom.findings.items()}
    return row | {"report": phantom.report}


def _column(finding: str) -> str:
    return finding.lower().replace(" ", "_")


_MAPPING = """source = "phantoms"
table = "phantoms.csv"
images = "images"

[columns]
image = "image"
patient = "patient"
study = "study"
view = "view"
sex = "sex"
age = "age"
site = "site"
date = "date"
split = "split"
report = "report"

[labels]
present = ["1"]
absent = ["0"]
uncertain = ["-1"]
blank = "unmentioned"

[labels.columns]
""" + "".join(f'"{name}" = "truth_{_column(name)}"\n' for name in FINDINGS)
