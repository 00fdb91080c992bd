package main

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"
)

// saramaLife hands each partition of each generation to a goroutine.
type saramaLife struct {
	*member
	cl sarama.Client
}

func (m *member) liveSarama(ctx context.Context) error {
	config := saramaConfig()
	config.ClientID = m.name
	config.Consumer.Group.Session.Timeout = memberSession
	config.Consumer.Group.Heartbeat.Interval = memberHeartbeat
	config.Consumer.Group.Rebalance.Timeout = memberRebalance
	config.Consumer.MaxWaitTime = commitEvery
	cl, err := sarama.NewClient([]string{m.address}, config)
	if err != nil {
		return err
	}
	defer cl.Close()
	consumer, err := sarama.NewConsumerGroupFromClient(m.group, cl)
	if err != nil {
		return err
	}
	go func() {
		for range consumer.Errors() { // They are of a broker that is away; Consume ends by the others.
		}
	}()
	for ctx.Err() == nil {
		if err := consumer.Consume(ctx, []string{m.topic}, saramaLife{m, cl}); err != nil {
			select {
			case <-time.After(commitEvery):
			case <-ctx.Done():
			}
		}
	}
	return consumer.Close()
}

func (s saramaLife) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (s saramaLife) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (s saramaLife) ConsumeClaim(session sarama.ConsumerGroupSession,
	claim sarama.ConsumerGroupClaim) error {
	r := run{partition: int(claim.Partition())}
	s.assigned(session.GenerationID(), map[int]int64{r.partition: claim.InitialOffset()})
	defer func() { s.gone(ending(session), r.partition) }()
	pace := time.NewTicker(commitEvery)
	defer pace.Stop()
	for {
		select {
		case message, ok := <-claim.Messages():
			if ok {
				r.add(message.Offset)
				continue
			}
			s.finish(session, &r)
			return nil
		case <-pace.C:
			s.finish(session, &r)
		}
	}
}

func ending(session sarama.ConsumerGroupSession) string {
	cause := context.Cause(session.Context())
	if errors.Is(cause, sarama.ErrUnknownMemberId) || errors.Is(cause, sarama.ErrIllegalGeneration) {
		return "lost"
	}
	return "revoked"
}

// finish commits what was processed. A session's own Commit does not say how it ended.
func (s saramaLife) finish(session sarama.ConsumerGroupSession, r *run) {
	if r.count == 0 {
		return
	}
	next := r.last + 1
	s.records(r)
	request := sarama.NewOffsetCommitRequest(s.cl.Config(), s.group)
	request.ConsumerID = session.MemberID()
	request.ConsumerGroupGeneration = session.GenerationID()
	request.AddBlockWithLeaderEpoch(s.topic, int32(r.partition), next, -1, sarama.ReceiveTime, "")
	s.committed(map[int]int64{r.partition: next}, s.send(request, int32(r.partition)))
}

func (s saramaLife) send(request *sarama.OffsetCommitRequest, partition int32) error {
	coordinator, err := s.cl.Coordinator(s.group)
	if err != nil {
		return err
	}
	answer, err := coordinator.CommitOffset(request)
	if err != nil {
		return errors.Join(err, coordinator.Close(), s.cl.RefreshCoordinator(s.group))
	}
	if refused := answer.Errors[s.topic][partition]; refused != sarama.ErrNoError {
		return refused
	}
	return nil
}
