"""ApiVersions: how every client begins."""
import struct
import unittest

from case import *  # noqa: F403
from wire import Reader, decode_fields, raw_frame


def header(key, version, correlation_id=7, client_id=b"x"):
    return struct.pack(">hhih", key, version, correlation_id, len(client_id)) + client_id


class ApiVersionsTest(WireCase):
    def offered(self, version=3):
        answer = self.call("ApiVersions", version, **self.software(version))
        self.assertEqual(answer["error"], NONE)
        return {row["key"]: (row["min"], row["max"]) for row in answer["apis"]}

    @staticmethod
    def software(version, name="wire-test", number="1.0"):
        return {"software_name": name, "software_version": number} if version >= 3 else {}

    def test_every_version_is_answered_with_the_same_ranges(self):
        ranges = [self.offered(version) for version in every_version("ApiVersions")]
        for others in ranges:
            self.assertEqual(others, ranges[0])

    def test_response_header_has_no_tags_at_any_version(self):
        """Connection.receive reads header v0 here and fails when a byte is left over."""
        for version in every_version("ApiVersions"):
            self.offered(version)

    def test_too_new_version_is_refused_in_the_form_of_version_0(self):
        """Any body: it is not parsed. Error 35, one entry, key 18; the connection stays open."""
        for version in (5, 9, 127):
            for body in (b"", b"\0", b"\xff\xff\xff\xff rubbish"):
                self.connection.send_bytes(raw_frame(header(18, version) + b"\0" + body))
                reader = Reader(self.connection.receive_frame())
                self.assertEqual(reader.number(">i"), 7)
                answer = decode_fields(APIS["ApiVersions"].response, reader, 0, False)
                self.assertEqual(answer["error"], UNSUPPORTED_VERSION)
                self.assertEqual([row["key"] for row in answer["apis"]], [18])
                self.assertGreaterEqual(answer["apis"][0]["max"], 4)
                self.assertEqual(reader.remaining(), 0)
        self.offered()

    def test_minima_are_those_of_kafka_and_produce_begins_at_0(self):
        """A higher minimum makes clients lose features, or fail, without a word."""
        minima = {0: 0, 1: 4, 2: 1, 3: 0, 18: 0, 19: 2, 20: 1, 21: 0, 22: 0, 23: 2, 32: 1, 35: 1, 37: 0,
                  60: 0, 75: 0}
        offered = self.offered()
        self.assertEqual({key: offered[key][0] for key in minima}, minima)

    def test_maxima_reach_what_clients_send_without_asking(self):
        """librdkafka 2.6.0 sends Fetch 12 whatever was offered."""
        maxima = {0: 13, 1: 18, 2: 11, 3: 13, 18: 4, 19: 7, 20: 6, 21: 2, 22: 5, 23: 4, 32: 4,
                  35: 4, 37: 3, 60: 2, 75: 0}
        offered = self.offered()
        for key, newest in maxima.items():
            self.assertGreaterEqual(offered[key][1], newest, f"key {key}")

    def test_find_coordinator_is_offered(self):
        """librdkafka before 2.12 takes its version 0 for the sign that lz4 can be stored."""
        self.assertEqual(self.offered()[10][0], 0)

    def test_features_with_minimum_0_are_hidden_from_old_versions(self):
        answer = self.call("ApiVersions", 3, **self.software(3))
        reader = Reader(answer["tags"].get(0, b"\1"))
        for _ in range(reader.uvarint() - 1):
            reader.take(reader.uvarint() - 1)
            self.assertGreater(reader.number(">h"), 0)
            reader.number(">h")
            reader.uvarint()

    def test_software_names_outside_the_alphabet_are_refused(self):
        for name, number in (("", "1"), ("a b", "1"), ("-a", "1"), ("a", ""), ("a", "1_0"),
                             ("a", "ä")):
            answer = self.call("ApiVersions", 3, **self.software(3, name, number))
            self.assertEqual(answer["error"], INVALID_REQUEST, (name, number))
        self.assertTrue(self.offered())

    def test_any_number_of_times_and_between_other_requests(self):
        for _ in range(3):
            self.offered()
            self.call("Metadata", 1, topics=[])
        self.offered()


if __name__ == "__main__":
    unittest.main()
