"""The table of counts, and the cases behind it."""

from collections import Counter

from verdict import BAD, OUTCOMES

LINES = 40
WIDTH = 150


def table(verdicts):
    """`verdicts` has a list for each contestant."""
    groups = list(dict.fromkeys(one.group for all_of in verdicts.values() for one in all_of))
    wide = max(map(len, verdicts))
    print(f"{'':14} {'':{wide}} {'cases':>6} " + " ".join(f"{name:>9}" for name in OUTCOMES))
    for group in [*groups, "all"]:
        for name, all_of in verdicts.items():
            counts = Counter(one.outcome for one in all_of if group in (one.group, "all"))
            cells = " ".join(f"{counts[outcome] or '-':>9}" for outcome in OUTCOMES)
            print(f"{group:14} {name:{wide}} {sum(counts.values()):6} {cells}")
    print()
    for outcome, words in OUTCOMES.items():
        print(f"{outcome:>10}: {words}")


def worse(verdicts, everything):
    """Where a contestant did worse than the gateway."""
    ours = {(one.group, one.case): one for one in verdicts["gatepost"]}
    for name, all_of in verdicts.items():
        bad = [one for one in all_of if is_worse(one, ours[one.group, one.case])]
        if not bad:
            continue
        print(f"\n{name} did worse than gatepost in {len(bad)} cases:")
        for one in bad if everything else bad[:LINES]:
            line = f"  {one.outcome:9} {one.group:13} {one.case}   [{one.detail}] {' '.join(one.seen[:2])}"
            print(line if everything or len(line) <= WIDTH else line[: WIDTH - 1] + "…")
        if len(bad) > LINES and not everything:
            print(f"  and {len(bad) - LINES} more: --all")


def is_worse(one, ours):
    return one.outcome in BAD and list(OUTCOMES).index(one.outcome) > list(OUTCOMES).index(ours.outcome)


def failures(verdicts):
    """Where the gateway did not do to the letter what the corpus says. Returns how often."""
    failed = [one for one in verdicts["gatepost"] if not one.expected]
    if failed:
        print(f"\ngatepost FAILED {len(failed)} cases:")
    for one in failed:
        print(f"  {one.outcome:9} {one.group:13} {one.case}   [{one.detail}] {one.seen[:5]}")
    return len(failed)
