"""Where the parts are put together: services from settings, and processes into one supervised tree."""
