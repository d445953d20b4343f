"""Made-up usernames: the awkward ones that break careless readers, then any number of ordinary ones.

Nobody real: every name is put together from plants, birds, weather and tea things.
"""

import random
from collections.abc import Iterator

# Followed by the owner in every world. Short ones, digits, underscores at the ends, names like addresses.
AWKWARD_FOLLOWED = (
    "alder_lane", "zq", "_m7", "10482", "__moss__", "birchandbay", "tags_n_tea", "s_01", "cedar_finch", "dd9",
    "x_y_z_2", "terms_of_play", "o_o", "jobs_jo", "007_", "page_2", "followed_cams_fan", "none", "null_island",
)

# Following the owner in every world. Some look like addresses of the site, some are followed back.
AWKWARD_FOLLOWERS = (
    "viewer_ash", "accounts_amy", "supporter_sam", "tipping_tom", "ux", "77_", "terms_of_play", "alder_lane", "_",
    "0", "00", "auth_andy", "__", "login_lou", "zq", "privacy_pat", "undefined_una", "a", "9000000000000000000001",
)

# Rooms that are on the pages but on nobody's list. Whoever returns one of them has read the wrong list.
COMMUNITY_TRAPS = ("community_trap", "community_trap_two")
RECOMMENDED_TRAPS = ("rec_trap_one", "rec_trap_two")
FALLBACK_TRAPS = ("fallback_trap", "fallback_trap_two", "fallback_trap_three")
DROPDOWN_TRAPS = ("dropdown_rec_trap", "rec_trap_one")
SIMILAR_TRAPS = ("more_like_trap",)

_FIRST = (
    "amber", "apple", "ash", "aspen", "autumn", "basil", "bay", "birch", "bramble", "brook", "calm", "cedar", "chalk",
    "clover", "coral", "cotton", "dawn", "dew", "drift", "dune", "dusk", "echo", "elder", "elm", "ember", "fern",
    "field", "flax", "fog", "frost", "glade", "gorse", "grove", "hazel", "heath", "hedge", "hill", "honey", "indigo",
    "ivory", "ivy", "jade", "juniper", "kelp", "lake", "larch", "laurel", "lichen", "lilac", "linden", "maple",
    "marsh", "meadow", "mint", "mist", "moss", "nettle", "oak", "olive", "opal", "orchard", "pebble", "pine", "plum",
    "pond", "poppy", "quartz", "quince", "rain", "reed", "ridge", "river", "rowan", "rush", "saffron", "sage", "salt",
    "sedge", "shore", "silver", "slate", "snow", "sorrel", "spruce", "stone", "storm", "summer", "tansy", "thistle",
    "thyme", "tide", "timber", "umber", "valley", "vetch", "violet", "walnut", "willow", "winter", "wren", "yarrow",
)
_SECOND = (
    "badger", "bell", "biscuit", "bridge", "bunting", "cup", "curlew", "dipper", "dove", "dunnock", "finch", "gate",
    "goldcrest", "grebe", "hare", "harbour", "heron", "kettle", "kite", "knot", "lane", "lantern", "lapwing", "lark",
    "linnet", "magpie", "marten", "martin", "mill", "nightjar", "nuthatch", "oriole", "otter", "owl", "path", "pilot",
    "pipit", "plover", "puffin", "raven", "redstart", "robin", "rook", "ruff", "sailor", "sandpiper", "saucer",
    "shrike", "siskin", "snipe", "spoon", "starling", "stoat", "stork", "swallow", "swift", "tea", "teal", "teapot",
    "tern", "thrush", "tinker", "vole", "wagtail", "walker", "warbler", "waxwing", "weaver", "whimbrel", "wigeon",
)


def ordinary_names(rng: random.Random) -> Iterator[str]:
    """Endless, never twice the same, and never a name that looks like a trap or an awkward one."""
    taken = {*AWKWARD_FOLLOWED, *AWKWARD_FOLLOWERS}
    while True:
        first, second = rng.choice(_FIRST), rng.choice(_SECOND)
        shape = rng.randrange(6)
        number = rng.randrange(1, 10_000)
        name = (f"{first}_{second}", f"{first}{second}", f"{first}_{second}_{number}", f"{first}{number}",
                f"{first}_{second}{number % 100:02}", f"{second}_{first}_{number}")[shape]
        if name not in taken:
            taken.add(name)
            yield name
