"""Features computed once, found by what made them: the store, its tables, encoding into it."""

from carina.features.books import EncodedAll as EncodedAll
from carina.features.books import Event as Event
from carina.features.books import Progress as Progress
from carina.features.books import SetAside as SetAside
from carina.features.digests import image_digests as image_digests
from carina.features.digests import lookup as lookup
from carina.features.encoding import encode as encode
from carina.features.forgetting import Forgotten as Forgotten
from carina.features.forgetting import forget as forget
from carina.features.masks import MaskTable as MaskTable
from carina.features.masks import read_masks as read_masks
from carina.features.prompts import PromptVectors as PromptVectors
from carina.features.reports import encode_reports as encode_reports
from carina.features.reports import lookup_reports as lookup_reports
from carina.features.rows import FeatureRows as FeatureRows
from carina.features.rows import pool_of as pool_of
from carina.features.segment import MadeBy as MadeBy
from carina.features.segment import Segment as Segment
from carina.features.segment import Sum as Sum
from carina.features.store import Checked as Checked
from carina.features.store import Holding as Holding
from carina.features.store import Store as Store
from carina.features.table import Block as Block
from carina.features.table import FeatureTable as FeatureTable
