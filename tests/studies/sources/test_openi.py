import gzip
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from carina.core import MissingFile, UnreadableFile
from carina.studies import (
    LABELLED,
    SOURCES,
    Manifest,
    OpenIReport,
    Presence,
    Reading,
    mesh_findings,
    read_data,
    read_openi_reports,
    split_sections,
)

ARCHIVE = "NLMCXR_reports.tgz"
NAME = "Plantagenet"
P, U, A, N = Presence.PRESENT, Presence.UNCERTAIN, Presence.ABSENT, Presence.UNMENTIONED
Mini = Callable[[str], Path]
COUNT = """
import json, sys
from pathlib import Path
from carina.studies import read_openi_reports

reports = read_openi_reports(Path(sys.argv[1]))
print(json.dumps({
    "reports": len(reports),
    "findings": sum(bool(report.sections.findings) for report in reports),
    "impressions": sum(bool(report.sections.impression) for report in reports),
    "without images": sum(not report.images for report in reports),
    "images": sum(len(report.images) for report in reports),
}))
"""


def said(manifest: Manifest, image: str) -> dict[str, Presence]:
    """Labels of the image whose name ends so."""
    (row,) = [row for row, name in enumerate(manifest.image) if name.endswith(image + ".png")]
    return manifest.study_at(row).labels


def one(text: str, root: Path) -> OpenIReport:
    """The one report of a folder with one file."""
    (root / "1.xml").write_text(text, encoding="utf-8")
    (report,) = read_openi_reports(root)
    return report


def archive(root: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """An archive of just these members, whatever they are."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    (root / ARCHIVE).write_bytes(gzip.compress(packed.getvalue()))
    return root / ARCHIVE


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


PLAIN = '<eCitation><uId id="CXR1"/>{}</eCitation>'


def test_a_row_is_an_image_and_a_report_stands_for_its_patient(mini: Mini) -> None:
    manifest = read_data(mini("openi"))

    assert manifest.patient == ("CXR1", "CXR1", "CXR2", "CXR3", "CXR10")
    assert manifest.study == manifest.patient
    assert manifest.image[:2] == (
        "NLMCXR_png/CXR1_IM-0001-3001.png",
        "NLMCXR_png/CXR1_IM-0001-4001.png",
    )


def test_reports_without_images_are_read_as_reports(mini: Mini) -> None:
    reports = read_openi_reports(mini("openi") / ARCHIVE)

    assert [report.uid for report in reports] == ["CXR1", "CXR2", "CXR3", "CXR10", "CXR11"]
    assert reports[-1].images == ()


def test_a_tag_is_present_and_no_tag_is_unmentioned(mini: Mini) -> None:
    found = said(read_data(mini("openi")), "0652-1001")

    assert (found["Pleural Effusion"], found["Support Devices"]) == (P, P)
    assert (found["Pneumothorax"], found["No Finding"]) == (N, N)


def test_only_a_report_tagged_normal_makes_findings_absent(mini: Mini) -> None:
    found = said(read_data(mini("openi")), "0001-3001")

    assert found.pop("No Finding") is P
    assert set(found.values()) == {A}


def test_a_report_nobody_tagged_says_nothing(mini: Mini) -> None:
    assert set(said(read_data(mini("openi")), "1384-1001").values()) == {N}


def test_a_tag_beside_normal_is_still_present() -> None:
    found = mesh_findings(["normal", "Scoliosis/mild"])

    assert (found["Scoliosis"], found["Mass"]) == (P, A)


def test_qualifiers_decide_which_finding_a_heading_is() -> None:
    assert mesh_findings(["Mass/lung/right"])["Mass"] is P
    assert mesh_findings(["Mass/breast/large"])["Mass"] is N
    assert mesh_findings(["Thickening/pleura/left"])["Pleural Thickening"] is P
    assert mesh_findings(["Thickening/lung/interstitial"])["Pleural Thickening"] is N
    assert mesh_findings(["MEDIASTINUM/enlarged "])["Enlarged Cardiomediastinum"] is P


def test_the_rules_are_another_label_set(mini: Mini) -> None:
    manifest = SOURCES["openi"].manifest(mini("openi"), Reading(reader="openi", labels="rules"))

    assert manifest.space.names == LABELLED
    assert said(manifest, "0002-1001")["Pneumonia"] is U
    assert said(manifest, "0001-3001")["Cardiomegaly"] is A


def test_a_text_keeps_its_headings_and_entities_are_signs(mini: Mini) -> None:
    text = read_data(mini("openi")).report[2]

    assert "effusion of < 1 cm & XXXX catheter" in text
    assert split_sections(text)["indication"] == "XXXX-year-old with fever"
    assert "COMPARISON" not in text


def test_images_need_not_be_there(mini: Mini) -> None:
    root = mini("openi")
    before = read_data(root)
    for image in (root / "NLMCXR_png").iterdir():
        image.unlink()

    assert read_data(root).digest == before.digest


def test_a_folder_of_xml_gives_what_the_archive_gives(mini: Mini, tmp_path: Path) -> None:
    root = mini("openi")
    packed = read_data(root)
    with tarfile.open(root / ARCHIVE) as tar:
        tar.extractall(root, filter="data")
    (root / ARCHIVE).unlink()

    read = SOURCES["openi"].manifest(root, Reading(reader="openi"))
    assert read.digest == packed.digest
    named = SOURCES["openi"].manifest(root, Reading(reader="openi", reports="ecgen-radiology"))
    assert named.digest == packed.digest


def test_automatic_tags_are_no_tags(tmp_path: Path) -> None:
    tags = "<MeSH><major>Opacity/lung</major><automatic>edema</automatic></MeSH>"

    assert one(PLAIN.format(tags), tmp_path).tags == ("Opacity/lung",)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE e [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + PLAIN.format("&b;"),
        '<!DOCTYPE e SYSTEM "file:///etc/passwd">' + PLAIN.format(""),
        '<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + PLAIN.format("&x;"),
    ],
)
def test_a_document_type_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="document type"):
        one(text, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plantagenet",
        PLAIN.format("<Plantagenet>"),
        PLAIN.format("&Plantagenet;"),
        '<?xml version="1.0" encoding="Plantagenet"?>' + PLAIN.format(""),
        '<eCitation><uId id="Plantagenet^Edward"/></eCitation>',
        PLAIN.format('<parentImage id="../../Plantagenet"/>'),
        "<eCitation><Plantagenet/></eCitation>",
        PLAIN.format("<a>" * 100 + "Plantagenet" + "</a>" * 100),
    ],
)
def test_a_report_of_another_form_is_refused_and_not_quoted(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as refused:
        one(text, tmp_path)

    assert NAME not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("name", ["../Plantagenet.xml", "/Plantagenet.xml", "a\\Plantagenet.xml"])
def test_a_name_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="leads out") as refused:
        read_openi_reports(archive(tmp_path, member(name, b"<a/>")))

    assert NAME not in str(refused.value)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_a_link_or_a_device_is_refused(kind: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="link or a device"):
        read_openi_reports(archive(tmp_path, member("1.xml", type=kind, linkname="/etc/passwd")))


def test_a_report_beyond_reason_is_refused_by_its_declared_size(tmp_path: Path) -> None:
    info = tarfile.TarInfo("1.xml")
    info.size = 1 << 40
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(info.tobuf() + bytes(1024)))

    with pytest.raises(UnreadableFile, match="MiB"):
        read_openi_reports(tmp_path / ARCHIVE)


def test_an_archive_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carina.studies.sources.openi_xml._ALL_BYTES", 1 << 16)
    path = archive(tmp_path, member("readme.bin", bytes(1 << 20)))

    with pytest.raises(UnreadableFile, match="unpacks to more"):
        read_openi_reports(path)


def test_more_reports_than_a_collection_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carina.studies.sources.openi_xml._REPORTS", 1)
    text = PLAIN.format("").encode()

    with pytest.raises(UnreadableFile, match="more than 1 reports"):
        read_openi_reports(archive(tmp_path, member("1.xml", text), member("2.xml", text)))


def test_two_reports_of_one_name_are_refused(tmp_path: Path) -> None:
    text = PLAIN.format("").encode()

    with pytest.raises(UnreadableFile, match="have a name that another has"):
        read_openi_reports(archive(tmp_path, member("1.xml", text), member("2.xml", text)))


def test_a_damaged_archive_is_refused(mini: Mini) -> None:
    path = mini("openi") / ARCHIVE
    whole = path.read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2], gzip.compress(b"x" * 1000)):
        path.write_bytes(damaged)
        with pytest.raises((UnreadableFile, MissingFile)):
            read_openi_reports(path)


def test_nothing_to_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no report"):
        read_openi_reports(tmp_path)
    with pytest.raises(MissingFile, match=ARCHIVE):
        read_openi_reports(tmp_path / "elsewhere")


def test_the_published_archive_is_read_whole(shared: Path) -> None:
    root = shared / "data" / "cxr" / "openi_reports"
    if not (root / ARCHIVE).is_file():
        pytest.skip("the archive of Indiana reports is not here")
    # In a process of its own: the hook that checks every call of a handler takes half a minute.
    counted = subprocess.run(
        [sys.executable, "-c", COUNT, str(root / ARCHIVE)],
        check=True,
        capture_output=True,
        text=True,
    )

    assert json.loads(counted.stdout) == {
        "reports": 3955,
        "findings": 3425,
        "impressions": 3921,
        "without images": 104,
        "images": 7470,
    }
