"""The registry of findings: one canonical name for each, and what data sets call it.

The names are those of the CheXpert labeller (Irvin et al., AAAI 2019) and, where it has none, of
ChestX-ray14 (Wang et al., CVPR 2017). A name is a synonym only where both mean the same thing:
CheXpert's Lung Lesion stays apart from Mass and from Nodule.
"""

from dataclasses import dataclass

from carina.core import unknown

__all__ = ["FINDINGS", "FOURTEEN", "Finding", "canonical", "finding_id", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a reader may see on a chest radiograph.

    Attributes:
        id: Its name in file names and links.
        name: Its name in label spaces and tables.
        synonyms: What else it is called; case, underscores and hyphens do not count.
    """

    id: str
    name: str
    synonyms: tuple[str, ...] = ()


def _finding(name: str, *synonyms: str) -> Finding:
    return Finding(id=name.casefold().replace(" ", "-"), name=name, synonyms=synonyms)


FINDINGS: tuple[Finding, ...] = (
    _finding("No Finding", "No Findings"),
    _finding("Enlarged Cardiomediastinum", "Enlarged Cardiomediastinal Silhouette"),
    _finding("Cardiomegaly", "Enlarged Heart"),
    _finding("Lung Opacity", "Airspace Opacity"),
    _finding("Lung Lesion"),
    _finding("Edema", "Oedema", "Pulmonary Edema", "Pulmonary Oedema"),
    _finding("Consolidation"),
    _finding("Pneumonia"),
    _finding("Atelectasis", "Atelectases"),
    _finding("Pneumothorax"),
    _finding("Pleural Effusion", "Effusion"),
    _finding("Pleural Other"),
    _finding("Fracture"),
    _finding("Support Devices"),
    _finding("Emphysema"),
    _finding("Fibrosis", "Pulmonary Fibrosis"),
    _finding("Hernia"),
    _finding("Infiltration", "Infiltrate"),
    _finding("Mass"),
    _finding("Nodule"),
    _finding("Pleural Thickening"),
    _finding("COVID-19", "COVID19"),
    _finding("Non-COVID-19 Pneumonia"),
    _finding("Bacterial Pneumonia"),
    _finding("Viral Pneumonia"),
    _finding("Pneumocystis Pneumonia", "Pneumocystis"),
    _finding("ARDS", "Acute Respiratory Distress Syndrome"),
    _finding("SARS"),
    _finding("Aortic Enlargement"),
    _finding("Calcification"),
    _finding("Clavicle Fracture"),
    _finding("Enlarged Pulmonary Artery", "Enlarged PA", "Pulmonary Artery Enlargement"),
    _finding("Interstitial Lung Disease", "ILD"),
    _finding("Lung Cavity", "Cavitation"),
    _finding("Lung Cyst"),
    _finding("Mediastinal Shift"),
    _finding("Nodule or Mass", "Nodule/Mass"),
    _finding("Rib Fracture"),
    _finding("Other Lesion"),
    _finding("COPD", "Chronic Obstructive Pulmonary Disease", "COPD Signs"),
    _finding("Lung Tumor", "Lung Tumour"),
    _finding("Tuberculosis"),
    _finding("Other Disease", "Other Diseases"),
    _finding("Air Trapping"),
    _finding("Aortic Atheromatosis"),
    _finding("Aortic Elongation"),
    _finding("Bronchiectasis"),
    _finding("Costophrenic Angle Blunting"),
    _finding("Flattened Diaphragm"),
    _finding("Granuloma"),
    _finding("Hemidiaphragm Elevation"),
    _finding("Hilar Enlargement"),
    _finding("Kyphosis"),
    _finding("Pneumomediastinum"),
    _finding("Pneumoperitoneum", "Pneumoperitoneo"),
    _finding("Scoliosis"),
    _finding("Subcutaneous Emphysema"),
)
"""Every finding carina has a name for."""

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
"""Those of CheXpert's own table, in its order; other tools order them otherwise."""


def _folded(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


_BY_NAME = {_folded(name): f for f in FINDINGS for name in (f.name, f.id, *f.synonyms)}


def resolve(name: str) -> Finding:
    """The finding of a name, a synonym or an id.

    Raises:
        UnknownName: naming the near neighbour.

    >>> resolve("pleural_effusion").name, resolve("Effusion").id
    ('Pleural Effusion', 'pleural-effusion')
    """
    if (found := _BY_NAME.get(_folded(name))) is None:
        raise unknown("finding", name, [finding.name for finding in FINDINGS])
    return found


def canonical(name: str) -> str:
    """The canonical name of a finding; one the registry does not know stays as it is.

    >>> canonical("Effusion"), canonical("Tree In Bud")
    ('Pleural Effusion', 'Tree In Bud')
    """
    found = _BY_NAME.get(_folded(name))
    return name if found is None else found.name


def finding_id(name: str) -> str:
    """The id of a finding by any of its names; one the registry does not know gets its own.

    >>> finding_id("Effusion"), finding_id("Tree_In Bud")
    ('pleural-effusion', 'tree-in-bud')
    """
    found = _BY_NAME.get(_folded(name))
    return _folded(name).replace(" ", "-") if found is None else found.id
