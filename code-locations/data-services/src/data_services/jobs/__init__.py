"""One's own jobs: every module here is found, see `data_services.plugin`."""
