package main

import (
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	waitMax   = 40 * time.Second
	lookEvery = 50 * time.Millisecond
)

type header struct{ key, value string }

// key and value are nil for null.
type record struct {
	key, value []byte
	headers    []header
}

// client is what the stories need of each library.
type client interface {
	createTopic(topic string, partitions int) error
	send(topic string, partition int, codec string, records []record) error
	// member starts a consumer that keeps what it reads in the notes, and commits it.
	member(topic, group string, notes *notes) (leave func() error, err error)
	describe(group string) (state string, members int, err error)
	offsets(group, topic string) (map[int]int64, error)
	move(group, topic string, partition int, offset int64) error
	remove(group string) error
}

// notes are written by the goroutines of a member and read by the story.
type notes struct {
	mutex    sync.Mutex
	records  []record
	assigned map[int]bool
	problem  error
}

func (n *notes) read(r record) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.records = append(n.records, r)
}

// own says whether the member has these partitions from now on.
func (n *notes) own(has bool, partitions ...int) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for _, partition := range partitions {
		if has {
			n.assigned[partition] = true
		} else {
			delete(n.assigned, partition)
		}
	}
}

func (n *notes) fail(err error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if err != nil && n.problem == nil {
		n.problem = err
	}
}

func (n *notes) values() []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	found := []string{}
	for _, r := range n.records {
		found = append(found, string(r.value))
	}
	slices.Sort(found)
	return found
}

// wait ends when the member has read so many records and owns so many partitions (-1: any).
func (n *notes) wait(what string, records, partitions int) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for late := time.After(waitMax); ; {
		n.mutex.Lock()
		has, owns, problem := len(n.records), len(n.assigned), n.problem
		n.mutex.Unlock()
		if problem != nil {
			return fmt.Errorf("%s: %w", what, problem)
		}
		if has >= records && (partitions < 0 || owns == partitions) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-late:
			return fmt.Errorf("%s: has %d partitions and %d records", what, owns, has)
		}
	}
}

func expect(found, wanted any) error {
	if !reflect.DeepEqual(found, wanted) {
		return fmt.Errorf("found %v, wanted %v", found, wanted)
	}
	return nil
}

// first gives the first error of steps, that run one after another until one fails.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func newTopic(c client, partitions int) (string, error) {
	topic := fmt.Sprintf("go-%s-%08x", strings.Trim(fmt.Sprintf("%T", c), "*main."), rand.Uint32())
	return topic, c.createTopic(topic, partitions)
}

// withMember runs the action while a member is in the group.
func withMember(c client, topic, group string, action func(*notes) error) (*notes, error) {
	n := &notes{assigned: map[int]bool{}}
	leave, err := c.member(topic, group, n)
	if err != nil {
		return n, err
	}
	err = action(n)
	if left := leave(); err == nil {
		err = left
	}
	return n, err
}

// story is one topic and one group, and how many records were sent to each partition.
type story struct {
	client       client
	topic, group string
	partitions   int
	sent         int
}

func begin(c client, partitions int) (*story, error) {
	topic, err := newTopic(c, partitions)
	return &story{client: c, topic: topic, group: "group-of-" + topic, partitions: partitions}, err
}

func (s *story) send(count int) ([]string, error) {
	all := []string{}
	for partition := range s.partitions {
		records := []record{}
		for i := range count {
			value := fmt.Sprintf("%d of %d", s.sent+i, partition)
			records = append(records, record{value: []byte(value)})
			all = append(all, value)
		}
		if err := s.client.send(s.topic, partition, "none", records); err != nil {
			return nil, err
		}
	}
	s.sent += count
	slices.Sort(all)
	return all, nil
}

// read has a member read these values and no others, and leave.
func (s *story) read(wanted []string) error {
	n, err := withMember(s.client, s.topic, s.group, func(n *notes) error {
		return n.wait("reading", len(wanted), -1)
	})
	if err != nil {
		return err
	}
	return expect(n.values(), wanted)
}

func (s *story) sendAndRead(count int) error {
	wanted, err := s.send(count)
	if err != nil {
		return err
	}
	return s.read(wanted)
}

func (s *story) expectOffsets(wanted map[int]int64) error {
	found, err := s.client.offsets(s.group, s.topic)
	if err != nil {
		return err
	}
	return expect(found, wanted)
}

func (s *story) expectGroup(wantedState string, wantedMembers int) error {
	state, members, err := s.client.describe(s.group)
	if err != nil {
		return err
	}
	return expect(fmt.Sprint(strings.ToLower(state), members), fmt.Sprint(wantedState, wantedMembers))
}
