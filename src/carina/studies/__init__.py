"""What was seen, by whom read, how sure: manifests, labels, splits, pixels, sources."""

from carina.studies.labels import LabelPolicy as LabelPolicy
from carina.studies.labels import LabelSpace as LabelSpace
from carina.studies.labels import Presence as Presence
from carina.studies.labels import Uncertain as Uncertain
from carina.studies.labels import Unmentioned as Unmentioned
from carina.studies.manifest import Manifest as Manifest
from carina.studies.manifest import Split as Split
from carina.studies.manifest import Study as Study
