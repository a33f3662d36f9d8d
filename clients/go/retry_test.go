package firstlight_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

// failing fails the first n attempts with a code, with push-back where it is not empty.
func failing(n int, code codes.Code, pushBack string) func(attempt) (any, error) {
	return func(a attempt) (any, error) {
		if a.number > n {
			return recommended(a)
		}
		if pushBack != "" {
			grpc.SetTrailer(a.context, metadata.Pairs("grpc-retry-pushback-ms", pushBack))
		}
		return nil, status.Error(code, "made to fail")
	}
}

func TestRetryableCodesAreRetriedWithGrowingPauses(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Canceled, codes.ResourceExhausted} {
		server := serve(t, failing(2, code, ""))
		if _, err := recommend(connect(t, firstlight.Options{}, server.address)); err != nil {
			t.Fatal(code, err)
		}
		seen := server.seen()
		if len(seen) != 3 {
			t.Fatalf("%s: %d attempts", code, len(seen))
		}
		// 0.1 s and 0.25 s, each with a jitter of 20 %
		first, second := seen[1].time.Sub(seen[0].time), seen[2].time.Sub(seen[1].time)
		if first < 75*time.Millisecond || second < 195*time.Millisecond || second > time.Second {
			t.Errorf("%s: pauses %s and %s", code, first, second)
		}
	}
}

func TestAfterFiveAttemptsTheServersOwnErrorComes(t *testing.T) {
	server := serve(t, failing(100, codes.Unavailable, ""))
	_, err := recommend(connect(t, firstlight.Options{}, server.address))
	var failed *firstlight.Error
	if !errors.Is(err, firstlight.Unavailable) || !errors.As(err, &failed) || len(server.seen()) != 5 {
		t.Fatal(err, len(server.seen()))
	}
	if !strings.HasSuffix(failed.Message, ": made to fail") || strings.Contains(failed.Message, "rpc error") {
		t.Error(failed.Message)
	}
}

func TestOtherCodesAndOtherMethodsAreNotRetried(t *testing.T) {
	server := serve(t, failing(100, codes.NotFound, ""))
	client := connect(t, firstlight.Options{}, server.address)
	if _, err := recommend(client); !errors.Is(err, firstlight.NotFound) || len(server.seen()) != 1 {
		t.Error(err, len(server.seen()))
	}
	server.answer = failing(100, codes.Unavailable, "")
	_, rolled := client.Bundles.RollbackBundle(context.Background(), &v1.RollbackBundleRequest{})
	_, created := client.Training.CreateTrainingJob(context.Background(), &v1.CreateTrainingJobRequest{})
	if rolled == nil || created == nil || len(server.seen()) != 3 {
		t.Error(rolled, created, len(server.seen()))
	}
}

func TestPushBackIsThePause(t *testing.T) {
	for pushBack, bounds := range map[string][2]time.Duration{
		"600": {590 * time.Millisecond, 1500 * time.Millisecond},
		"0":   {0, 75 * time.Millisecond},
	} {
		server := serve(t, failing(1, codes.Unavailable, pushBack))
		if _, err := recommend(connect(t, firstlight.Options{}, server.address)); err != nil {
			t.Fatal(err)
		}
		seen := server.seen()
		if pause := seen[1].time.Sub(seen[0].time); pause < bounds[0] || pause > bounds[1] {
			t.Errorf("push-back of %s ms: pause %s", pushBack, pause)
		}
	}
}

func TestPushBackCanRefuseRetries(t *testing.T) {
	for _, pushBack := range []string{"-1", "soon"} {
		server := serve(t, failing(1, codes.Unavailable, pushBack))
		_, err := recommend(connect(t, firstlight.Options{}, server.address))
		if !errors.Is(err, firstlight.Unavailable) || len(server.seen()) != 1 {
			t.Errorf("push-back %q: %v after %d attempts", pushBack, err, len(server.seen()))
		}
	}
}

func TestManyFailuresStopRetries(t *testing.T) {
	server := serve(t, failing(1000, codes.Unavailable, "0"))
	client := connect(t, firstlight.Options{}, server.address)
	for range 15 { // 100 tokens, one for each failure; none is retried from 50 on
		recommend(client)
	}
	before := len(server.seen())
	recommend(client)
	if after := len(server.seen()); before >= 15*5 || after != before+1 {
		t.Errorf("%d attempts, then %d more", before, after-before)
	}
}

func TestACallWaitsForTheServer(t *testing.T) {
	t.Parallel()
	address := unused(t)
	client := connect(t, firstlight.Options{}, address)
	done := make(chan error, 1)
	go func() {
		_, err := recommend(client)
		done <- err
	}()
	time.Sleep(3500 * time.Millisecond) // longer than all retries take
	select {
	case err := <-done:
		t.Fatal("ended before the server was there:", err)
	default:
	}
	serveOn(t, address, recommended)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestFailFastDoesNotWait(t *testing.T) {
	client := connect(t, firstlight.Options{FailFast: true}, unused(t))
	started := time.Now()
	if _, err := recommend(client); !errors.Is(err, firstlight.Unavailable) || time.Since(started) > 5*time.Second {
		t.Error(err, time.Since(started))
	}
}

func TestTheServiceConfigIsTheSharedOne(t *testing.T) {
	shared, err := os.ReadFile("../../protos/service_config.json")
	if err != nil {
		t.Skip("outside the repository:", err)
	}
	if own, _ := os.ReadFile("service_config.json"); string(own) != string(shared) {
		t.Error("service_config.json differs from protos/service_config.json")
	}
}

// unused returns an address where nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	return listener.Addr().String()
}
