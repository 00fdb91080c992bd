"""Every API that the broker offers, in every version, with whatever its schema allows: the broker
answers, and loads what came of it after it was killed. Much is asked by those who are in the middle of
something, in groups above all.

    random_requests_test.py [--seed N] [--seeds N] [--requests N] [unittest's own]

A seed that was told repeats a run."""
import unittest

from stranger import begin, kept, options
from broker import external_address

LIFE = 1000  # requests
# These go well only for who remembers what was answered, or says what others do.
DEEP = ("JoinGroup", "SyncGroup", "Heartbeat", "ConsumerGroupHeartbeat", "OffsetCommit", "Produce", "Fetch")
OPTIONS, REST = options(__doc__, seed=1, seeds=1, requests=3000)


@unittest.skipIf(external_address(), "needs a broker that it may kill")
class RandomRequestsTest(unittest.TestCase):
    def test_whatever_is_asked_is_lived_with(self):
        for seed in range(OPTIONS.seed, OPTIONS.seed + OPTIONS.seeds):
            with self.subTest(f"--seed {seed} --requests {OPTIONS.requests}"):
                self.ask(seed)

    def ask(self, seed):
        stranger = begin(seed)
        with kept(stranger, f"random_requests-{seed}"):
            stranger.meet()
            for number in range(OPTIONS.requests):
                stranger.say(number)
                if number % LIFE == LIFE - 1:
                    stranger.crash()
            stranger.crash()
        self.assertEqual(set(stranger.apis) - set(stranger.answered), set(), "never answered")
        self.assertEqual(set(DEEP) - set(+stranger.went_well), set(), "never went well")


if __name__ == "__main__":
    unittest.main(argv=REST)
