"""The configuration tree, shipped as `modelpact.conf`."""
