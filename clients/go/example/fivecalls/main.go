// The five calls of docs/clients.md: go run ./example/fivecalls HOST:PORT
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

func main() {
	if err := calls(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func calls(ctx context.Context, address string) error {
	client, err := firstlight.Connect(firstlight.Options{CatalogID: "default", Timeout: 5 * time.Second}, address)
	if err != nil {
		return err
	}
	defer client.Close()

	// 1. Somebody new
	answer, err := client.Recommendations.Recommend(ctx, &v1.RecommendRequest{Query: &v1.Query{
		Profile: map[string]*firstlight.Value{"age": firstlight.Int(25)},
		History: []*v1.HistoryEntry{{ItemId: "item-02"}},
		Limit:   5,
	}})
	if err != nil {
		return err
	}
	for _, item := range answer.Recommendation.Items {
		fmt.Println(item.ItemId, item.ReasonText)
	}

	// 2. Read your writes
	rating := 5.0
	written, err := client.WriteAll(ctx, []*v1.Interaction{{UserId: "ada", ItemId: "item-02", Value: &rating}}, 0)
	if err != nil {
		return err
	}
	answer, err = client.Recommendations.Recommend(ctx, &v1.RecommendRequest{
		Query: &v1.Query{UserId: "ada"}, MinWriteToken: written.WriteToken,
	})
	if err != nil {
		return err
	}

	// 3. A new item
	stored, err := client.Items.BatchUpsertItems(ctx, &v1.BatchUpsertItemsRequest{Items: []*v1.Item{{
		ItemId: "item-new",
		Attributes: map[string]*firstlight.Value{
			"title": firstlight.String("A new one"), "genres": firstlight.Strings("calm", "new"),
		},
	}}})
	if err != nil {
		return err
	}
	nearest, err := client.Recommendations.FindSimilarItems(ctx, &v1.FindSimilarItemsRequest{
		ItemId: "item-new", Limit: 3, MinWriteToken: stored.WriteToken,
	})
	if err != nil {
		return err
	}

	// 4. Every page of a list
	var userIDs []string
	for user, err := range client.AllUsers(ctx, 500) {
		if err != nil {
			return err
		}
		userIDs = append(userIDs, user.UserId)
	}

	// 5. A failure
	_, err = client.Items.GetItem(ctx, &v1.GetItemRequest{ItemId: "nowhere"})
	var failed *firstlight.Error
	if errors.Is(err, firstlight.NotFound) && errors.As(err, &failed) {
		fmt.Println(failed.Reason)
	}

	// end
	fmt.Println(answer.Recommendation.Scenario, len(nearest.Recommendation.Items), len(userIDs))
	return nil
}
