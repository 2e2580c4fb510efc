"""The studio's queue: one subprocess a job, durable in SQLite, fair between users. No Gradio, no models."""

from training.jobs.job import ACTIVE, ENDED, Job, Progress, State
from training.jobs.jobs import Jobs

__all__ = ["ACTIVE", "ENDED", "Job", "Jobs", "Progress", "State"]
