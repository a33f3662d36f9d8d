package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

const warmUp = 500 * time.Millisecond

// measure keeps inFlight calls of Recommend under way over one connection and says how many ended and how fast.
func measure(server string, bare bool, file string, length time.Duration, inFlight int) (any, error) {
	stub, err := stubOf(server, bare)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	request := &v1.RecommendRequest{}
	if err := proto.Unmarshal(text, request); err != nil {
		return nil, err
	}

	var mu sync.Mutex
	var taken []time.Duration
	var failed int
	begin := time.Now().Add(warmUp)
	end := begin.Add(length)
	var loops sync.WaitGroup
	for range inFlight {
		loops.Go(func() {
			var own []time.Duration
			var failures int
			for {
				started := time.Now()
				_, err := stub.Recommend(context.Background(), request)
				ended := time.Now()
				if ended.After(end) {
					break
				}
				switch {
				case started.Before(begin):
				case err != nil:
					failures++
				default:
					own = append(own, ended.Sub(started))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			taken = append(taken, own...)
			failed += failures
		})
	}
	loops.Wait()
	if len(taken) == 0 {
		return nil, errors.New("no call succeeded")
	}
	slices.Sort(taken)
	milliseconds := func(part float64) float64 {
		return float64(taken[int(part*float64(len(taken)-1))].Microseconds()) / 1000
	}
	return object{
		"calls": len(taken), "seconds": length.Seconds(), "errors": failed,
		"p50_ms": milliseconds(0.5), "p99_ms": milliseconds(0.99),
	}, nil
}

func stubOf(server string, bare bool) (v1.RecommendationServiceClient, error) {
	if bare {
		channel, err := grpc.NewClient(server, grpc.WithTransportCredentials(insecure.NewCredentials()))
		return v1.NewRecommendationServiceClient(channel), err
	}
	client, err := firstlight.Connect(firstlight.Options{}, server)
	if err != nil {
		return nil, err
	}
	return client.Recommendations, nil
}
