"""Did it learn, did it forget: scores, the transfer matrix, intervals by patient, comparisons."""

from carina.evaluation.assessment import METRICS as METRICS
from carina.evaluation.assessment import Assessment as Assessment
from carina.evaluation.assessment import assess as assess
from carina.evaluation.comparison import compare as compare
from carina.evaluation.results import SCHEMA_VERSION as SCHEMA_VERSION
from carina.evaluation.results import EncoderUsed as EncoderUsed
from carina.evaluation.results import ExperienceResult as ExperienceResult
from carina.evaluation.results import PartResults as PartResults
from carina.evaluation.results import Results as Results
from carina.evaluation.results import read_results as read_results
from carina.evaluation.results import write_results as write_results
from carina.evaluation.scores import OUT_OF_FOLD as OUT_OF_FOLD
from carina.evaluation.scores import Part as Part
from carina.evaluation.scores import Scores as Scores
from carina.evaluation.scores import read_scores as read_scores
from carina.evaluation.scores import write_scores as write_scores
from carina.evaluation.transfer import Contrast as Contrast
from carina.evaluation.transfer import TransferMatrix as TransferMatrix
