// A new user with an age and two films is asked about; run it with the address of a server: go run ./example HOST:PORT
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

func main() {
	client, err := firstlight.Connect(firstlight.Options{}, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	answer, err := client.Recommendations.Recommend(context.Background(), &v1.RecommendRequest{Query: &v1.Query{
		Profile: map[string]*firstlight.Value{"age": firstlight.Int(25)},
		History: []*v1.HistoryEntry{{ItemId: "50"}, {ItemId: "181"}},
		Limit:   5,
	}})
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range answer.Recommendation.Items {
		fmt.Println(item.ItemId, item.Score, item.ReasonText)
	}
}
