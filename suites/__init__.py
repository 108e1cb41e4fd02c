"""The suites that come with ganbench: `ganbench list suites`."""
