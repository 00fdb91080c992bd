"""What the tool prints without a broker: help, usage errors, completion, refused connections. Each
case in golden.txt is a command and, below it, exactly what it must print and its exit status.

    golden_test.py            compare
    golden_test.py --update   write golden.txt anew; read the difference before committing it
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]

from patience import PATIENCE_SECONDS  # noqa: E402

ROOT = HERE.parents[1]
GOLDEN = HERE / "golden.txt"
TOOL = pathlib.Path(os.environ.get("TAILRACE_BUILD", ROOT / "build" / "debug")) / "tailrace"

# Nobody listens on port 1 of the loopback.
CASES = """
tailrace
tailrace --help
tailrace help
tailrace help topic
tailrace help topic create
tailrace help topic list
tailrace help topic describe
tailrace help topic delete
tailrace help topic add-partitions
tailrace help topic alter-config
tailrace help topic produce
tailrace help topic consume
tailrace help topic offsets
tailrace help topic analyze
tailrace help topic trim-prefix
tailrace help group
tailrace help group list
tailrace help group describe
tailrace help group seek
tailrace help group delete
tailrace help group offset-delete
tailrace help cluster info
tailrace help cluster logdirs
tailrace help log
tailrace help log dump
tailrace help log verify
tailrace help bench
tailrace help bench produce
tailrace help bench fetch
tailrace help bench e2e
tailrace help bench mixed
tailrace help bench partitions
tailrace help bench groups-heartbeat
tailrace help bench groups-commit
tailrace help bench groups-join
tailrace help bench groups-list
tailrace help bench groups-restart
tailrace help bench start
tailrace help bench idle
tailrace help bench floor
tailrace help api-versions
tailrace help version
tailrace help completion
tailrace help nothing
tailrace topic
tailrace topic create --help
tailrace topic create --format help
tailrace topic consume --format help
tailrace version --format xml
tailrace topc list
tailrace topic crate
tailrace frobnicate
tailrace topic create
tailrace topic create t -p none
tailrace topic create t -p 0
tailrace topic create t -c novalue
tailrace topic create t --no-such
tailrace topic list --color sometimes
tailrace bench produce
tailrace bench produce --closed --connections 1001
tailrace bench produce --closed -b 127.0.0.1:1
tailrace bench e2e --rate 5 --compression lz4
tailrace bench partitions --rate 5 --steps 1,x
tailrace bench start
tailrace bench idle
tailrace bench floor --time 2m
tailrace bench floor --folder no/such
tailrace bench fetch --format help
tailrace topic add-partitions t
tailrace topic alter-config t
tailrace topic alter-config t --set retention.ms
tailrace topic alter-config t --set =5
tailrace topic alter-config t --append cleanup.policy
tailrace topic alter-config t --set a=1 --delete a
tailrace topic alter-config t -b 127.0.0.1:1 --set retention.ms=5 --delete segment.ms
tailrace topic consume t -o yesterday
tailrace topic consume t -f %z
tailrace topic consume t -p 3-1
tailrace topic consume t -n 0
tailrace topic produce
tailrace topic produce t -f %k%v
tailrace topic produce t -H novalue
tailrace topic produce t -X no.such.setting=1
tailrace topic produce t -z brotli
tailrace topic offsets t --time someday
tailrace topic analyze t -t 5
tailrace topic trim-prefix t
tailrace topic trim-prefix t -o 1:2
tailrace topic consume t -g g -p 0
tailrace topic consume t -g g -o 5
tailrace group seek
tailrace group seek g --topic t
tailrace group seek g --to-latest
tailrace group seek g --to-latest --to-earliest --topic t
tailrace group seek g --to-latest --topic t --all-topics
tailrace group seek g --from-file f --topic t
tailrace group seek g --to-offset -1 --topic t
tailrace group seek g --to-datetime someday --topic t
tailrace group seek g --by-duration never --topic t
tailrace group seek g --to-latest --topic t:x
tailrace group seek g --to-latest --topic :1
tailrace group offset-delete g
tailrace group describe g --watch --interval 0
tailrace group list -b 127.0.0.1:1
tailrace topic list -X novalue
tailrace version extra
tailrace completion tcsh
tailrace topic list -b 127.0.0.1:1
tailrace topic consume t -b 127.0.0.1:1
tailrace topic list -b nowhere:port
tailrace log dump
tailrace log dump no-such-file
tailrace log verify /proc/self
tailrace log verify no-such-directory
tailrace log dump /
tailrace log dump /proc/self/status
tailrace completion bash
tailrace completion fish
"""


def run(line):
    words = line.split()
    environment = {"PATH": os.environ["PATH"], "TAILRACE_BROKERS": "127.0.0.1:1"}
    for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    done = subprocess.run([str(TOOL), *words[1:]], stdin=subprocess.DEVNULL, capture_output=True,
                          env=environment, text=True, timeout=PATIENCE_SECONDS, check=False)
    parts = [f"$ {line}\n", done.stdout]
    if done.stderr:
        parts += ["--- stderr\n", done.stderr]
    return "".join(parts) + f"--- status {done.returncode}\n\n"


def split(text):
    """{command: its part}"""
    return {part.split("\n", 1)[0]: part for part in text.split("\n$ ")}


def main():
    printed = "".join(run(line) for line in CASES.strip().splitlines())
    if "--update" in sys.argv:
        GOLDEN.write_text(printed)
        return 0
    want = GOLDEN.read_text()
    if printed == want:
        return 0
    wanted, found = split(want), split(printed)
    for command in wanted.keys() | found.keys():
        if wanted.get(command) != found.get(command):
            print(f"$ {command}: wanted\n{wanted.get(command)}\nfound\n{found.get(command)}")
    print("If this is meant: tests/cli/golden_test.py --update")
    return 1


if __name__ == "__main__":
    sys.exit(main())
