"""The table of docs/idempotence.md: written from what clients did, read by the test that they still
do it."""
import pathlib

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "idempotence.md"
BEGIN, END = "<!-- rows: begin -->\n", "<!-- rows: end -->\n"
FIRST_CLIENT = 3  # its column


def _line(cells):
    return "| " + " | ".join(cells) + " |\n"


def write(results):
    """`results`: {client: [Result]}, all with the same rows."""
    heads = [f"{client} {found[0].version}" for client, found in results.items()]
    lines = [_line(["answer", "when Tailrace sends it", "in the test", *heads]),
             _line(["---"] * (FIRST_CLIENT + len(heads)))]
    for found in zip(*results.values()):
        row = found[0].row
        lines.append(_line([row.code, row.when, row.how, *(result.text for result in found)]))
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, behind = rest.partition(END)
    PAGE.write_text(before + BEGIN + "".join(lines) + END + behind)


def read(client):
    """(the version in the head of the client's column, {code: what its cell says})"""
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    column, head = next((i, head) for i, head in enumerate(rows[0]) if head.startswith(client + " "))
    return head.split()[-1], {row[0]: row[column] for row in rows[2:]}
