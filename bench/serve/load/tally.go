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
	held      int
	lags      []float64
	latencies []float64
}

func newTally() *tally {
	return &tally{begin: time.Now(), counts: map[string]int{}}
}

// add keeps a call that began later than it was to, by lag, and took its time from when it was to begin.
func (t *tally) add(lag, took time.Duration, code codes.Code, degraded bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[code.String()]++
	t.lags = append(t.lags, ms(lag))
	if code == codes.OK {
		t.latencies = append(t.latencies, ms(took))
	}
	if degraded {
		t.degraded++
	}
}

// hold keeps a call that was given up before it was made.
func (t *tally) hold() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held++
}

func (t *tally) end() { t.length = time.Since(t.begin) }

// report: latencies and the rate are those of calls that were answered; lag is the generator's own.
func (t *tally) report() map[string]any {
	slices.Sort(t.latencies)
	slices.Sort(t.lags)
	seconds := t.length.Seconds()
	return map[string]any{
		"seconds": seconds, "counts": t.counts, "degraded": t.degraded, "held": t.held,
		"per_second": float64(len(t.latencies)) / seconds, "lag_p99_ms": share(t.lags, 0.99),
		"p50_ms": share(t.latencies, 0.5), "p95_ms": share(t.latencies, 0.95),
		"p99_ms": share(t.latencies, 0.99), "max_ms": share(t.latencies, 1),
	}
}

// share is what a share of sorted values did not exceed; 0 without any.
func share(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return values[max(0, int(math.Ceil(share*float64(len(values))))-1)]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
