package main

import (
	"context"
	"errors"

	"github.com/IBM/sarama"
)

type saramaClient struct{ address string }

func newSarama(address string) client { return &saramaClient{address} }

func saramaConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Consumer.Return.Errors = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	return config
}

func (s *saramaClient) admin(action func(sarama.ClusterAdmin) error) error {
	admin, err := sarama.NewClusterAdmin([]string{s.address}, saramaConfig())
	if err != nil {
		return err
	}
	defer admin.Close()
	return action(admin)
}

func (s *saramaClient) createTopic(topic string, partitions int) error {
	detail := &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1}
	return s.admin(func(a sarama.ClusterAdmin) error { return a.CreateTopic(topic, detail, false) })
}

func (s *saramaClient) send(topic string, partition int, codec string, records []record) error {
	config := saramaConfig()
	config.Producer.Compression = map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
		"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4,
		"zstd": sarama.CompressionZSTD}[codec]
	producer, err := sarama.NewSyncProducer([]string{s.address}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	all := []*sarama.ProducerMessage{}
	for _, r := range records {
		out := &sarama.ProducerMessage{Topic: topic, Partition: int32(partition)}
		if r.key != nil {
			out.Key = sarama.ByteEncoder(r.key)
		}
		if r.value != nil {
			out.Value = sarama.ByteEncoder(r.value)
		}
		for _, h := range r.headers {
			out.Headers = append(out.Headers,
				sarama.RecordHeader{Key: []byte(h.key), Value: []byte(h.value)})
		}
		all = append(all, out)
	}
	return producer.SendMessages(all)
}

// saramaHandler is told of every generation of its member.
type saramaHandler struct {
	topic string
	notes *notes
}

func (h saramaHandler) own(has bool, session sarama.ConsumerGroupSession) error {
	for _, partition := range session.Claims()[h.topic] {
		h.notes.own(has, int(partition))
	}
	return nil
}

func (h saramaHandler) Setup(s sarama.ConsumerGroupSession) error   { return h.own(true, s) }
func (h saramaHandler) Cleanup(s sarama.ConsumerGroupSession) error { return h.own(false, s) }

func (h saramaHandler) ConsumeClaim(session sarama.ConsumerGroupSession,
	claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			in := record{key: message.Key, value: message.Value}
			for _, header_ := range message.Headers {
				in.headers = append(in.headers, header{string(header_.Key), string(header_.Value)})
			}
			session.MarkMessage(message, "")
			if len(claim.Messages()) == 0 {
				session.Commit()
			}
			h.notes.read(in)
		case <-session.Context().Done():
			return nil
		}
	}
}

func (s *saramaClient) member(topic, group string, n *notes) (func() error, error) {
	consumer, err := sarama.NewConsumerGroup([]string{s.address}, group, saramaConfig())
	if err != nil {
		return nil, err
	}
	go func() {
		for err := range consumer.Errors() {
			n.fail(err)
		}
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			err := consumer.Consume(context.Background(), []string{topic}, saramaHandler{topic, n})
			if errors.Is(err, sarama.ErrClosedConsumerGroup) {
				return
			}
			n.fail(err)
		}
	}()
	return func() error {
		err := consumer.Close()
		<-done
		return err
	}, nil
}

func (s *saramaClient) describe(group string) (state string, members int, err error) {
	err = s.admin(func(a sarama.ClusterAdmin) error {
		found, err := a.DescribeConsumerGroups([]string{group})
		if err != nil {
			return err
		}
		state, members = found[0].State, len(found[0].Members)
		return nil
	})
	return state, members, err
}

func (s *saramaClient) offsets(group, topic string) (map[int]int64, error) {
	places := map[int]int64{}
	err := s.admin(func(a sarama.ClusterAdmin) error {
		found, err := a.ListConsumerGroupOffsets(group, nil)
		if err != nil {
			return err
		}
		for partition, place := range found.Blocks[topic] {
			places[int(partition)] = place.Offset
		}
		return nil
	})
	return places, err
}

// move goes by an offset manager: one that is no member of the group.
func (s *saramaClient) move(group, topic string, partition int, offset int64) error {
	cl, err := sarama.NewClient([]string{s.address}, saramaConfig())
	if err != nil {
		return err
	}
	defer cl.Close()
	manager, err := sarama.NewOffsetManagerFromClient(group, cl)
	if err != nil {
		return err
	}
	defer manager.Close()
	place, err := manager.ManagePartition(topic, int32(partition))
	if err != nil {
		return err
	}
	place.ResetOffset(offset, "")
	manager.Commit()
	return place.Close()
}

func (s *saramaClient) remove(group string) error {
	return s.admin(func(a sarama.ClusterAdmin) error { return a.DeleteConsumerGroup(group) })
}
