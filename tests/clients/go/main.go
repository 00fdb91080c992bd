// Clients of Go against one broker: clients CLIENT HOST:PORT. It prints a line for each feature, as
// tests/clients/run wants them. clients CLIENT member ... is a member of a living group (member.go).
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

const caseTimeMax = 90 * time.Second

var errSkip = errors.New("the client has no such thing")

type feature struct {
	name  string
	check func() error
}

func within(check func() error) error {
	done := make(chan error, 1)
	go func() { done <- check() }()
	select {
	case err := <-done:
		return err
	case <-time.After(caseTimeMax):
		return fmt.Errorf("not done after %v", caseTimeMax)
	}
}

func runAll(features []feature) {
	for _, f := range features {
		err := within(f.check)
		switch {
		case err == nil:
			fmt.Printf("%s\tok\n", f.name)
		case errors.Is(err, errSkip):
			fmt.Printf("%s\tskip\t%v\n", f.name, err)
		default:
			fmt.Printf("%s\tfail\t%s\n", f.name, strings.Join(strings.Fields(err.Error()), " "))
		}
	}
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, used := range info.Deps {
		if used.Path == module {
			return used.Version
		}
	}
	return "not known"
}

func main() {
	name, address := os.Args[1], os.Args[2]
	if address == "member" {
		if err := memberMain(name, os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	switch name {
	case "franz-go":
		fmt.Printf("version\tok\t%s\n", version("github.com/twmb/franz-go"))
		runAll(recordFeatures(newFranz(address, false)))
		runAll(groupFeatures("group", newFranz(address, false)))
		runAll(groupFeatures("new group", newFranz(address, true)))
	case "sarama":
		fmt.Printf("version\tok\t%s\n", version("github.com/IBM/sarama"))
		runAll(recordFeatures(newSarama(address)))
		runAll(groupFeatures("group", newSarama(address)))
	case "kafka-go":
		fmt.Printf("version\tok\t%s\n", version("github.com/segmentio/kafka-go"))
		runAll(recordFeatures(newKafkaGo(address)))
		runAll(groupFeatures("group", newKafkaGo(address)))
	default:
		fmt.Fprintln(os.Stderr, "no such client:", name)
		os.Exit(2)
	}
}
