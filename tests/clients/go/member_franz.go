package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// franzLife is touched by the poll and by the callbacks of rebalances, which the client keeps apart:
// none begins between a poll and AllowRebalance.
type franzLife struct {
	*member
	id         string // The broker's, under which the partitions are held.
	generation int32
	held       map[int]bool
	processed  map[int]int64 // and not committed yet
	lastCommit time.Time
}

var errDropped = errors.New("the group has dropped the member")

func (m *member) liveFranz(ctx context.Context) error {
	life := &franzLife{member: m, held: map[int]bool{}, processed: map[int]int64{}}
	for {
		if err := life.session(ctx); !errors.Is(err, errDropped) {
			return err
		}
	}
}

func (f *franzLife) session(ctx context.Context) error {
	options := []kgo.Opt{kgo.SeedBrokers(f.address), kgo.ClientID(f.name),
		kgo.ConsumerGroup(f.group), kgo.ConsumeTopics(f.topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(memberSession),
		kgo.RebalanceTimeout(memberRebalance), kgo.HeartbeatInterval(memberHeartbeat),
		kgo.BlockRebalanceOnPoll(), kgo.OnPartitionsAssigned(f.onAssigned),
		kgo.AdjustFetchOffsetsFn(f.onPositions), kgo.OnPartitionsRevoked(f.onRevoked),
		kgo.OnPartitionsLost(f.onLost)}
	if f.isNew {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for ctx.Err() == nil {
		err := f.poll(ctx, cl)
		cl.AllowRebalance()
		if err != nil {
			return err
		}
	}
	return cl.LeaveGroupContext(context.Background()) // It revokes, and so commits.
}

// isDropped says whether the client has another identity than that under which it holds partitions.
// It keeps them, and its places in them, when its JoinGroup is answered UNKNOWN_MEMBER_ID; but others
// have had them meanwhile.
func (f *franzLife) isDropped(cl *kgo.Client) bool {
	id, _ := cl.GroupMetadata()
	return len(f.held) > 0 && id != f.id
}

func (f *franzLife) poll(ctx context.Context, cl *kgo.Client) error {
	soon, cancel := context.WithTimeout(ctx, commitEvery)
	defer cancel()
	fetches := cl.PollFetches(soon)
	if f.isDropped(cl) {
		f.lose(slices.Sorted(maps.Keys(f.held))...)
		return errDropped
	}
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
	if !f.isDropped(cl) {
		f.id, f.generation = cl.GroupMetadata()
	}
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

func (f *franzLife) onRevoked(ctx context.Context, cl *kgo.Client, places map[string][]int32) {
	if f.isDropped(cl) {
		f.onLost(ctx, cl, places)
		return
	}
	f.commit(cl)
	f.gone("revoked", f.release(places[f.topic])...)
}

func (f *franzLife) onLost(_ context.Context, _ *kgo.Client, places map[string][]int32) {
	f.lose(f.release(places[f.topic])...)
}

func (f *franzLife) lose(partitions ...int) {
	for _, partition := range partitions {
		delete(f.processed, partition)
		delete(f.held, partition)
	}
	f.gone("lost", partitions...)
}

// release gives those of the partitions that were held, and holds them no more.
func (f *franzLife) release(partitions []int32) []int {
	released := []int{}
	for _, partition := range partitions {
		if f.held[int(partition)] {
			released = append(released, int(partition))
			delete(f.held, int(partition))
		}
	}
	return released
}
