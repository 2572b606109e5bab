"""OpenI: an archive of XML, one a report, with empty parts, entities, and reports without images."""

import gzip
import io
import tarfile
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path

_PARTS = ("COMPARISON", "INDICATION", "FINDINGS", "IMPRESSION")
REPORTS = (
    (1, "None.", "Positive TB test", "The heart is normal. No effusion.", "Normal chest.",
     ("normal",), ("0001-3001", "0001-4001")),
    (2, "", "XXXX-year-old with fever", "Pleural effusion of < 1 cm & XXXX catheter.", "",
     ("Pleural Effusion/left/small", "Catheters, Indwelling"), ("0652-1001",)),
    (3, "", "", "", "No comparison", ("No Indexing",), ("1384-1001",)),
    (10, "", "Cough", "", "Breast mass. Possible pneumonia.",
     ("Mass/breast/large", "Technical Quality of Image Unsatisfactory "), ("0002-1001",)),
    (11, "", "Cough", "Calcified granuloma.", "", ("Calcified Granuloma/lung/base/right",), ()),
)  # fmt: skip


def xml(
    number: object,
    parts: Iterable[str],
    tags: Iterable[str],
    images: Iterable[str],
    before: str = "",
) -> str:
    """A report as it was published."""
    abstract = "".join(
        f'<AbstractText Label="{label}">{escape(text, quote=False)}</AbstractText>'
        if text
        else f'<AbstractText Label="{label}"/>'
        for label, text in zip(_PARTS, parts, strict=True)
    )
    majors = "".join(f"<major>{escape(tag)}</major>" for tag in tags)
    shown = "".join(
        f'<parentImage id="CXR{number}_IM-{image}"><figureId>F1</figureId>'
        "<caption>Xray Chest PA and Lateral</caption></parentImage>"
        for image in images
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n{before}<eCitation>\n   <meta type="rr"/>\n'
        f'   <uId id="CXR{number}"/>\n   <MedlineCitation Owner="Indiana University"><Article>'
        f"<Abstract>{abstract}</Abstract></Article></MedlineCitation>\n"
        f"   <MeSH>{majors}<automatic>calcified granuloma</automatic></MeSH>\n{shown}</eCitation>\n"
    )


def pack(root: Path, files: dict[str, str]) -> None:
    """The archive of reports, the same bytes every time."""
    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w") as archive:
        folder = tarfile.TarInfo("ecgen-radiology")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    (root / "NLMCXR_reports.tgz").write_bytes(gzip.compress(unpacked.getvalue(), mtime=0))


def build(root: Path, image: Callable[..., None]) -> None:
    pack(
        root,
        {
            f"ecgen-radiology/{number}.xml": xml(number, parts, tags, images)
            for number, *parts, tags, images in REPORTS
        },
    )
    for number, *_, images in REPORTS:
        for one in images:
            image(f"NLMCXR_png/CXR{number}_IM-{one}.png")
