"""Measures over plain arrays: ranking, decisions, calibration, thresholds, and their intervals.

Measures of one finding take scores or probabilities and a target, one an image. Their weighted
forms take a row of weights a draw and answer for all draws at once.
"""

from carina.measures.achieving import Achieved as Achieved
from carina.measures.achieving import PredictiveValues as PredictiveValues
from carina.measures.achieving import achieved as achieved
from carina.measures.achieving import predictive_values as predictive_values
from carina.measures.band import BinBand as BinBand
from carina.measures.band import CalibrationBand as CalibrationBand
from carina.measures.band import calibration_band as calibration_band
from carina.measures.bootstrap import Size as Size
from carina.measures.bootstrap import why_undefined as why_undefined
from carina.measures.calibration import BrierParts as BrierParts
from carina.measures.calibration import ReliabilityBin as ReliabilityBin
from carina.measures.calibration import brier as brier
from carina.measures.calibration import brier_parts as brier_parts
from carina.measures.calibration import expected_calibration_error as expected_calibration_error
from carina.measures.calibration import log_loss as log_loss
from carina.measures.calibration import reliability as reliability
from carina.measures.calibration import weighted_brier as weighted_brier
from carina.measures.calibration import (
    weighted_expected_calibration_error as weighted_expected_calibration_error,
)
from carina.measures.calibration import weighted_log_loss as weighted_log_loss
from carina.measures.calibration import wilson as wilson
from carina.measures.decisions import exact_match as exact_match
from carina.measures.decisions import f1 as f1
from carina.measures.decisions import precision as precision
from carina.measures.decisions import sensitivity as sensitivity
from carina.measures.decisions import specificity as specificity
from carina.measures.decisions import weighted_exact_match as weighted_exact_match
from carina.measures.decisions import weighted_f1 as weighted_f1
from carina.measures.decisions import weighted_precision as weighted_precision
from carina.measures.decisions import weighted_sensitivity as weighted_sensitivity
from carina.measures.decisions import weighted_specificity as weighted_specificity
from carina.measures.fitting import MINIMUM_OF_CLASS as MINIMUM_OF_CLASS
from carina.measures.fitting import FittedTo as FittedTo
from carina.measures.fitting import fit_beta as fit_beta
from carina.measures.fitting import fit_isotonic as fit_isotonic
from carina.measures.fitting import fit_sigmoid as fit_sigmoid
from carina.measures.fitting import not_enough_data as not_enough_data
from carina.measures.intervals import exact_match_interval as exact_match_interval
from carina.measures.intervals import interval as interval
from carina.measures.intervals import macro as macro
from carina.measures.many_findings import MultiLabel as MultiLabel
from carina.measures.many_findings import mean_average_precision as mean_average_precision
from carina.measures.many_findings import multilabel as multilabel
from carina.measures.many_findings import multilabel_difference as multilabel_difference
from carina.measures.many_findings import multilabel_interval as multilabel_interval
from carina.measures.many_findings import weighted_multilabel as weighted_multilabel
from carina.measures.maps import BetaMap as BetaMap
from carina.measures.maps import CalibrationMap as CalibrationMap
from carina.measures.maps import IsotonicMap as IsotonicMap
from carina.measures.maps import Sigmoid as Sigmoid
from carina.measures.means import mean_interval as mean_interval
from carina.measures.moments import shrunken_sigmoid_from_moments as shrunken_sigmoid_from_moments
from carina.measures.multiplicity import benjamini_hochberg as benjamini_hochberg
from carina.measures.multiplicity import holm as holm
from carina.measures.net_benefit import DecisionCurve as DecisionCurve
from carina.measures.net_benefit import decision_curve as decision_curve
from carina.measures.noninferiority import NonInferiority as NonInferiority
from carina.measures.noninferiority import Verdict as Verdict
from carina.measures.noninferiority import noninferiority as noninferiority
from carina.measures.noninferiority import noninferiority_by_delong as noninferiority_by_delong
from carina.measures.overlap import boundary_distances as boundary_distances
from carina.measures.overlap import dice as dice
from carina.measures.overlap import iou as iou
from carina.measures.paired import bootstrap_test as bootstrap_test
from carina.measures.paired import brier_over_prevalence as brier_over_prevalence
from carina.measures.paired import difference as difference
from carina.measures.placements import delong as delong
from carina.measures.placements import delong_test as delong_test
from carina.measures.ranking import RocCurve as RocCurve
from carina.measures.ranking import auroc as auroc
from carina.measures.ranking import average_precision as average_precision
from carina.measures.ranking import roc_curve as roc_curve
from carina.measures.ranking import weighted_auroc as weighted_auroc
from carina.measures.ranking import weighted_average_precision as weighted_average_precision
from carina.measures.recalibration import CalibrationLine as CalibrationLine
from carina.measures.recalibration import calibration_line as calibration_line
from carina.measures.resample import PatientResamples as PatientResamples
from carina.measures.resample import resample_patients as resample_patients
from carina.measures.significance import PairedTest as PairedTest
from carina.measures.significance import PValue as PValue
from carina.measures.tables import WAYS as WAYS
from carina.measures.tables import Measure as Measure
from carina.measures.thresholds import OperatingPoint as OperatingPoint
from carina.measures.thresholds import at_sensitivity as at_sensitivity
from carina.measures.thresholds import at_specificity as at_specificity
from carina.measures.thresholds import best_f1 as best_f1
from carina.measures.thresholds import youden as youden
from carina.measures.weights import Weights as Weights
