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
    """Where a contestant did worse than the gateway, the worst first; a share of the lines for each."""
    ours = {(one.group, one.case): one for one in verdicts["gatepost"]}
    bad = {}
    for name, all_of in verdicts.items():
        found = [one for one in all_of if is_worse(one, ours[one.group, one.case])]
        if found:
            bad[name] = sorted(found, key=rank, reverse=True)
    for name, all_of in bad.items():
        shown = len(all_of) if everything else LINES // len(bad)
        print(f"\n{name} did worse than gatepost in {len(all_of)} cases:")
        for one in all_of[:shown]:
            line = f"  {one.outcome:9} {one.group:13} {one.case}   [{one.detail}] {' '.join(one.seen[:2])}"
            print(line if everything or len(line) <= WIDTH else line[: WIDTH - 3] + "...")
        if len(all_of) > shown:
            print(f"  and {len(all_of) - shown} more: --all")


def rank(one):
    return list(OUTCOMES).index(one.outcome)


def is_worse(one, ours):
    return one.outcome in BAD and rank(one) > rank(ours)


def failures(verdicts):
    """Where the gateway did not do to the letter what the corpus says. Returns how often."""
    failed = [one for one in verdicts["gatepost"] if not one.expected]
    if failed:
        print(f"\ngatepost FAILED {len(failed)} cases:")
    for one in failed:
        print(f"  {one.outcome:9} {one.group:13} {one.case}   [{one.detail}] {one.seen[:5]}")
    return len(failed)
