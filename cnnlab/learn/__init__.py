"""Lessons: texts with predictions, experiments and questions, what a learner has done of them, and how runs compare with ours."""

from cnnlab.learn.catalogue import Catalogue, Lessons
from cnnlab.learn.progress import Learners, LessonProgress

__all__ = ["Catalogue", "Learners", "LessonProgress", "Lessons"]
