"""Every published data set carina reads; importing this registers them."""

from carina.studies.sources import chexpert as chexpert
from carina.studies.sources import chexpert_plus as chexpert_plus
from carina.studies.sources import covidx as covidx
from carina.studies.sources import mimic_cxr_jpg as mimic_cxr_jpg
from carina.studies.sources import nih as nih
from carina.studies.sources import openi as openi
from carina.studies.sources import padchest as padchest
from carina.studies.sources import rsna as rsna
from carina.studies.sources import siim as siim
from carina.studies.sources import vindr as vindr
