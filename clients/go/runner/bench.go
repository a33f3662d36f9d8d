package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

// bench prints one line for each line "MODE SECONDS" of the standard input: what came of so many seconds of Recommend,
// with inFlight calls under way, through the client or through the bare stub.
func bench(server, file string, inFlight int) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	request := &v1.RecommendRequest{}
	if err := proto.Unmarshal(text, request); err != nil {
		return err
	}
	client, err := firstlight.Connect(firstlight.Options{}, server)
	if err != nil {
		return err
	}
	channel, err := grpc.NewClient(server, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	stubs := map[string]v1.RecommendationServiceClient{
		"client": client.Recommendations, "bare": v1.NewRecommendationServiceClient(channel),
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var mode string
		var seconds float64
		if _, err := fmt.Sscan(lines.Text(), &mode, &seconds); err != nil {
			return err
		}
		told := slice(stubs[mode], request, time.Duration(seconds*float64(time.Second)), inFlight)
		if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
			return err
		}
	}
	return nil
}

func slice(stub v1.RecommendationServiceClient, request *v1.RecommendRequest, length time.Duration, inFlight int) any {
	var mu sync.Mutex
	latencies, failed := []float64{}, 0
	begin := time.Now()
	var loops sync.WaitGroup
	for range inFlight {
		loops.Go(func() {
			for time.Since(begin) < length {
				started := time.Now()
				_, err := stub.Recommend(context.Background(), request)
				took := time.Since(started)
				mu.Lock()
				if err != nil {
					failed++
				} else {
					latencies = append(latencies, float64(took.Microseconds())/1000)
				}
				mu.Unlock()
			}
		})
	}
	loops.Wait()
	return object{"seconds": time.Since(begin).Seconds(), "latencies_ms": latencies, "errors": failed}
}
