"""One canonical name for each finding."""

from collections import Counter

import pytest

from carina.core import UnknownName
from carina.studies import FINDINGS, Finding, canonical, finding_id, resolve

CHEXPERT = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion"),
    *("Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion"),
    *("Pleural Other", "Fracture", "Support Devices"),
)
NIH = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema"),
    *("Fibrosis", "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia"),
    *("Pneumothorax", "No_Finding"),
)


@pytest.mark.parametrize("name", CHEXPERT)
def test_chexpert_names_are_canonical(name: str) -> None:
    assert canonical(name) == name


def test_every_nih_name_has_a_finding_of_its_own() -> None:
    assert len({resolve(name).id for name in NIH}) == 15
    assert canonical("Effusion") == "Pleural Effusion"
    assert canonical("Pleural_Thickening") == "Pleural Thickening"


def test_no_name_means_two_findings() -> None:
    names = Counter(name.casefold() for f in FINDINGS for name in {f.name.casefold(), *f.synonyms})

    assert names.most_common(1)[0][1] == 1
    assert len({finding.id for finding in FINDINGS}) == len(FINDINGS)


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.id)
def test_every_name_leads_to_its_finding(finding: object) -> None:
    for known in FINDINGS:
        if known == finding:
            for name in (known.id, known.name.upper(), *known.synonyms):
                assert resolve(name) == finding


def test_an_unknown_name_stays_as_it_is_and_resolves_to_its_neighbour() -> None:
    assert canonical("Tree_In_Bud") == "Tree_In_Bud"
    with pytest.raises(UnknownName, match="Did you mean 'Pleural Effusion'"):
        resolve("Pleural Efusion")


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.id)
def test_every_name_has_the_id_of_its_finding(finding: Finding) -> None:
    assert {finding_id(name) for name in (finding.id, finding.name, *finding.synonyms)} == {
        finding.id
    }


def test_an_unknown_name_has_an_id_however_it_is_written() -> None:
    assert {finding_id(name) for name in ("Tree In Bud", "tree_in-bud", "Tree-in-bud")} == {
        "tree-in-bud"
    }
