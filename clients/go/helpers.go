package firstlight

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"google.golang.org/grpc"

	v1 "firstlight.dev/go/firstlight/v1"
)

// AllItems yields every item by id, and ends at an error. Pages of size items (0: 100) are fetched as they are needed.
func (c *Client) AllItems(ctx context.Context, size int32) iter.Seq2[*v1.Item, error] {
	return pages(ctx, c.Items.ListItems, &v1.ListItemsRequest{PageSize: size}, (*v1.ListItemsResponse).GetItems)
}

// AllUsers yields every user by id, as AllItems does.
func (c *Client) AllUsers(ctx context.Context, size int32) iter.Seq2[*v1.User, error] {
	return pages(ctx, c.Users.ListUsers, &v1.ListUsersRequest{PageSize: size}, (*v1.ListUsersResponse).GetUsers)
}

// AllBundles yields every bundle by id, which grows with time, as AllItems does.
func (c *Client) AllBundles(ctx context.Context, size int32) iter.Seq2[*v1.Bundle, error] {
	return pages(ctx, c.Bundles.ListBundles, &v1.ListBundlesRequest{PageSize: size}, (*v1.ListBundlesResponse).GetBundles)
}

// AllTrainingJobs yields every training job, newest first, as AllItems does.
func (c *Client) AllTrainingJobs(ctx context.Context, size int32) iter.Seq2[*v1.TrainingJob, error] {
	request := &v1.ListTrainingJobsRequest{PageSize: size}
	return pages(ctx, c.Training.ListTrainingJobs, request, (*v1.ListTrainingJobsResponse).GetJobs)
}

// AllPlugins yields every plugin in the order they were loaded, as AllItems does.
func (c *Client) AllPlugins(ctx context.Context, size int32) iter.Seq2[*v1.Plugin, error] {
	return pages(ctx, c.Plugins.ListPlugins, &v1.ListPluginsRequest{PageSize: size}, (*v1.ListPluginsResponse).GetPlugins)
}

func pages[Q any, P interface{ GetNextPageToken() string }, T any](
	ctx context.Context, list func(context.Context, Q, ...grpc.CallOption) (P, error), request Q, elements func(P) []T,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for asked := request; ; {
			page, err := list(ctx, asked)
			for _, element := range elements(page) { // none, and no next page, with an error
				if !yield(element, nil) {
					return
				}
			}
			if err != nil {
				yield(*new(T), err)
			}
			if page.GetNextPageToken() == "" {
				return
			}
			asked = with(request, "page_token", page.GetNextPageToken()).(Q)
		}
	}
}

// Written is what WriteAll has written: the sums of the counts of its calls, and the write token of the last one.
type Written = v1.BatchWriteInteractionsResponse

// WriteAll writes any number of interactions, size (0: 1,000; at most 10,000) in a call. Each call has a request id of
// its own, which its retries keep. With an error it returns what was written before.
func (c *Client) WriteAll(ctx context.Context, interactions []*v1.Interaction, size int) (*Written, error) {
	total := &Written{}
	for batch := range slices.Chunk(interactions, min(cmp.Or(size, 1_000), 10_000)) {
		answer, err := c.Interactions.BatchWriteInteractions(ctx, &v1.BatchWriteInteractionsRequest{Interactions: batch})
		if err != nil {
			return total, err
		}
		answer.WrittenCount += total.WrittenCount
		answer.UnchangedCount += total.UnchangedCount
		total = answer
	}
	return total, nil
}

// NewestHistory returns the part of a history, oldest first, that a query may hold: its last 100,000 entries.
func NewestHistory(entries []*v1.HistoryEntry) []*v1.HistoryEntry {
	return entries[max(0, len(entries)-100_000):]
}

// Value is the value of an attribute.
type Value = v1.AttributeValue

// String, Float, Int, Bool, Strings (several categories) and Vector (an embedding) make values.
func String(v string) *Value { return &Value{Value: &v1.AttributeValue_StringValue{StringValue: v}} }
func Float(v float64) *Value { return &Value{Value: &v1.AttributeValue_DoubleValue{DoubleValue: v}} }
func Int(v int64) *Value     { return &Value{Value: &v1.AttributeValue_Int64Value{Int64Value: v}} }
func Bool(v bool) *Value     { return &Value{Value: &v1.AttributeValue_BoolValue{BoolValue: v}} }
func Strings(v ...string) *Value {
	return &Value{Value: &v1.AttributeValue_StringListValue{StringListValue: &v1.StringList{Values: v}}}
}
func Vector(v ...float32) *Value {
	return &Value{Value: &v1.AttributeValue_FloatVectorValue{FloatVectorValue: &v1.FloatVector{Values: v}}}
}
