"""The cases of Autobahn|Testsuite by name: 517 in all."""

CORE = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
LIMITS = ["9.*"]
# Every parameter of permessage-deflate with messages of up to 8 KiB; the others are the same with up to 128 KiB.
DEFLATE_SHORT = [
    f"{group}.{number}.{size}"
    for group, numbers in ((12, range(1, 6)), (13, range(1, 8)))
    for number in numbers
    for size in (1, 2, 3, 4, 5, 6, 11)
]
# The same parameters with fewer sizes.
DEFLATE_LEAST = [case for case in DEFLATE_SHORT if case.rsplit(".", 1)[1] in ("1", "5", "11")]

GROUPS = {
    "core": CORE,  # 247
    "limits": LIMITS,  # 54
    "deflate": ["12.*", "13.*"],  # 216; 9.3 GB of payload each way
    "deflate-short": DEFLATE_SHORT,  # 84
    "deflate-least": DEFLATE_LEAST,  # 36
    # What differs where a record ends elsewhere than a frame: fragments, control frames between, closing.
    "framing": ["1.*", "2.*", "5.*", "7.*"],
    "quick": CORE + LIMITS + DEFLATE_SHORT,  # 385
    "all": ["*"],  # 517
}


def expand(names):
    """The patterns that groups, ids and patterns stand for, without repetition."""
    return list(dict.fromkeys(pattern for name in names for pattern in GROUPS.get(name, [name])))


def key(case):
    """Sorts as a person would."""
    return [int(part) for part in case.split(".")]
