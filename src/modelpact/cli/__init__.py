"""The command line: composition by Hydra, tasks, sweeps, and how results and errors are shown."""
