"""Where Lading itself runs."""

from __future__ import annotations

from lading.errors.root import LadingError


class EnvironmentUnfit(LadingError):
    """Lading can't run here as it stands; the message says the mend."""

    code = "environment-unfit"


class PortInUse(EnvironmentUnfit):
    """Another program listens on the port."""

    code = "port-in-use"


class DataDirectoryUnusable(EnvironmentUnfit):
    """The data directory is owned by another process, read-only or full."""

    code = "data-directory-unusable"


class ProviderUnavailable(EnvironmentUnfit):
    """The keys of an identity provider can't be had, so its tokens can't be checked; it may be back later."""

    code = "identity-provider-unavailable"
    recoverable = True
    retryable = True


class TimeStampRefused(EnvironmentUnfit):
    """A time-stamp authority gave no good stamp; heads stay without one until it does."""


class DatabaseUnavailable(EnvironmentUnfit):
    """PostgreSQL does not answer, or refuses the login."""

    code = "database-unavailable"
    recoverable = True
    retryable = True


class DatabaseBusy(DatabaseUnavailable):
    """Somebody held a lock for too long; trying again helps."""


class DatabaseTooNew(EnvironmentUnfit):
    """The database was migrated by a newer Lading."""

    code = "database-too-new"
