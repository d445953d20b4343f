"""The job `following`: all online followed cams, then all offline ones."""

from scraper.browser import Browser
from scraper.jobs import JobContext, JobResult
from scraper.sources.followed.page import address, online_rooms
from scraper.sources.pages.reading import Beside, Plan, read_list


def run(context: JobContext) -> JobResult:
    """Read the list once, in as many passes as it takes and the configuration allows."""
    return read_list(context, Plan(list_name="following", parts=("online", "offline"), address=address, beside=_beside))


def _beside(browser: Browser, _context: JobContext) -> Beside:
    return Beside(json_online=online_rooms(browser))
