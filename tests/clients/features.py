"""What the Python clients share: running each feature within its time and printing its line."""
import signal
import traceback

CASE_SECONDS_MAX = 90


class Skip(Exception):
    """The client cannot do it; the text says why."""


def run_all(features, version, seconds_max=CASE_SECONDS_MAX):
    """`features` maps a name to a function that raises if it does not work."""
    def too_late(*_):
        raise TimeoutError(f"not done after {seconds_max} s")

    signal.signal(signal.SIGALRM, too_late)
    print(f"version\tok\t{version}", flush=True)
    for name, function in features.items():
        signal.alarm(seconds_max)
        try:
            function()
            print(f"{name}\tok", flush=True)
        except Skip as why:
            print(f"{name}\tskip\t{why}", flush=True)
        except Exception as problem:  # a client may raise anything; it is reported, not hidden
            traceback.print_exc()
            text = " ".join(str(problem).split()) or type(problem).__name__
            print(f"{name}\tfail\t{text}", flush=True)
        finally:
            signal.alarm(0)


def expect(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {found!r}, wanted {wanted!r}")
