"""Users of locust, by `invoke load-test`."""

from loadtests.requests import PlatformWorkload
from optimus_ops.loadtest.generator.locust_users import locust_users

globals().update(locust_users(PlatformWorkload))
