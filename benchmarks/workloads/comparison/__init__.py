"""How strategies are compared on a workload: validated, timed phase by phase, tabulated and drawn."""
