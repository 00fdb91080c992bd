package main

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// franzLife is touched by the poll and by the callbacks of rebalances, which the client keeps apart:
// none begins between a poll and AllowRebalance.
type franzLife struct {
	*member
	generation int32
	held       map[int]bool
	processed  map[int]int64 // and not committed yet
	lastCommit time.Time
}

func (m *member) liveFranz(ctx context.Context) error {
	life := &franzLife{member: m, held: map[int]bool{}, processed: map[int]int64{}}
	options := []kgo.Opt{kgo.SeedBrokers(m.address), kgo.ClientID(m.name),
		kgo.ConsumerGroup(m.group), kgo.ConsumeTopics(m.topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(memberSession),
		kgo.RebalanceTimeout(memberRebalance), kgo.HeartbeatInterval(memberHeartbeat),
		kgo.BlockRebalanceOnPoll(), kgo.OnPartitionsAssigned(life.onAssigned),
		kgo.AdjustFetchOffsetsFn(life.onPositions), kgo.OnPartitionsRevoked(life.onRevoked),
		kgo.OnPartitionsLost(life.onLost)}
	if m.isNew {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for ctx.Err() == nil {
		err := life.poll(ctx, cl)
		cl.AllowRebalance()
		if err != nil {
			return err
		}
	}
	return cl.LeaveGroupContext(context.Background()) // It revokes, and so commits.
}

func (f *franzLife) poll(ctx context.Context, cl *kgo.Client) error {
	soon, cancel := context.WithTimeout(ctx, commitEvery)
	defer cancel()
	fetches := cl.PollFetches(soon)
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		r := run{partition: int(p.Partition)}
		p.EachRecord(func(record *kgo.Record) { r.add(record.Offset) })
		if r.count > 0 {
			f.processed[r.partition] = r.last + 1
		}
		f.records(&r)
	})
	if time.Since(f.lastCommit) >= commitEvery {
		f.commit(cl)
	}
	for _, failed := range fetches.Errors() {
		var session *kgo.ErrGroupSession // The client joins again.
		if soon.Err() == nil && !errors.As(failed.Err, &session) {
			return failed.Err
		}
	}
	return nil
}

func (f *franzLife) commit(cl *kgo.Client) {
	if len(f.processed) == 0 {
		return
	}
	places := map[int32]kgo.EpochOffset{}
	for partition, next := range f.processed {
		places[int32(partition)] = kgo.EpochOffset{Epoch: -1, Offset: next}
	}
	cl.CommitOffsetsSync(context.Background(), map[string]map[int32]kgo.EpochOffset{f.topic: places},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
			f.committed(f.processed, errors.Join(err, firstRefusal(answer)))
		})
	f.processed, f.lastCommit = map[int]int64{}, time.Now()
}

func firstRefusal(answer *kmsg.OffsetCommitResponse) error {
	if answer == nil {
		return nil
	}
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *franzLife) onAssigned(_ context.Context, cl *kgo.Client, _ map[string][]int32) {
	_, f.generation = cl.GroupMetadata()
}

// onPositions follows onAssigned when the committed offsets are known.
func (f *franzLife) onPositions(_ context.Context, places map[string]map[int32]kgo.Offset) (
	map[string]map[int32]kgo.Offset, error) {
	positions := map[int]int64{}
	for partition, place := range places[f.topic] {
		positions[int(partition)] = place.EpochOffset().Offset
		f.held[int(partition)] = true
	}
	f.assigned(f.generation, positions)
	return places, nil
}

func (f *franzLife) onRevoked(_ context.Context, cl *kgo.Client, places map[string][]int32) {
	f.commit(cl)
	f.release("revoked", places)
}

func (f *franzLife) onLost(_ context.Context, _ *kgo.Client, places map[string][]int32) {
	for _, partition := range places[f.topic] {
		delete(f.processed, int(partition))
	}
	f.release("lost", places)
}

func (f *franzLife) release(how string, places map[string][]int32) {
	partitions := []int{}
	for _, partition := range places[f.topic] {
		if f.held[int(partition)] {
			partitions = append(partitions, int(partition))
			delete(f.held, int(partition))
		}
	}
	f.gone(how, partitions...)
}
