"""Answers for images, from a bundle and the frozen encoders it stands on."""

from carina.serving.answers import FindingAnswer as FindingAnswer
from carina.serving.answers import Prediction as Prediction
from carina.serving.answers import Predictions as Predictions
from carina.serving.answers import SetAside as SetAside
from carina.serving.answers import StudyPrediction as StudyPrediction
from carina.serving.heat import Heat as Heat
from carina.serving.heat import heat_picture as heat_picture
from carina.serving.images import by_folder as by_folder
from carina.serving.images import images_in as images_in
from carina.serving.predictor import Predictor as Predictor
from carina.serving.predictor import load_predictor as load_predictor
