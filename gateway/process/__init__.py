"""The process as a service: how it is told to stop or to reload, and how it tells its manager what it does."""
