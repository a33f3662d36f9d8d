package main

import (
	"math"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// tally is what came of calls.
type tally struct {
	mu        sync.Mutex
	begin     time.Time
	length    time.Duration
	counts    map[string]int
	degraded  int
	latencies []float64
}

func newTally() *tally {
	return &tally{begin: time.Now(), counts: map[string]int{}}
}

func (t *tally) add(took time.Duration, code codes.Code, degraded bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[code.String()]++
	if code == codes.OK {
		t.latencies = append(t.latencies, float64(took.Microseconds())/1000)
	}
	if degraded {
		t.degraded++
	}
}

func (t *tally) end() { t.length = time.Since(t.begin) }

// report: latencies and the rate are those of calls that were answered.
func (t *tally) report() map[string]any {
	slices.Sort(t.latencies)
	seconds := t.length.Seconds()
	return map[string]any{
		"seconds": seconds, "counts": t.counts, "degraded": t.degraded, "per_second": float64(len(t.latencies)) / seconds,
		"p50_ms": t.share(0.5), "p95_ms": t.share(0.95), "p99_ms": t.share(0.99), "max_ms": t.share(1),
	}
}

// share is the latency that a share of the answered calls did not exceed; 0 without any.
func (t *tally) share(share float64) float64 {
	if len(t.latencies) == 0 {
		return 0
	}
	return t.latencies[max(0, int(math.Ceil(share*float64(len(t.latencies))))-1)]
}
