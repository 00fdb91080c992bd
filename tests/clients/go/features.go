package main

import (
	"fmt"
	"slices"
)

// exchange sends the records and reads them again by a group of their own.
func exchange(c client, codec string, records ...record) error {
	topic, err := newTopic(c, 1)
	if err != nil {
		return err
	}
	if err := c.send(topic, 0, codec, records); err != nil {
		return err
	}
	n, err := withMember(c, topic, "group-of-"+topic, func(n *notes) error {
		return n.wait("reading", len(records), -1)
	})
	if err != nil {
		return err
	}
	return expect(fmt.Sprintf("%q", n.records), fmt.Sprintf("%q", records))
}

func recordFeatures(c client) []feature {
	lines := []record{}
	for i := range 500 {
		lines = append(lines, record{key: []byte("k"), value: fmt.Appendf(nil, "line %d", i)})
	}
	codec := func(name string) func() error {
		return func() error { return exchange(c, name, lines...) }
	}
	return []feature{
		{"produce", codec("none")},
		{"consume", codec("none")},
		{"headers", func() error {
			return exchange(c, "none", record{key: []byte("k"), value: []byte("v"),
				headers: []header{{"a", "1"}, {"a", "2"}, {"empty", ""}}})
		}},
		{"null key", func() error { return exchange(c, "none", record{value: []byte("v")}) }},
		{"null value", func() error { return exchange(c, "none", record{key: []byte("k")}) }},
		{"gzip", codec("gzip")},
		{"snappy", codec("snappy")},
		{"lz4", codec("lz4")},
		{"zstd", codec("zstd")},
		{"admin", func() error { _, err := newTopic(c, 3); return err }},
	}
}

// groupFeatures are the stories of group_story.py.
func groupFeatures(kind string, c client) []feature {
	tell := func(partitions int, action func(*story) error) func() error {
		return func() error {
			s, err := begin(c, partitions)
			if err != nil {
				return err
			}
			return action(s)
		}
	}
	return []feature{
		{kind, tell(2, func(s *story) error { return s.sendAndRead(50) })},
		{kind + " restart", tell(2, restart)},
		{kind + " rebalance", tell(4, rebalance)},
		{kind + " describe", tell(1, describe)},
		{kind + " offsets", tell(2, offsets)},
		{kind + " delete", tell(1, remove)},
	}
}

func restart(s *story) error {
	return first(
		func() error { return s.sendAndRead(30) },
		func() error { return s.sendAndRead(20) },
		func() error { return s.sendAndRead(10) })
}

// rebalance: one member, two, one; what is sent meanwhile is read once, by a partition's owner.
func rebalance(s *story) error {
	wanted, second := []string{}, (*notes)(nil)
	send := func() error {
		more, err := s.send(10)
		wanted = append(wanted, more...)
		return err
	}
	one, err := withMember(s.client, s.topic, s.group, func(one *notes) error {
		share := func() (err error) {
			second, err = withMember(s.client, s.topic, s.group, func(two *notes) error {
				return first(
					func() error { return two.wait("joining", 0, 2) },
					func() error { return one.wait("sharing", 40, 2) },
					send,
					func() error { return one.wait("reading half", 60, 2) },
					func() error { return two.wait("reading half", 20, 2) })
			})
			return err
		}
		return first(
			send,
			func() error { return one.wait("alone", 40, 4) },
			share,
			func() error { return one.wait("alone again", 60, 4) },
			send,
			func() error { return one.wait("reading all", 100, 4) })
	})
	if err != nil {
		return err
	}
	found := append(one.values(), second.values()...)
	slices.Sort(found)
	slices.Sort(wanted)
	return expect(found, wanted)
}

func describe(s *story) error {
	_, err := withMember(s.client, s.topic, s.group, func(n *notes) error {
		if _, err := s.send(5); err != nil {
			return err
		}
		return first(
			func() error { return n.wait("reading", 5, -1) },
			func() error { return s.expectGroup("stable", 1) })
	})
	if err != nil {
		return err
	}
	return s.expectGroup("empty", 0)
}

func offsets(s *story) error {
	again := []string{}
	for i := 5; i < 20; i++ {
		again = append(again, fmt.Sprintf("%d of 0", i))
	}
	slices.Sort(again)
	return first(
		func() error { return s.sendAndRead(20) },
		func() error { return s.expectOffsets(map[int]int64{0: 20, 1: 20}) },
		func() error { return s.client.move(s.group, s.topic, 0, 5) },
		func() error { return s.expectOffsets(map[int]int64{0: 5, 1: 20}) },
		func() error { return s.read(again) })
}

func remove(s *story) error {
	return first(
		func() error { return s.sendAndRead(5) },
		func() error { return s.client.remove(s.group) },
		func() error { return s.expectOffsets(map[int]int64{}) })
}
