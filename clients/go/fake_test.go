package firstlight_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

// attempt is one call as a server saw it.
type attempt struct {
	context  context.Context
	method   string // without its service
	request  any
	metadata metadata.MD
	time     time.Time
	number   int // from 1
}

// fake is a server on a port of its own that records attempts and answers as it is told.
type fake struct {
	v1.UnimplementedRecommendationServiceServer
	v1.UnimplementedItemServiceServer
	v1.UnimplementedUserServiceServer
	v1.UnimplementedInteractionServiceServer
	v1.UnimplementedBundleServiceServer
	v1.UnimplementedTrainingServiceServer
	v1.UnimplementedPluginServiceServer

	address string
	health  *health.Server
	answer  func(attempt) (any, error)
	watch   func(grpc.ServerStreamingServer[v1.WatchTrainingJobResponse]) error

	mu       sync.Mutex
	attempts []attempt
}

func (f *fake) WatchTrainingJob(
	_ *v1.WatchTrainingJobRequest, stream grpc.ServerStreamingServer[v1.WatchTrainingJobResponse],
) error {
	return f.watch(stream)
}

func (f *fake) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if _, ok := info.Server.(grpc_health_v1.HealthServer); ok {
		return next(ctx, request)
	}
	md, _ := metadata.FromIncomingContext(ctx)
	f.mu.Lock()
	one := attempt{ctx, info.FullMethod[len("/firstlight.v1."):], request, md, time.Now(), len(f.attempts) + 1}
	f.attempts = append(f.attempts, one)
	f.mu.Unlock()
	return f.answer(one)
}

// seen returns the attempts so far.
func (f *fake) seen() []attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]attempt(nil), f.attempts...)
}

// serve starts a server that gives answer to every unary call.
func serve(t *testing.T, answer func(attempt) (any, error), options ...grpc.ServerOption) *fake {
	t.Helper()
	return serveOn(t, "127.0.0.1:0", answer, options...)
}

func serveOn(t *testing.T, address string, answer func(attempt) (any, error), options ...grpc.ServerOption) *fake {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{address: listener.Addr().String(), health: health.NewServer(), answer: answer}
	options = append(options, grpc.UnaryInterceptor(f.intercept), grpc.MaxRecvMsgSize(64<<20))
	server := grpc.NewServer(options...)
	v1.RegisterRecommendationServiceServer(server, f)
	v1.RegisterItemServiceServer(server, f)
	v1.RegisterUserServiceServer(server, f)
	v1.RegisterInteractionServiceServer(server, f)
	v1.RegisterBundleServiceServer(server, f)
	v1.RegisterTrainingServiceServer(server, f)
	v1.RegisterPluginServiceServer(server, f)
	grpc_health_v1.RegisterHealthServer(server, f.health)
	go server.Serve(listener) // ends with Stop
	t.Cleanup(server.Stop)
	return f
}

func connect(t *testing.T, options firstlight.Options, addresses ...string) *firstlight.Client {
	t.Helper()
	client, err := firstlight.Connect(options, addresses...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// recommend makes the call that most tests make.
func recommend(client *firstlight.Client) (*v1.RecommendResponse, error) {
	return client.Recommendations.Recommend(context.Background(), &v1.RecommendRequest{Query: &v1.Query{UserId: "ada"}})
}

func recommended(attempt) (any, error) {
	item := &v1.RecommendedItem{ItemId: "50", Score: 0.5, ReasonText: "Many like it."}
	return &v1.RecommendResponse{Recommendation: &v1.Recommendation{Items: []*v1.RecommendedItem{item}}}, nil
}
