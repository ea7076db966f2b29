"""Lessons: texts with predictions, experiments and questions, what a learner has done of them, and how runs compare with ours."""
