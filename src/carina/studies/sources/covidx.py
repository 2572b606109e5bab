"""COVIDx: films of several collections, listed as normal, pneumonia and COVID-19.

Wang, Lin and Wong, COVID-Net, Scientific Reports 10, 2020. A list has no header; each line says
``patient_id filename class source`` with spaces between, and the oldest lists have no source. Lists
"A" and those up to version 5 have the classes normal, pneumonia (other than COVID-19's) and
COVID-19, lists "B", version 6 and CXR-2 have positive and negative. Three classes exclude each
other, so each film is PRESENT in one and ABSENT in two; positive and negative say nothing but
whether it is COVID-19. The source is kept as the site, and a patient is told by source and id, for
ids such as 8 stand in several. There is no view, sex or age.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from carina.core import ConfigError, ManifestError, MissingFile, UnreadableFile
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.sources.assembling import assemble, held_out
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme

__all__ = ["COVIDX"]

_VERSIONS = ("2", "3", "4", "5", "6", "7A", "7B", "8A", "8B", "9A", "9B")
_CXR = ("CXR-2", "CXR-3A", "CXR-3B")
_THREE = {
    "normal": "No Finding",
    "pneumonia": "Non-COVID-19 Pneumonia",
    "COVID-19": "COVID-19",
}
_TWO = {"positive": Presence.PRESENT, "negative": Presence.ABSENT}
_MOST = 1 << 26  # bytes; the longest list has two million
_PARTS = ("test", "val", "train")  # a film or patient of several is counted with the first
_LIST = re.compile(r"train(_COVIDx.*)?\.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    part: str
    patient: str
    image: str
    said: str
    source: str


def _read(root: Path, choice: Reading) -> Manifest:
    lines = _once([line for part, path in _lists(root, choice) for line in _lines(path, part)])
    if choice.split == "official":
        lines = _apart(lines)
    return assemble(
        root,
        choice,
        image=[_image(root, line) for line in lines],
        patient=[line.patient for line in lines],
        labels=_labels(lines),
        published=_parts(lines, choice),
        site=[line.source for line in lines],
    )


def _lists(root: Path, choice: Reading) -> list[tuple[str, Path]]:
    """The list of each part there is."""
    folders = [folder for folder in (root, root / "labels") if folder.is_dir()]
    if choice.labels == "lists":
        train = [path for folder in folders for path in sorted(folder.glob("train*.txt"))]
        train = [path for path in train if _LIST.fullmatch(path.name)]
        if len(train) != 1:
            there = ", ".join(path.name for path in train) or "none"
            raise ConfigError(
                f"One training list is wanted in the data folder; there are {len(train)} ({there}). "
                'Choose by the version: reader = "covidx" and labels = "9A", for example.'
            )
        (found,) = train
    else:
        name = f"train_COVIDx{'_' if choice.labels.startswith('CXR') else ''}{choice.labels}.txt"
        paths = [folder / name for folder in folders if (folder / name).is_file()]
        if not paths:
            raise MissingFile(f"There is no list {name} in the data folder or in its labels/.")
        found = paths[0]
    lists = {part: found.with_name(part + found.name.removeprefix("train")) for part in _PARTS}
    if not lists["test"].is_file():
        raise MissingFile(f"Beside {found.name} there is no {lists['test'].name}.")
    return [(part, path) for part, path in lists.items() if path.is_file()]


def _lines(path: Path, part: str) -> list[_Line]:
    if path.stat().st_size > _MOST:
        raise UnreadableFile(f"The list {path.name} has more than {_MOST >> 20} MiB.")
    read = []
    for number, text in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1):
        # A file's name may hold spaces: what is before and behind it is told from the ends.
        if not text.strip():
            continue
        words = text.strip().split(" ")
        if words[-1] in (*_THREE, *_TWO):
            words.append("")
        if len(words) < 4 or words[-2] not in (*_THREE, *_TWO):
            raise ManifestError(
                f"Line {number} of {path.name} is no `patient file class source` with a class of "
                f"{', '.join((*_THREE, *_TWO))}; use the list as it was published."
            )
        patient, *name, said, source = words
        read.append(
            _Line(
                part=part,
                patient=f"{source}/{patient}" if source else patient,
                image=" ".join(name),
                said=said,
                source=source,
            )
        )
    return read


def _once(lines: Sequence[_Line]) -> list[_Line]:
    """Each film once, at its first line; the lists of test and validation come first.

    Raises:
        ManifestError: where two lines of a film disagree on whose it is or what it shows.
    """
    first: dict[str, _Line] = {}
    for line in lines:
        known = first.setdefault(line.image, line)
        if (known.patient, known.said) != (line.patient, line.said):
            raise ManifestError(
                "A film is listed twice, with another class or patient; use lists of one version."
            )
    return list(first.values())


def _apart(lines: Sequence[_Line]) -> list[_Line]:
    """The lines without those whose patient an earlier part has."""
    where: dict[str, str] = {}
    for line in lines:
        where.setdefault(line.patient, line.part)
    return [line for line in lines if where[line.patient] == line.part]


def _parts(lines: Sequence[_Line], choice: Reading) -> list[str]:
    parts = [line.part for line in lines]
    if choice.split == "legacy-mgca":
        return _mgca(lines)
    if choice.split == "official" and "val" not in parts:
        return held_out([line.patient for line in lines], parts, choice)
    return parts


def _mgca(lines: Sequence[_Line]) -> list[str]:
    """The lists, with a fifth of the training films drawn by film for validation.

    As scikit-learn's ``train_test_split`` draws it with ``train_size=0.8, random_state=0``.
    """
    split = [line.part for line in lines]
    train = [row for row, part in enumerate(split) if part == "train"]
    held = len(train) - int(0.8 * len(train))
    for at in np.random.RandomState(0).permutation(len(train))[:held]:
        split[train[int(at)]] = "val"
    return split


def _image(root: Path, line: _Line) -> str:
    """Where a film lies: in the folder of its part, or in ``train`` where there is no ``val``."""
    folder = "train" if line.part == "val" and not (root / "val").is_dir() else line.part
    return str(PurePosixPath(folder) / line.image)


def _labels(lines: Sequence[_Line]) -> dict[str, list[Presence]]:
    classes = {line.said for line in lines}
    if classes <= set(_TWO):
        return {"COVID-19": [_TWO[line.said] for line in lines]}
    if classes <= set(_THREE):
        return {
            finding: [Presence.PRESENT if line.said == said else Presence.ABSENT for line in lines]
            for said, finding in _THREE.items()
        }
    raise ManifestError(
        "The lists mix three classes with positive and negative; use lists of one version."
    )


COVIDX = SOURCES.register("covidx")(
    Source(
        name="covidx",
        title="COVIDx",
        recognise=("train_COVIDx*.txt", "test_COVIDx*.txt"),
        labels={
            "lists": "of the only lists there",
            **{version: f"of the lists of version {version}" for version in (*_VERSIONS, *_CXR)},
        },
        splits=(
            SplitScheme(
                name="official",
                what="the published lists; films listed for training are left out where their "
                "patient is listed for test or validation too, and where there is no list for "
                "validation an eighth of the patients is taken from training by their hash",
            ),
            SplitScheme(name=HASHED, what="all films by a salted hash of the patient"),
            SplitScheme(
                name="legacy-lists",
                what="the published lists as they are",
                leaks="a patient may stand in both lists",
            ),
            SplitScheme(
                name="legacy-mgca",
                what="the published lists, a fifth of the training films drawn by film for "
                "validation, as in the code of MGCA (Wang et al., NeurIPS 2022)",
                leaks="validation films were drawn by film, so their patients' other films are "
                "trained on",
            ),
        ),
        read=_read,
        terms="those of each collection it is made of",
        citation="Wang, Lin and Wong, COVID-Net, Scientific Reports 10:19549, 2020",
        shares={
            "rsna-pneumonia": "its normal and pneumonia films are RSNA's, named by RSNA's id",
            "nih-chestxray14": "RSNA's films are NIH's: other films of the same patients are in ChestX-ray14",
            "covid-chestxray-subset": "its films of the source cohen are of covid-chestxray-dataset",
        },
    )
)
