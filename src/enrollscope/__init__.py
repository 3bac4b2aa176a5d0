"""A self-hosted, Microsoft Graph-compatible service for device-enrollment failures."""

__version__ = "0.1.0"
