package firstlight_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

// listed answers lists in three pages: two entries, none, one.
func listed(a attempt) (any, error) {
	ids, next := []string{"ä", "b"}, "second"
	switch a.request.(interface{ GetPageToken() string }).GetPageToken() {
	case "second":
		ids, next = nil, "third"
	case "third":
		ids, next = []string{"c"}, ""
	}
	switch _, method, _ := strings.Cut(a.method, "/"); method {
	case "ListItems":
		answer := &v1.ListItemsResponse{NextPageToken: next}
		for _, id := range ids {
			answer.Items = append(answer.Items, &v1.Item{ItemId: id})
		}
		return answer, nil
	case "ListUsers":
		answer := &v1.ListUsersResponse{NextPageToken: next}
		for _, id := range ids {
			answer.Users = append(answer.Users, &v1.User{UserId: id})
		}
		return answer, nil
	case "ListBundles":
		answer := &v1.ListBundlesResponse{NextPageToken: next}
		for _, id := range ids {
			answer.Bundles = append(answer.Bundles, &v1.Bundle{BundleId: id})
		}
		return answer, nil
	case "ListTrainingJobs":
		answer := &v1.ListTrainingJobsResponse{NextPageToken: next}
		for _, id := range ids {
			answer.Jobs = append(answer.Jobs, &v1.TrainingJob{JobId: id})
		}
		return answer, nil
	default:
		answer := &v1.ListPluginsResponse{NextPageToken: next}
		for _, id := range ids {
			answer.Plugins = append(answer.Plugins, &v1.Plugin{Name: id})
		}
		return answer, nil
	}
}

// ids collects what an iterator yields.
func ids[T any](t *testing.T, all iter.Seq2[T, error], id func(T) string) (found []string) {
	t.Helper()
	for element, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, id(element))
	}
	return found
}

func TestEveryListIsReadToItsEnd(t *testing.T) {
	server := serve(t, listed)
	client, ctx := connect(t, firstlight.Options{CatalogID: "films"}, server.address), context.Background()
	for name, got := range map[string][]string{
		"items":   ids(t, client.AllItems(ctx, 2), (*v1.Item).GetItemId),
		"users":   ids(t, client.AllUsers(ctx, 2), (*v1.User).GetUserId),
		"bundles": ids(t, client.AllBundles(ctx, 2), (*v1.Bundle).GetBundleId),
		"jobs":    ids(t, client.AllTrainingJobs(ctx, 2), (*v1.TrainingJob).GetJobId),
		"plugins": ids(t, client.AllPlugins(ctx, 2), (*v1.Plugin).GetName),
	} {
		if !slices.Equal(got, []string{"ä", "b", "c"}) {
			t.Error(name, got)
		}
	}
	for _, seen := range server.seen() {
		if seen.request.(interface{ GetPageSize() int32 }).GetPageSize() != 2 {
			t.Error(seen.request)
		}
		if r, ok := seen.request.(interface{ GetCatalogId() string }); ok && r.GetCatalogId() != "films" {
			t.Error(seen.request)
		}
	}
}

func TestAListCanBeLeftEarlyAndReadAgain(t *testing.T) {
	server := serve(t, listed)
	all := connect(t, firstlight.Options{}, server.address).AllItems(context.Background(), 0)
	for range all {
		break
	}
	if len(server.seen()) != 1 {
		t.Error("pages were fetched that nobody needed")
	}
	if got := ids(t, all, (*v1.Item).GetItemId); len(got) != 3 {
		t.Error(got)
	}
}

func TestAListEndsAtAnError(t *testing.T) {
	server := serve(t, func(a attempt) (any, error) {
		if a.number == 2 {
			return nil, status.Error(codes.FailedPrecondition, "no more")
		}
		return listed(a)
	})
	var found, failures int
	for _, err := range connect(t, firstlight.Options{}, server.address).AllItems(context.Background(), 0) {
		if err == nil {
			found++
		} else if failures++; !errors.Is(err, firstlight.Precondition) {
			t.Error(err)
		}
	}
	if found != 2 || failures != 1 {
		t.Error(found, failures)
	}
}

// interactions makes n of them, each about 100 bytes.
func interactions(n int) (made []*v1.Interaction) {
	for i := range n {
		made = append(made, &v1.Interaction{UserId: "ada", ItemId: fmt.Sprintf("%0100d", i), Value: proto.Float64(4)})
	}
	return made
}

func wrote(a attempt) (any, error) {
	request := a.request.(*v1.BatchWriteInteractionsRequest)
	return &v1.BatchWriteInteractionsResponse{
		WriteToken: fmt.Sprint("after ", a.number), WrittenCount: int32(len(request.Interactions)) - 1, UnchangedCount: 1,
	}, nil
}

func TestWriteAllKeepsABatchsRequestIDInItsRetries(t *testing.T) {
	server := serve(t, func(a attempt) (any, error) {
		if a.number <= 2 {
			return nil, status.Error(codes.Unavailable, "made to fail")
		}
		return wrote(a)
	})
	client := connect(t, firstlight.Options{CatalogID: "films"}, server.address)
	total, err := client.WriteAll(context.Background(), interactions(25_000), 50_000) // 10,000 at most, above 1 MB
	if err != nil {
		t.Fatal(err)
	}
	if total.WrittenCount != 24_997 || total.UnchangedCount != 3 || total.WriteToken != "after 5" {
		t.Error(total)
	}
	var sizes []int
	var requestIDs []string
	for _, seen := range server.seen() {
		request := seen.request.(*v1.BatchWriteInteractionsRequest)
		sizes, requestIDs = append(sizes, len(request.Interactions)), append(requestIDs, request.RequestId)
		if request.CatalogId != "films" {
			t.Error(request.CatalogId)
		}
	}
	if !slices.Equal(sizes, []int{10_000, 10_000, 10_000, 10_000, 5_000}) {
		t.Error(sizes)
	}
	distinct := slices.Compact(slices.Clone(requestIDs))
	if len(distinct) != 3 || requestIDs[0] != requestIDs[2] {
		t.Error(requestIDs)
	}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for _, id := range distinct {
		if !uuid.MatchString(id) {
			t.Error(id)
		}
	}
}

func TestWriteAllSaysWhatWasWrittenBeforeAFailure(t *testing.T) {
	server := serve(t, func(a attempt) (any, error) {
		if a.number == 3 {
			return nil, status.Error(codes.InvalidArgument, "not this one")
		}
		return wrote(a)
	})
	client := connect(t, firstlight.Options{}, server.address)
	total, err := client.WriteAll(context.Background(), interactions(3_500), 0)
	if !errors.Is(err, firstlight.InvalidInput) || total.WrittenCount+total.UnchangedCount != 2_000 {
		t.Error(total, err)
	}
	if total, err := client.WriteAll(context.Background(), nil, 0); err != nil || total.WriteToken != "" {
		t.Error(total, err)
	}
}

func TestAWriteKeepsTheCallersRequestID(t *testing.T) {
	server := serve(t, wrote)
	client := connect(t, firstlight.Options{}, server.address)
	for _, id := range []string{"mine", ""} {
		request := &v1.BatchWriteInteractionsRequest{Interactions: interactions(1), RequestId: id}
		if _, err := client.Interactions.BatchWriteInteractions(context.Background(), request); err != nil || request.RequestId != id {
			t.Error(err, request.RequestId)
		}
	}
	mine, made := server.seen()[0].request, server.seen()[1].request
	if mine.(*v1.BatchWriteInteractionsRequest).RequestId != "mine" || made.(*v1.BatchWriteInteractionsRequest).RequestId == "" {
		t.Error(mine, made)
	}
}

func TestNewestHistory(t *testing.T) {
	entries := make([]*v1.HistoryEntry, 100_001)
	entries[100_000] = &v1.HistoryEntry{ItemId: "newest"}
	if got := firstlight.NewestHistory(entries); len(got) != 100_000 || got[99_999].ItemId != "newest" {
		t.Error(len(got))
	}
	if got := firstlight.NewestHistory(entries[100_000:]); len(got) != 1 {
		t.Error(len(got))
	}
}

func TestValues(t *testing.T) {
	switch {
	case firstlight.String("a").GetStringValue() != "a", firstlight.Float(1.5).GetDoubleValue() != 1.5,
		firstlight.Int(2).GetInt64Value() != 2, !firstlight.Bool(true).GetBoolValue(),
		!slices.Equal(firstlight.Strings("a", "b").GetStringListValue().Values, []string{"a", "b"}),
		!slices.Equal(firstlight.Vector(1, 2).GetFloatVectorValue().Values, []float32{1, 2}):
		t.Error("a value is not what it was made of")
	}
}
