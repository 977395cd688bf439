"""What modelpact adds to Hydra itself."""
