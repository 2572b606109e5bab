"""Drawn chest radiographs of patients who do not exist, with reports and masks, as DICOM."""

from carina.phantoms.dicom import PLANTED as PLANTED
from carina.phantoms.dicom import Acquisition as Acquisition
from carina.phantoms.dicom import Identity as Identity
from carina.phantoms.findings import FINDINGS as FINDINGS
from carina.phantoms.findings import Place as Place
from carina.phantoms.population import Phantom as Phantom
from carina.phantoms.population import Written as Written
from carina.phantoms.population import draw as draw
from carina.phantoms.population import split_of as split_of
from carina.phantoms.population import studies_of as studies_of
from carina.phantoms.population import write_phantoms as write_phantoms
from carina.phantoms.reports import Telling as Telling
from carina.phantoms.reports import sentence_templates as sentence_templates
from carina.phantoms.reports import tell as tell
