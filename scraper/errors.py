"""What can go wrong while collecting, named by what happens next.

ScraperError
    WrongUse            the person at the terminal calls again, corrected          exit 2
        NoBrowser       there is no Chromium, or it may not start; a person mends that exit 2
    SourceError
        RateLimited     wait as long as asked, then go on                          exit 4
        Unavailable     try again when next due                                    exit 1
        SignedOut       stop this source; a person runs `python -m scraper login`  exit 3
            NeverSignedIn   the same, before the first time                        exit 3
            NotProved       the same, while signing in: the cookies sign nobody in exit 3
            SignInFailed    the same, while signing in                             exit 3
        WrongAccount    the same: somebody else is signed in                       exit 3
        Challenged      stop for an hour; a person looks at the site               exit 4
            FurtherStep     a code or a puzzle while signing in                    exit 4
            ClosedToUs      the same, at a source that needs no sign-in            exit 4
        NotLetIn        stop for now; the next run begins elsewhere                exit 4
            ShutOut     the same for some minutes: most often we asked too often   exit 4
        AgeGated        stop; a person passes the age check on the site            exit 4
        UnknownLayout   stop this source; the layout file needs mending            exit 1
        UnknownAnswer   stop this source; our reading of it needs work             exit 1
        NotAccepted     stop this source; a person looks at the settings           exit 1
            NotKnownHere  the same, where there is no setting to look at           exit 1
        NotLoaded       the page never settled: try again when next due            exit 1
        Redirected      the site led to another page: try again when next due      exit 1
    ServerUnreachable   what was seen waits in the outbox                          exit 6
        TokenRefused    the same; a person gives the worker the right token        exit 6
    ServerRefused       the server will never take this: it is set aside           exit 1
        RunEnded        the run is not ours any more: stop it                      exit 1
    Busy                the same list is being read just now: try again later      exit 1
    CannotKeep          the data folder takes nothing: stop, a person makes room   exit 1
    Cancelled           a person asked to stop                                     exit 1

Every error carries `code` (the word kept with the run), `outcome` (the run's outcome) and `advice`
(what a broadcaster can do about it).
"""

from datetime import timedelta
from typing import ClassVar


class ScraperError(Exception):
    code: ClassVar[str] = "failed"
    outcome: ClassVar[str] = "failed"
    exit_status: ClassVar[int] = 1
    advice: ClassVar[str] = "Look at the run's page for details and try again."


class WrongUse(ScraperError):
    code = "wrong_use"
    exit_status = 2
    advice = "Call again with --help to see what is possible."


class NoBrowser(WrongUse):
    code = "no_browser"
    advice = "Nothing was changed. Mend that, then try again."


class SourceError(ScraperError):
    """The platform did not give what was asked for. wait: how long it is to be left alone; None: it did not say."""

    def __init__(self, message: str, wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class RateLimited(SourceError):
    code = "rate_limited"
    outcome = "blocked"
    exit_status = 4
    advice = "The site asked us to slow down. Nobody was taken away; the next reading waits as long as the site asked."


class Unavailable(SourceError):
    code = "unavailable"
    advice = "The site could not be reached or is under maintenance. Nobody was taken away; try again later."


class SignedOut(SourceError):
    code = "signed_out"
    outcome = "signed_out"
    exit_status = 3
    advice = "The saved sign-in is no longer valid. Nobody was taken away; run `python -m scraper login` to sign in."


class NeverSignedIn(SignedOut):
    advice = "Run `python -m scraper login` to sign in."


class NotProved(SignedOut):
    advice = ("Nothing was saved. See in your own browser that you are signed in there, then export the cookies anew "
              "or run the same command again.")


class SignInFailed(SignedOut):
    advice = "Nothing was saved. Run `python -m scraper login` again when you have name and password at hand."


class WrongAccount(SourceError):
    code = "wrong_account"
    outcome = "signed_out"
    exit_status = 3
    advice = ("The browser is signed in as somebody else. Nobody was taken away; run `python -m scraper login` "
              "with the right account.")


class Challenged(SourceError):
    code = "challenge"
    outcome = "blocked"
    exit_status = 4
    advice = ("The site asks for a human check. We do not solve it. Nobody was taken away; open the site in your own "
              "browser, wait an hour, then try again or sign in anew with `python -m scraper login`.")


class FurtherStep(Challenged):
    advice = ("The site asks for a code or a puzzle, which is yours to give. Nothing was saved; run `python -m scraper "
              "login` without --username on a machine with a screen, and do it in the window.")


class ClosedToUs(Challenged):
    advice = ("The site asks for a human check. We do not solve it. Nothing was changed, and it is tried again in an "
              "hour; open the site in your own browser on this network and see whether it lets you in.")


class NotLetIn(SourceError):
    code = "not_let_in"
    outcome = "blocked"
    exit_status = 4
    advice = ("The host of the pictures does not let us in. What is kept here stays, and the next round leaves that "
              "picture alone for a while. If it goes on, open a picture in your own browser on this network.")


class ShutOut(NotLetIn):
    advice = ("The site does not let us in, most often for a while because this address asked too often. Nothing was "
              "changed. It is left alone for some minutes and then tried again by itself; see that no other program "
              "on this network asks it, too.")


class AgeGated(SourceError):
    code = "age_gate"
    outcome = "blocked"
    exit_status = 4
    advice = ("The site asks for an age check. Nobody was taken away; run `python -m scraper login`, pass the check "
              "in the window, and try again.")


class UnknownLayout(SourceError):
    code = "unknown_layout"
    advice = ("The page looks different from every layout we know. Nobody was taken away; the page was kept. Run "
              "`python -m scraper layout check` on a saved copy, and add a layout file or tell us.")


class UnknownAnswer(SourceError):
    code = "unknown_answer"
    advice = ("The answer is in a form that we do not know. Nothing was changed; the answer was kept. Update the "
              "panel, and tell us if that does not help.")


class NotAccepted(SourceError):
    code = "not_accepted"
    advice = ("The site does not take our question. Nothing was changed. See that MHC_AFFILIATE_CODE is your campaign "
              "code, and whether the site lets this address in at all.")


class NotKnownHere(NotAccepted):
    advice = ("The site does not take our question, so it may have changed. Nothing was changed here. Update the "
              "panel, and tell us if that does not help.")


class NotLoaded(SourceError):
    code = "not_loaded"
    advice = "The page did not finish loading. Nobody was taken away; try again later."


class Redirected(SourceError):
    code = "redirected"
    advice = ("The site led us to another page than the one we asked for. Nothing was changed; open the list in your "
              "own browser and see whether it has moved.")


class ServerUnreachable(ScraperError):
    code = "server_unreachable"
    exit_status = 6
    advice = "The panel's server does not answer. What was seen is kept in the outbox and handed over when it is back."

    def __init__(self, message: str, wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class TokenRefused(ServerUnreachable):
    code = "token_refused"
    advice = ("The panel's server does not know this worker's token. Give both the same MHC_WORKER_TOKEN or the same "
              "data folder. What was seen is kept in the outbox and handed over afterwards.")


class ServerRefused(ScraperError):
    code = "server_refused"
    advice = "The server refused what was handed over; look at its log and at the outbox's `refused` folder."

    def __init__(self, message: str, status: int = 0, answer: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer
        self.reason = reason


class RunEnded(ServerRefused):
    code = "run_ended"
    outcome = "cancelled"
    advice = ("The server had ended this run, most often because it heard nothing of it for too long. "
              "Nobody was taken away; the list is read again when it is next due.")


class Busy(ScraperError):
    code = "busy"
    advice = "The same list is being read just now. Wait until that run has ended, or cancel it on the panel's page."


class CannotKeep(ScraperError):
    code = "cannot_keep"
    advice = "The data folder takes nothing more. Make room on the disk or mend its permissions, then try again."


class Cancelled(ScraperError):
    code = "cancelled"
    outcome = "cancelled"
    advice = "The run was stopped by hand. Nobody was taken away."
