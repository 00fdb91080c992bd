package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	memberSession   = 6 * time.Second
	memberRebalance = 10 * time.Second
	memberHeartbeat = time.Second
	// How long processed records may wait for their commit.
	commitEvery = 300 * time.Millisecond
)

// member is one of a living group; what it tells is agreed on in tests/clients/life_history.py. The
// clients' files give it its lives: each is called once, and returns when it has left the group.
type member struct {
	address, group, topic, name string
	isNew                       bool
	mutex                       sync.Mutex
	out                         *json.Encoder
}

type fields map[string]any

// tell prints a line; a client's goroutines may do so at once.
func (m *member) tell(event string, more fields) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	line := fields{"event": event}
	maps.Copy(line, more)
	if err := m.out.Encode(line); err != nil {
		os.Exit(1) // Nobody listens any more.
	}
}

// assigned takes what the broker answered as committed offsets; less than 0 is none.
func (m *member) assigned(generation int32, positions map[int]int64) {
	told := map[int]int64{}
	for partition, position := range positions {
		told[partition] = max(position, -1)
	}
	m.tell("assigned", fields{"partitions": slices.Sorted(maps.Keys(told)),
		"generation": generation, "positions": told})
}

// gone tells that partitions are the member's no more, "revoked" or "lost".
func (m *member) gone(how string, partitions ...int) {
	if len(partitions) > 0 {
		m.tell(how, fields{"partitions": partitions})
	}
}

// run is one batch of records: a stretch of one partition that was polled together.
type run struct {
	partition   int
	first, last int64
	count       int
}

func (r *run) add(offset int64) {
	if r.count == 0 {
		r.first = offset
	}
	r.last = offset
	r.count++
}

// records tells of a run and begins the next one.
func (m *member) records(r *run) {
	if r.count > 0 {
		m.tell("records", fields{
			"partition": r.partition, "first": r.first, "last": r.last, "count": r.count})
	}
	r.count = 0
}

// committed tells how the commit of these offsets ended.
func (m *member) committed(offsets map[int]int64, err error) {
	if err != nil {
		m.tell("commit-failed", fields{"error": err.Error()})
		return
	}
	m.tell("committed", fields{"offsets": offsets})
}

// fail ends the member, whichever of its goroutines calls.
func (m *member) fail(err error) {
	m.tell("problem", fields{"error": err.Error()})
	os.Exit(1)
}

// memberMain lives until SIGTERM; its words are those behind "member".
func memberMain(client string, words []string) error {
	if len(words) < 4 {
		return errors.New("member wants BOOTSTRAP GROUP TOPIC NAME")
	}
	options := flag.NewFlagSet("member", flag.ContinueOnError)
	protocol := options.String("protocol", "classic", "classic or consumer")
	if err := options.Parse(words[4:]); err != nil {
		return err
	}
	m := &member{address: words[0], group: words[1], topic: words[2], name: words[3],
		isNew: *protocol == "consumer", out: json.NewEncoder(os.Stdout)}
	lives := map[string]func(context.Context) error{
		"franz-go": m.liveFranz, "sarama": m.liveSarama, "kafka-go": m.liveKafkaGo}
	live, ok := lives[client]
	if !ok || m.isNew && client != "franz-go" {
		return fmt.Errorf("%s has no members of the %s protocol", client, *protocol)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := live(ctx); err != nil {
		m.fail(err)
	}
	m.tell("left", nil)
	return nil
}
