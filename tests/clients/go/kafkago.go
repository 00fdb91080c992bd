package main

import (
	"context"
	"errors"
	"time"

	"github.com/segmentio/kafka-go"
)

// What a reader waits for at the end of a partition, and so also how long it takes to close.
const readWait = 250 * time.Millisecond

// kafkaGo is kafka-go; its ConsumerGroup is used rather than its Reader, that hides the partitions.
type kafkaGo struct{ address string }

func newKafkaGo(address string) client { return &kafkaGo{address} }

func (k *kafkaGo) client() *kafka.Client { return &kafka.Client{Addr: kafka.TCP(k.address)} }

func (k *kafkaGo) createTopic(topic string, partitions int) error {
	found, err := k.client().CreateTopics(context.Background(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{
			{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}})
	if err != nil {
		return err
	}
	return found.Errors[topic]
}

func (k *kafkaGo) send(topic string, partition int, codec string, records []record) error {
	writer := &kafka.Writer{Addr: kafka.TCP(k.address), Topic: topic, RequiredAcks: kafka.RequireAll,
		Compression: map[string]kafka.Compression{"gzip": kafka.Gzip, "snappy": kafka.Snappy,
			"lz4": kafka.Lz4, "zstd": kafka.Zstd}[codec],
		Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return partition })}
	all := []kafka.Message{}
	for _, r := range records {
		out := kafka.Message{Key: r.key, Value: r.value}
		for _, h := range r.headers {
			out.Headers = append(out.Headers, kafka.Header{Key: h.key, Value: []byte(h.value)})
		}
		all = append(all, out)
	}
	return errors.Join(writer.WriteMessages(context.Background(), all...), writer.Close())
}

func (k *kafkaGo) member(topic, group string, n *notes) (func() error, error) {
	consumer, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: group,
		Brokers: []string{k.address}, Topics: []string{topic}, StartOffset: kafka.FirstOffset})
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			generation, err := consumer.Next(context.Background())
			if errors.Is(err, kafka.ErrGroupClosed) {
				return
			}
			if err != nil {
				n.fail(err)
				return
			}
			for _, place := range generation.Assignments[topic] {
				generation.Start(func(ctx context.Context) { k.read(ctx, generation, topic, place, n) })
			}
		}
	}()
	return consumer.Close, nil
}

// read ends with the generation.
func (k *kafkaGo) read(ctx context.Context, generation *kafka.Generation, topic string,
	place kafka.PartitionAssignment, n *notes) {
	n.own(true, place.ID)
	defer n.own(false, place.ID)
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{k.address}, Topic: topic,
		Partition: place.ID, MaxWait: readWait})
	defer reader.Close()
	n.fail(reader.SetOffset(place.Offset))
	for {
		message, err := reader.ReadMessage(ctx)
		if ctx.Err() != nil {
			return
		}
		n.fail(err)
		in := record{key: message.Key, value: message.Value}
		for _, h := range message.Headers {
			in.headers = append(in.headers, header{h.Key, string(h.Value)})
		}
		if next := message.Offset + 1; next == message.HighWaterMark {
			n.fail(generation.CommitOffsets(map[string]map[int]int64{topic: {place.ID: next}}))
		}
		n.read(in)
	}
}

func (k *kafkaGo) describe(group string) (state string, members int, err error) {
	found, err := k.client().DescribeGroups(context.Background(),
		&kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	if err != nil {
		return "", 0, err
	}
	return found.Groups[0].GroupState, len(found.Groups[0].Members), found.Groups[0].Error
}

func (k *kafkaGo) offsets(group, topic string) (map[int]int64, error) {
	found, err := k.client().OffsetFetch(context.Background(), &kafka.OffsetFetchRequest{
		GroupID: group, Topics: map[string][]int{topic: {0, 1}}})
	if err != nil {
		return nil, err
	}
	places := map[int]int64{}
	for _, place := range found.Topics[topic] {
		if place.CommittedOffset >= 0 {
			places[place.Partition] = place.CommittedOffset
		}
	}
	return places, found.Error
}

func (k *kafkaGo) move(group, topic string, partition int, offset int64) error {
	found, err := k.client().OffsetCommit(context.Background(), &kafka.OffsetCommitRequest{
		GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{
			topic: {{Partition: partition, Offset: offset}}}})
	if err != nil {
		return err
	}
	return found.Topics[topic][0].Error
}

func (k *kafkaGo) remove(group string) error {
	found, err := k.client().DeleteGroups(context.Background(),
		&kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
	if err != nil {
		return err
	}
	return found.Errors[group]
}
