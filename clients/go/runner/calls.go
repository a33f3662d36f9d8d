package main

import (
	"context"
	"io"
	"iter"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

type object map[string]any

// args are those of all calls.
type args struct {
	query
	MinWriteToken string        `json:"min_write_token"`
	Queries       []query       `json:"queries"`
	Candidates    []string      `json:"candidates"`
	ItemID        string        `json:"item_id"`
	Items         []entity      `json:"items"`
	Users         []entity      `json:"users"`
	IDs           []string      `json:"ids"`
	Interactions  []interaction `json:"interactions"`
	RequestID     string        `json:"request_id"`
	BatchSize     int           `json:"batch_size"`
	PageSize      int32         `json:"page_size"`
	BundleID      string        `json:"bundle_id"`
	Force         bool          `json:"force"`
	Preset        string        `json:"preset"`
	JobID         string        `json:"job_id"`
	CancelAfter   int           `json:"cancel_after"`
}

type query struct {
	UserID      string         `json:"user_id"`
	Profile     map[string]any `json:"profile"`
	History     [][]any        `json:"history"`
	Context     []string       `json:"context"`
	Exclude     []string       `json:"exclude"`
	Limit       int32          `json:"limit"`
	IncludeSeen bool           `json:"include_seen"`
	Route       string         `json:"route"`
}

type entity struct {
	ID         string         `json:"id"`
	Attributes map[string]any `json:"attributes"`
}

type interaction struct {
	UserID        string     `json:"user_id"`
	ItemID        string     `json:"item_id"`
	Value         *float64   `json:"value"`
	Type          string     `json:"type"`
	InteractionID string     `json:"interaction_id"`
	Time          *time.Time `json:"time"`
}

// call makes one call through the client.
func call(c *firstlight.Client, name string, a args) (any, error) {
	ctx := context.Background()
	switch name {
	case "recommend":
		answer, err := c.Recommendations.Recommend(ctx, &v1.RecommendRequest{
			Query: a.query.message(), MinWriteToken: a.MinWriteToken})
		return list(answer.GetRecommendation()), err
	case "batch_recommend":
		request := &v1.BatchRecommendRequest{MinWriteToken: a.MinWriteToken}
		for _, each := range a.Queries {
			request.Queries = append(request.Queries, each.message())
		}
		answer, err := c.Recommendations.BatchRecommend(ctx, request)
		return collect(answer.GetRecommendations(), func(r *v1.Recommendation) any { return list(r) }), err
	case "rank":
		answer, err := c.Recommendations.RankItems(ctx, &v1.RankItemsRequest{
			Query: a.query.message(), CandidateItemIds: a.Candidates, MinWriteToken: a.MinWriteToken})
		return list(answer.GetRecommendation()), err
	case "similar_items":
		answer, err := c.Recommendations.FindSimilarItems(ctx, &v1.FindSimilarItemsRequest{
			ItemId: a.ItemID, Limit: a.Limit, MinWriteToken: a.MinWriteToken})
		return list(answer.GetRecommendation()), err
	case "get_item":
		answer, err := c.Items.GetItem(ctx, &v1.GetItemRequest{ItemId: a.ItemID})
		return object{"id": answer.GetItem().GetItemId(), "attributes": plain(answer.GetItem().GetAttributes())}, err
	case "get_user":
		answer, err := c.Users.GetUser(ctx, &v1.GetUserRequest{UserId: a.UserID})
		return object{"id": answer.GetUser().GetUserId(), "attributes": plain(answer.GetUser().GetAttributes())}, err
	case "upsert_items":
		items := collect(a.Items, func(e entity) *v1.Item {
			return &v1.Item{ItemId: e.ID, Attributes: pack(e.Attributes)}
		})
		answer, err := c.Items.BatchUpsertItems(ctx, &v1.BatchUpsertItemsRequest{Items: items})
		return upserted(answer), err
	case "upsert_users":
		users := collect(a.Users, func(e entity) *v1.User {
			return &v1.User{UserId: e.ID, Attributes: pack(e.Attributes)}
		})
		answer, err := c.Users.BatchUpsertUsers(ctx, &v1.BatchUpsertUsersRequest{Users: users})
		return upserted(answer), err
	case "delete_items":
		answer, err := c.Items.BatchDeleteItems(ctx, &v1.BatchDeleteItemsRequest{ItemIds: a.IDs})
		return object{"write_token": answer.GetWriteToken()}, err
	case "delete_users":
		answer, err := c.Users.BatchDeleteUsers(ctx, &v1.BatchDeleteUsersRequest{UserIds: a.IDs})
		return object{"write_token": answer.GetWriteToken()}, err
	case "write_interactions":
		answer, err := c.Interactions.BatchWriteInteractions(ctx, &v1.BatchWriteInteractionsRequest{
			Interactions: collect(a.Interactions, interaction.message), RequestId: a.RequestID})
		return written(answer), err
	case "write_all":
		answer, err := c.WriteAll(ctx, collect(a.Interactions, interaction.message), a.BatchSize)
		return written(answer), err
	case "get_bundle":
		answer, err := c.Bundles.GetBundle(ctx, &v1.GetBundleRequest{BundleId: a.BundleID})
		return object{"bundle_id": answer.GetBundle().GetBundleId()}, err
	case "activate_bundle":
		answer, err := c.Bundles.ActivateBundle(ctx, &v1.ActivateBundleRequest{BundleId: a.BundleID, Force: a.Force})
		return object{"bundle_id": answer.GetBundle().GetBundleId(), "write_token": answer.GetWriteToken()}, err
	case "roll_back_bundle":
		answer, err := c.Bundles.RollbackBundle(ctx, &v1.RollbackBundleRequest{})
		return object{"bundle_id": answer.GetBundle().GetBundleId(), "write_token": answer.GetWriteToken()}, err
	case "create_training_job":
		preset := v1.TrainingParameters_Preset(v1.TrainingParameters_Preset_value["PRESET_"+strings.ToUpper(a.Preset)])
		answer, err := c.Training.CreateTrainingJob(ctx, &v1.CreateTrainingJobRequest{
			Parameters: &v1.TrainingParameters{Preset: preset}})
		return job(answer.GetJob()), err
	case "get_training_job":
		answer, err := c.Training.GetTrainingJob(ctx, &v1.GetTrainingJobRequest{JobId: a.JobID})
		return job(answer.GetJob()), err
	case "cancel_training_job":
		answer, err := c.Training.CancelTrainingJob(ctx, &v1.CancelTrainingJobRequest{JobId: a.JobID})
		return job(answer.GetJob()), err
	case "watch_training_job":
		return watch(ctx, c, a)
	case "list_items":
		return all(c.AllItems(ctx, a.PageSize), func(i *v1.Item) any { return i.ItemId })
	case "list_users":
		return all(c.AllUsers(ctx, a.PageSize), func(u *v1.User) any { return u.UserId })
	case "list_bundles":
		return all(c.AllBundles(ctx, a.PageSize), func(b *v1.Bundle) any { return b.BundleId })
	case "list_training_jobs":
		return all(c.AllTrainingJobs(ctx, a.PageSize), func(j *v1.TrainingJob) any { return j.JobId })
	case "list_plugins":
		return all(c.AllPlugins(ctx, a.PageSize), func(p *v1.Plugin) any {
			return []string{p.Name, strings.TrimPrefix(p.State.String(), "PLUGIN_STATE_")}
		})
	case "health":
		status, err := c.Health(ctx)
		return object{"status": status}, err
	}
	panic("no such call: " + name)
}

func watch(ctx context.Context, c *firstlight.Client, a args) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.Training.WatchTrainingJob(ctx, &v1.WatchTrainingJobRequest{JobId: a.JobID})
	if err != nil {
		return nil, err
	}
	states, cancelled := []string{}, false
	for received := 1; ; received++ {
		answer, err := stream.Recv()
		switch {
		case err == io.EOF, err != nil && cancelled:
			return object{"states": states, "cancelled": cancelled}, nil
		case err != nil:
			return nil, err
		}
		if now := state(answer.Job); len(states) == 0 || states[len(states)-1] != now {
			states = append(states, now)
		}
		if received == a.CancelAfter {
			cancelled = true
			cancel()
		}
	}
}

func all[T any](elements iter.Seq2[T, error], pick func(T) any) (any, error) {
	found := []any{}
	for element, err := range elements {
		if err != nil {
			return nil, err
		}
		found = append(found, pick(element))
	}
	return found, nil
}

func (q query) message() *v1.Query {
	history := collect(q.History, func(entry []any) *v1.HistoryEntry {
		made := &v1.HistoryEntry{ItemId: entry[0].(string)}
		if len(entry) > 1 && entry[1] != nil {
			value := number(entry[1])
			made.Value = &value
		}
		return made
	})
	return &v1.Query{
		UserId: q.UserID, Profile: pack(q.Profile), History: firstlight.NewestHistory(history), ContextItemIds: q.Context,
		ExcludeItemIds: q.Exclude, Limit: q.Limit, IncludeSeen: q.IncludeSeen,
		Route: v1.Route(v1.Route_value["ROUTE_"+q.Route]),
	}
}

func (i interaction) message() *v1.Interaction {
	made := &v1.Interaction{
		UserId: i.UserID, ItemId: i.ItemID, Value: i.Value, Type: i.Type, InteractionId: i.InteractionID,
	}
	if i.Time != nil {
		made.Time = timestamppb.New(*i.Time)
	}
	return made
}

func collect[T, U any](elements []T, convert func(T) U) []U {
	made := make([]U, 0, len(elements))
	for _, element := range elements {
		made = append(made, convert(element))
	}
	return made
}
