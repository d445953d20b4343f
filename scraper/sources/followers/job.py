"""The job `followers`: everybody who follows the account, compared with the Stats API's number."""

from scraper.browser import Browser
from scraper.http import num_followers
from scraper.jobs import JobContext, JobResult
from scraper.sources.followers.page import address
from scraper.sources.pages.reading import Beside, Plan, read_list


def run(context: JobContext) -> JobResult:
    """Read the list once, in as many passes as it takes and the configuration allows."""
    return read_list(context, Plan(list_name="followers", parts=("followers",), address=address, beside=_beside))


def _beside(_browser: Browser, context: JobContext) -> Beside:
    return Beside(stats_followers=num_followers(context.settings, context.owner))
