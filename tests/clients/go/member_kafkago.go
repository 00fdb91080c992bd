package main

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go"
)

func (m *member) liveKafkaGo(ctx context.Context) error {
	dialer := &kafka.Dialer{ClientID: m.name, Timeout: memberSession}
	consumer, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: m.group,
		Brokers: []string{m.address}, Topics: []string{m.topic}, Dialer: dialer,
		StartOffset: kafka.FirstOffset, SessionTimeout: memberSession,
		RebalanceTimeout: memberRebalance, HeartbeatInterval: memberHeartbeat})
	if err != nil {
		return err
	}
	for {
		generation, err := consumer.Next(ctx)
		if ctx.Err() != nil {
			return consumer.Close() // It ends the generation, whose readers commit, and leaves.
		}
		if err != nil {
			continue // It could not join, and tries again after a while.
		}
		positions := map[int]int64{}
		for _, place := range generation.Assignments[m.topic] {
			positions[place.ID] = place.Offset
		}
		m.assigned(generation.ID, positions)
		for _, place := range generation.Assignments[m.topic] {
			reader := kafkaGoReader{m, generation, place.ID, place.Offset}
			generation.Start(func(ctx context.Context) { reader.live(ctx, dialer) })
		}
	}
}

// kafkaGoReader has one partition in one generation.
type kafkaGoReader struct {
	*member
	generation *kafka.Generation
	partition  int
	begin      int64
}

// live must not return before the generation ends, for it would end with it.
func (k kafkaGoReader) live(ctx context.Context, dialer *kafka.Dialer) {
	how := "revoked"
	defer func() { k.gone(how, k.partition) }()
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{k.address}, Topic: k.topic,
		Partition: k.partition, MaxWait: readWait, Dialer: dialer})
	defer reader.Close()
	if err := reader.SetOffset(k.begin); err != nil {
		k.fail(err)
	}
	for ctx.Err() == nil {
		if errors.Is(k.readAndCommit(ctx, reader), kafka.UnknownMemberId) {
			how = "lost"
		}
	}
}

// readAndCommit takes what comes within one pace of commits; the reader hides its batches.
func (k kafkaGoReader) readAndCommit(ctx context.Context, reader *kafka.Reader) error {
	r := run{partition: k.partition}
	soon, cancel := context.WithTimeout(ctx, commitEvery)
	defer cancel()
	for soon.Err() == nil {
		// Other errors are of a broker that is away: the reader tries again, at a pace of its own.
		if message, err := reader.ReadMessage(soon); err == nil {
			r.add(message.Offset)
		}
	}
	if r.count == 0 {
		return nil
	}
	next := map[int]int64{k.partition: r.last + 1}
	k.records(&r)
	err := k.generation.CommitOffsets(map[string]map[int]int64{k.topic: next})
	k.committed(next, err)
	return err
}
