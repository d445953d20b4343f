"""Pictures of people, fetched from the image hosts of the platform and handed over to be kept."""
