"""Cleaning up: no source of observations, but work that the server does when the worker's clock says so."""
