"""How much of the whole table there is, and whether all of it is from one machine: rows are measured one by
one, and what another machine gave does not compare with the rest."""
from collections import Counter

OURS = "Tailrace"
MACHINE = "machine"
NAMES_MAX = 16


def machine_of(result):
    """Older tables kept only what the loads themselves said; None if these did not, either."""
    if MACHINE in result:
        return result[MACHINE]
    told = next((each["conditions"] for each in result.get("results", ()) if "conditions" in each), None)
    return f"{told['cpu']}, {told['cpu_count']} cores" if told else None


def machines_of(found):
    """Of a row: broker -> round -> result."""
    machines = {machine_of(result) for rounds in found.values() for result in rounds.values()}
    return machines - {None}


def named(names):
    """How many, and the first of them: more than fit a line nobody reads."""
    shown = ", ".join(names[:NAMES_MAX]) + (", ..." if len(names) > NAMES_MAX else "")
    return f"{len(names)} ({shown})" if names else "0"


def lines(rows, results):
    """In words; of rows that only their names ask for as well."""
    found = {row.name: results.read(row) for row in rows}
    missing = [name for name, contenders in found.items() if OURS not in contenders]
    yield f"rows of the table: {len(found)}; not measured: {named(missing)}"
    everybody = {name for contenders in found.values() for name in contenders}
    partial = [name for name, contenders in found.items() if OURS in contenders and everybody - set(contenders)]
    if partial:
        yield f"measured without some of the brokers: {named(partial)}"
    machines = {name: machines_of(contenders) for name, contenders in found.items()}
    counts = Counter(machine for each in machines.values() for machine in each)
    if len(counts) < 2:
        return
    most = counts.most_common(1)[0][0]
    for machine in sorted(counts.keys() - {most}):
        names = [name for name, each in machines.items() if machine in each]
        yield f"measured on {machine}, most others on {most}: {named(names)}"
