"""Records of __consumer_offsets that no broker would write, each well-formed, among those of groups that
live: the broker is killed, starts, and loads them.

    random_records_test.py [--seed N] [--seeds N] [--lives N] [unittest's own]

A seed that was told repeats a run."""
import struct
import unittest

from stranger import begin, kept, options
from batch import batch
from broker import external_address
from case import NONE
from draw import GROUPS, Draw, encode, schemas, show
from patience import PATIENCE_MS

TOPIC = "__consumer_offsets"
# Those that change a group, or ask about it.
APIS = ("OffsetCommit", "OffsetFetch", "JoinGroup", "Heartbeat", "LeaveGroup", "SyncGroup",
        "DescribeGroups", "DeleteGroups", "OffsetDelete", "ConsumerGroupHeartbeat",
        "ConsumerGroupHeartbeat", "ConsumerGroupDescribe")
REQUESTS, BATCHES = 40, 20  # in one life
OPTIONS, REST = options(__doc__, seed=1, seeds=1, lives=6)


class Records:
    """Draws records."""

    def __init__(self, draw):
        self.draw = draw
        kinds = schemas("consumer-groups/records/offsets_topic.msg")[0].messages
        self.kinds = list(zip(kinds[::2], kinds[1::2]))

    def batch(self):
        """(partition, bytes, what they say)"""
        group, records = self.draw.below(len(GROUPS)), []
        self.draw.known["group"] = self.draw.known["group_id"] = [GROUPS[group]]
        for _ in range(self.draw.one_of((1, 5, 20))):
            records.append(self._record())
        keys, values, words = zip(*records)
        return group, batch(list(values), keys=list(keys)), words

    def _record(self):
        key, value = self.draw.one_of(self.kinds)
        said = self.draw.message(key, 0)
        key_bytes = struct.pack(">h", key.key) + encode(key, 0, said)
        if self.draw.is_so(0.12):
            return key_bytes, None, f"{key.title} {show(said)}: null"
        version = self.draw.below(value.versions.last + 1)
        content = self.draw.message(value, version)
        data = struct.pack(">h", version) + encode(value, version, content)
        cut = self.draw.below(len(data)) if self.draw.is_so(0.03) else len(data)
        return key_bytes, data[:cut], (f"{key.title} {show(said)}: v{version} {show(content)}, "
                                       f"{cut} of {len(data)} bytes")


@unittest.skipIf(external_address(), "needs a broker that it may kill")
class RandomRecordsTest(unittest.TestCase):
    def test_whatever_is_recorded_is_loaded(self):
        for seed in range(OPTIONS.seed, OPTIONS.seed + OPTIONS.seeds):
            with self.subTest(f"--seed {seed} --lives {OPTIONS.lives}"):
                self.live(seed)

    def live(self, seed):
        stranger = begin(seed)
        with kept(stranger, f"random_records-{seed}"):
            stranger.meet()
            stranger.choice = APIS
            for life in range(OPTIONS.lives):
                for number in range(life * REQUESTS, (life + 1) * REQUESTS):
                    stranger.say(number)
                taken_count = self.record(stranger, seed, life)
                self.assertGreater(taken_count, BATCHES / 2, "batches are refused")
                stranger.crash()

    def record(self, stranger, seed, life):
        """Writes some; how many batches were taken."""
        taken_count, draw = 0, Draw(seed)
        records = Records(draw)
        draw.learned = stranger.draw.learned
        with stranger.watched(), stranger.honest() as connection:
            connection.client_id = "__admin_client"  # nobody else may
            for place in range(BATCHES):
                draw.begin("records", life, place)
                partition, data, words = records.batch()
                stranger.note("\n".join((f"to partition {partition}:", *words)))
                answer = connection.call("Produce", 7, acks=-1, timeout_ms=PATIENCE_MS, topics=[
                    {"name": TOPIC, "partitions": [{"index": partition, "records": data}]}])
                taken_count += answer["topics"][0]["partitions"][0]["error"] == NONE
        return taken_count


if __name__ == "__main__":
    unittest.main(argv=REST)
