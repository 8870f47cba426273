"""One's own ops: every module here is found, see `data_services.plugin`."""
