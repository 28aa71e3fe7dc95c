"""Pictures for reports: training curve, confusion matrix, predictions over time. They need matplotlib, the extra ``plot``."""
