"""What DeepSXT costs, in ratios that are measured within one run: ``make bench``."""
