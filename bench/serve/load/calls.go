package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protodelim"

	v1 "firstlight.dev/go/firstlight/v1"
)

// calls is who is called and what is asked.
type calls struct {
	stubs    []v1.RecommendationServiceClient
	requests []*v1.RecommendRequest
	deadline time.Duration
	pauses   []pause // of each connection; none where push-back is not obeyed
}

func dial(server, file string, connections int, deadline time.Duration, obey bool) (*calls, error) {
	requests, err := read(file)
	if err != nil {
		return nil, err
	}
	found := &calls{requests: requests, deadline: deadline}
	if obey {
		found.pauses = make([]pause, connections)
	}
	for range connections {
		// No retries: a call that failed is to be seen.
		channel, err := grpc.NewClient(
			server, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry(),
		)
		if err != nil {
			return nil, err
		}
		channel.Connect()
		found.stubs = append(found.stubs, v1.NewRecommendationServiceClient(channel))
	}
	return found, nil
}

func read(file string) ([]*v1.RecommendRequest, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	reader, found := bufio.NewReader(opened), []*v1.RecommendRequest{}
	for {
		request := &v1.RecommendRequest{}
		if err := protodelim.UnmarshalFrom(reader, request); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		found = append(found, request)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s holds no request", file)
	}
	return found, nil
}

// one makes the n-th call, which was to begin at a given time, and keeps what came of it. Where push-back is obeyed, a
// call of a connection that was pushed back is given up before it is made.
func (c *calls) one(ctx context.Context, n int, begin time.Time, told *tally) {
	connection := n % len(c.stubs)
	if c.pauses != nil && !c.pauses[connection].over() {
		told.hold()
		return
	}
	ctx, cancel := context.WithDeadline(ctx, begin.Add(c.deadline))
	defer cancel()
	began := time.Now()
	var trailer metadata.MD
	answer, err := c.stubs[connection].Recommend(ctx, c.requests[n%len(c.requests)], grpc.Trailer(&trailer))
	if err != nil && c.pauses != nil {
		c.pauses[connection].hear(trailer)
	}
	told.add(began.Sub(begin), time.Since(begin), status.Code(err), len(answer.GetRecommendation().GetDegraded()) > 0)
}
