"""What frozen encoders gave, computed once and found by what made it."""

from carina.features.prompts import PromptVectors as PromptVectors
