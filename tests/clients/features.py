"""What the Python clients share: running each feature and printing its line."""
import traceback


class Skip(Exception):
    """The client cannot do it; the text says why."""


def run_all(features):
    """`features` maps a name to a function that raises if it does not work."""
    for name, function in features.items():
        try:
            function()
            print(f"{name}\tok", flush=True)
        except Skip as why:
            print(f"{name}\tskip\t{why}", flush=True)
        except Exception as problem:  # a client may raise anything; it is reported, not hidden
            traceback.print_exc()
            text = " ".join(str(problem).split()) or type(problem).__name__
            print(f"{name}\tfail\t{text}", flush=True)


def expect(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {found!r}, wanted {wanted!r}")
