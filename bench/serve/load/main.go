// Command load calls Recommend as often as it is told to, and prints what came of it as one line of JSON.
//
// Closed loop: every stream of every connection calls again when it has its answer; what a server can do at most.
// Open loop: calls begin at random times (Poisson), however slow the answers are, and their latency counts from the
// time at which they were to begin; what callers see.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	server := flag.String("server", "", "host:port")
	requests := flag.String("requests", "", "file of RecommendRequest messages, each after its length; taken in turn")
	mode := flag.String("mode", "closed", "closed or open")
	connections := flag.Int("connections", 4, "HTTP/2 connections")
	streams := flag.Int("streams", 4, "closed: calls in flight on each connection")
	rate := flag.Float64("rate", 100, "open: calls a second, on average")
	seconds := flag.Float64("seconds", 5, "how long calls begin")
	deadline := flag.Duration("deadline", 5*time.Second, "of each call")
	obey := flag.Bool("obey", false, "a connection that is pushed back calls nobody for as long as it was told")
	seed := flag.Uint64("seed", 0, "open: of the times at which calls begin")
	flag.Parse()

	calls, err := dial(*server, *requests, *connections, *deadline, *obey)
	if err != nil {
		log.Fatal(err)
	}
	length := time.Duration(*seconds * float64(time.Second))
	var told *tally
	switch *mode {
	case "closed":
		told = closed(context.Background(), calls, *streams, length)
	case "open":
		told = open(context.Background(), calls, *rate, length, *seed)
	default:
		log.Fatalf("-mode %s: it is closed or open", *mode)
	}
	if err := json.NewEncoder(os.Stdout).Encode(told.report()); err != nil {
		log.Fatal(err)
	}
}
