"""All that is needed to predict, and no more: bundles, and their files."""

from carina.bundles.bundle import INTENDED_USE as INTENDED_USE
from carina.bundles.bundle import AnswerRule as AnswerRule
from carina.bundles.bundle import Bundle as Bundle
from carina.bundles.bundle import Lesson as Lesson
from carina.bundles.bundle import UpdateState as UpdateState
from carina.bundles.files import SCHEMA_VERSION as SCHEMA_VERSION
from carina.bundles.files import read_bundle as read_bundle
from carina.bundles.files import read_state as read_state
from carina.bundles.files import write_bundle as write_bundle
