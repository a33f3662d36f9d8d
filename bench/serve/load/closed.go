package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// closed keeps a number of calls in flight on each connection.
func closed(ctx context.Context, c *calls, streams int, length time.Duration) *tally {
	told := newTally()
	var asked atomic.Int64
	var loops sync.WaitGroup
	for connection := range c.stubs {
		for range streams {
			loops.Go(func() {
				for time.Since(told.begin) < length {
					// Its own connection, and every request in turn.
					n := int(asked.Add(1))*len(c.stubs) + connection
					c.one(ctx, n, time.Now(), told)
				}
			})
		}
	}
	loops.Wait()
	told.end()
	return told
}
