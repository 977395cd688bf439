"""The command line: composition by Hydra, tasks, sweeps, rendering of results and errors."""
