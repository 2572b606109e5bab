"""Measures over plain arrays: ranking, decisions, calibration, thresholds, and their intervals.

Measures of one finding take scores or probabilities and a target, one an image. Their weighted
forms take a row of weights a draw and answer for all draws at once.
"""

from carina.measures.calibration import ReliabilityBin as ReliabilityBin
from carina.measures.calibration import Sigmoid as Sigmoid
from carina.measures.calibration import brier as brier
from carina.measures.calibration import expected_calibration_error as expected_calibration_error
from carina.measures.calibration import fit_sigmoid as fit_sigmoid
from carina.measures.calibration import reliability as reliability
from carina.measures.calibration import sigmoid_from_moments as sigmoid_from_moments
from carina.measures.calibration import weighted_brier as weighted_brier
from carina.measures.calibration import (
    weighted_expected_calibration_error as weighted_expected_calibration_error,
)
from carina.measures.calibration import wilson as wilson
from carina.measures.decisions import exact_match as exact_match
from carina.measures.decisions import f1 as f1
from carina.measures.decisions import weighted_exact_match as weighted_exact_match
from carina.measures.decisions import weighted_f1 as weighted_f1
from carina.measures.intervals import Measure as Measure
from carina.measures.intervals import difference as difference
from carina.measures.intervals import exact_match_interval as exact_match_interval
from carina.measures.intervals import interval as interval
from carina.measures.intervals import macro as macro
from carina.measures.ranking import RocCurve as RocCurve
from carina.measures.ranking import auroc as auroc
from carina.measures.ranking import average_precision as average_precision
from carina.measures.ranking import roc_curve as roc_curve
from carina.measures.ranking import weighted_auroc as weighted_auroc
from carina.measures.ranking import weighted_average_precision as weighted_average_precision
from carina.measures.resample import PatientResamples as PatientResamples
from carina.measures.resample import resample_patients as resample_patients
from carina.measures.thresholds import OperatingPoint as OperatingPoint
from carina.measures.thresholds import at_sensitivity as at_sensitivity
from carina.measures.thresholds import best_f1 as best_f1
from carina.measures.thresholds import youden as youden
