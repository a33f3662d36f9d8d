package main

import (
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/metadata"
)

// pause is how long one connection may call nobody, as its server said last.
type pause struct{ until atomic.Int64 }

func (p *pause) over() bool { return time.Now().UnixNano() >= p.until.Load() }

// hear keeps the push-back in the trailing metadata of a call that failed; without one nothing changes.
func (p *pause) hear(trailer metadata.MD) {
	for _, value := range trailer.Get("grpc-retry-pushback-ms") {
		if ms, err := strconv.Atoi(value); err == nil && ms >= 0 {
			p.until.Store(time.Now().Add(time.Duration(ms) * time.Millisecond).UnixNano())
		}
	}
}
