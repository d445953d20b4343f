"""Where to go after signing in: never to another host."""

from urllib.parse import urlsplit

HOME = "/"


def safe_next(wish: str | None) -> str:
    """The wish if it is a path of this server, else the first page. Pure.

    Browsers read `\\` as `/` and drop tabs and line ends inside an address, so none of them may be in it.
    """
    if not wish or not wish.startswith("/") or wish.startswith("//") or len(wish) > 2000:
        return HOME
    if "\\" in wish or any(ord(letter) <= 32 or ord(letter) == 127 for letter in wish):
        return HOME
    try:
        parts = urlsplit(wish)
    except ValueError:
        return HOME
    if parts.scheme or parts.netloc or parts.path.split("/")[1] in ("login", "logout", "setup"):
        return HOME
    return wish
