package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// open begins calls at random times, rate of them a second on average, and waits for all of them.
func open(ctx context.Context, c *calls, rate float64, length time.Duration, seed uint64) *tally {
	random := rand.New(rand.NewPCG(seed, 0))
	told := newTally()
	var underWay sync.WaitGroup
	at := told.begin
	for n := 0; ; n++ {
		at = at.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
		if at.Sub(told.begin) > length {
			break
		}
		time.Sleep(time.Until(at))
		begin := at
		underWay.Go(func() { c.one(ctx, n, begin, told) })
	}
	underWay.Wait()
	told.end()
	return told
}
