"""Which labels of which rows are met when: plans, streams, experiences, views."""

from carina.streams.by_class import ByClass as ByClass
from carina.streams.by_class import ClassRows as ClassRows
from carina.streams.by_class import Incomplete as Incomplete
from carina.streams.by_data import ByData as ByData
from carina.streams.by_data import DataOrder as DataOrder
from carina.streams.by_label import ByLabel as ByLabel
from carina.streams.by_label import LabelRows as LabelRows
from carina.streams.experience import Experience as Experience
from carina.streams.experience import Held as Held
from carina.streams.experience import View as View
from carina.streams.joint import AllAtOnce as AllAtOnce
from carina.streams.joint import CellMatched as CellMatched
from carina.streams.labelled import Labelled as Labelled
from carina.streams.labelled import view as view
from carina.streams.plans import StreamPlan as StreamPlan
from carina.streams.plans import lay_out as lay_out
from carina.streams.stream import SCHEMA_VERSION as SCHEMA_VERSION
from carina.streams.stream import Ground as Ground
from carina.streams.stream import Plan as Plan
from carina.streams.stream import Stream as Stream
