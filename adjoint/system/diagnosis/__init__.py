"""Structural diagnosis of a constraint system, before and beside solving it."""

from adjoint.system.diagnosis.report import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]
