"""What a review of a part says about the whole: which units are looked at, and what follows."""

from deepsxt_core.review.estimates import ERRORS, Estimate, Found, Machine, estimates
from deepsxt_core.review.population import Group, Judged, Population

__all__ = ["ERRORS", "Estimate", "Found", "Group", "Judged", "Machine", "Population", "estimates"]
