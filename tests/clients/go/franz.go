package main

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// franz is franz-go, under the classic or the new protocol of groups.
type franz struct {
	address string
	isNew   bool
}

func newFranz(address string, isNew bool) client { return &franz{address, isNew} }

func (f *franz) admin(action func(*kadm.Client) error) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(f.address))
	if err != nil {
		return err
	}
	defer cl.Close()
	return action(kadm.NewClient(cl))
}

func (f *franz) createTopic(topic string, partitions int) error {
	return f.admin(func(a *kadm.Client) error {
		_, err := a.CreateTopic(context.Background(), int32(partitions), 1, nil, topic)
		return err
	})
}

func (f *franz) send(topic string, partition int, codec string, records []record) error {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	cl, err := kgo.NewClient(kgo.SeedBrokers(f.address), kgo.ProducerBatchCompression(codecs[codec]),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer cl.Close()
	all := []*kgo.Record{}
	for _, r := range records {
		out := &kgo.Record{Topic: topic, Partition: int32(partition), Key: r.key, Value: r.value}
		for _, h := range r.headers {
			out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.key, Value: []byte(h.value)})
		}
		all = append(all, out)
	}
	return cl.ProduceSync(context.Background(), all...).FirstErr()
}

func (f *franz) member(topic, group string, n *notes) (func() error, error) {
	owning := func(has bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, places map[string][]int32) {
			for _, partition := range places[topic] {
				n.own(has, int(partition))
			}
		}
	}
	options := []kgo.Opt{kgo.SeedBrokers(f.address), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.OnPartitionsAssigned(owning(true)),
		kgo.OnPartitionsRevoked(owning(false)), kgo.OnPartitionsLost(owning(false))}
	if f.isNew {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return nil, err
	}
	go f.poll(cl, n)
	return func() error { cl.Close(); return nil }, nil
}

func (f *franz) poll(cl *kgo.Client, n *notes) {
	for {
		fetches := cl.PollFetches(context.Background())
		if fetches.IsClientClosed() {
			return
		}
		n.fail(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			in := record{key: r.Key, value: r.Value}
			for _, h := range r.Headers {
				in.headers = append(in.headers, header{h.Key, string(h.Value)})
			}
			n.read(in)
		})
		if err := cl.CommitUncommittedOffsets(context.Background()); !errors.Is(err, kgo.ErrClientClosed) {
			n.fail(err)
		}
	}
}

func (f *franz) describe(group string) (state string, members int, err error) {
	err = f.admin(func(a *kadm.Client) error {
		if f.isNew {
			found, err := a.DescribeConsumerGroups(context.Background(), group)
			state, members = found[group].State, len(found[group].Members)
			return errors.Join(err, found.Error())
		}
		found, err := a.DescribeGroups(context.Background(), group)
		state, members = found[group].State, len(found[group].Members)
		return errors.Join(err, found.Error())
	})
	return state, members, err
}

func (f *franz) offsets(group, topic string) (map[int]int64, error) {
	places := map[int]int64{}
	err := f.admin(func(a *kadm.Client) error {
		found, err := a.FetchOffsets(context.Background(), group)
		for partition, place := range found[topic] {
			places[int(partition)] = place.At
		}
		return err
	})
	return places, err
}

func (f *franz) move(group, topic string, partition int, offset int64) error {
	return f.admin(func(a *kadm.Client) error {
		places := kadm.Offsets{}
		places.AddOffset(topic, int32(partition), offset, -1)
		return a.CommitAllOffsets(context.Background(), group, places)
	})
}

func (f *franz) remove(group string) error {
	return f.admin(func(a *kadm.Client) error {
		found, err := a.DeleteGroup(context.Background(), group)
		return errors.Join(err, found.Err)
	})
}
