package firstlight_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"

	"firstlight.dev/go/firstlight"
	v1 "firstlight.dev/go/firstlight/v1"
)

func TestSeveralAddressesAnswerInTurn(t *testing.T) {
	one, two := serve(t, recommended), serve(t, recommended)
	_, port, _ := net.SplitHostPort(two.address)
	client := connect(t, firstlight.Options{}, one.address, "localhost:"+port)
	for len(one.seen()) == 0 || len(two.seen()) == 0 { // the second connection may come up after the first calls
		if _, err := recommend(client); err != nil {
			t.Fatal(err)
		}
	}
	first, second := len(one.seen()), len(two.seen())
	for range 20 {
		if _, err := recommend(client); err != nil {
			t.Fatal(err)
		}
	}
	if len(one.seen())-first != 10 || len(two.seen())-second != 10 {
		t.Error(len(one.seen())-first, len(two.seen())-second)
	}
}

func TestAServerThatIsDownOrDrainingIsLeftOut(t *testing.T) {
	one, two := serve(t, recommended), serve(t, recommended)
	two.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	client := connect(t, firstlight.Options{}, unused(t), two.address, one.address)
	for range 20 {
		if _, err := recommend(client); err != nil {
			t.Fatal(err)
		}
	}
	if len(one.seen()) != 20 || len(two.seen()) != 0 {
		t.Error(len(one.seen()), len(two.seen()))
	}
}

func TestHealth(t *testing.T) {
	server := serve(t, recommended)
	client := connect(t, firstlight.Options{}, server.address)
	if got, err := client.Health(context.Background()); got != "SERVING" || err != nil {
		t.Error(got, err)
	}
	server.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	if got, err := client.Health(context.Background()); got != "NOT_SERVING" || err != nil {
		t.Error(got, err)
	}
}

func TestALoneServerThatDrainsIsCalled(t *testing.T) {
	server := serve(t, recommended)
	server.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	if _, err := recommend(connect(t, firstlight.Options{}, server.address)); err != nil {
		t.Error(err)
	}
}

func TestDeadlines(t *testing.T) {
	server := serve(t, func(a attempt) (any, error) {
		if a.number > 2 {
			<-a.context.Done()
		}
		return recommended(a)
	})
	left := func(i int) time.Duration {
		deadline, _ := server.seen()[i].context.Deadline()
		return deadline.Sub(server.seen()[i].time).Round(time.Second)
	}
	client := connect(t, firstlight.Options{}, server.address)
	recommend(client)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client.Recommendations.Recommend(ctx, &v1.RecommendRequest{})
	if left(0) != 10*time.Second || left(1) != time.Minute {
		t.Error(left(0), left(1))
	}
	started := time.Now()
	_, err := recommend(connect(t, firstlight.Options{Timeout: 200 * time.Millisecond}, server.address))
	if !errors.Is(err, firstlight.Deadline) || time.Since(started) > 2*time.Second {
		t.Error(err, time.Since(started))
	}
}

func TestAWatchHasNoDeadlineAndCanBeCancelled(t *testing.T) {
	server := serve(t, recommended)
	cancelled := make(chan bool, 1)
	server.watch = func(stream grpc.ServerStreamingServer[v1.WatchTrainingJobResponse]) error {
		_, bounded := stream.Context().Deadline()
		stream.Send(&v1.WatchTrainingJobResponse{Job: &v1.TrainingJob{State: v1.TrainingJob_STATE_RUNNING}})
		if !bounded {
			<-stream.Context().Done()
		}
		cancelled <- !bounded
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := connect(t, firstlight.Options{}, server.address)
	stream, err := client.Training.WatchTrainingJob(ctx, &v1.WatchTrainingJobRequest{JobId: "one"})
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := stream.Recv(); err != nil || answer.Job.State != v1.TrainingJob_STATE_RUNNING {
		t.Fatal(answer, err)
	}
	cancel()
	var failed *firstlight.Error
	if _, err = stream.Recv(); err == io.EOF || !errors.As(err, &failed) || !<-cancelled {
		t.Error(err)
	}
}

func TestTheCatalogueIsFilledIn(t *testing.T) {
	server := serve(t, recommended)
	client := connect(t, firstlight.Options{CatalogID: "films"}, server.address)
	request := &v1.RecommendRequest{Query: &v1.Query{UserId: "ada"}}
	client.Recommendations.Recommend(context.Background(), request)
	client.Recommendations.Recommend(context.Background(), &v1.RecommendRequest{CatalogId: "books"})
	for i, want := range []string{"films", "books"} {
		if got := server.seen()[i].request.(*v1.RecommendRequest); got.CatalogId != want || i == 0 && got.Query.UserId != "ada" {
			t.Error(got)
		}
	}
	if request.CatalogId != "" {
		t.Error("the caller's request was changed")
	}
}

func TestALargeAnswerFits(t *testing.T) {
	server := serve(t, func(attempt) (any, error) {
		answer := &v1.Recommendation{Strategy: strings.Repeat("x", 20<<20)}
		return &v1.RecommendResponse{Recommendation: answer}, nil
	}, grpc.MaxSendMsgSize(64<<20))
	if _, err := recommend(connect(t, firstlight.Options{}, server.address)); err != nil {
		t.Error(err)
	}
}

func TestABearerTokenIsNotSentInTheClear(t *testing.T) {
	for _, address := range []string{"10.0.0.1:7070", "example.com:7070", "localhost.example.com:7070", "[2001:db8::1]:7070"} {
		client, err := firstlight.Connect(firstlight.Options{BearerToken: "secret"}, "127.0.0.1:7070", address)
		if client != nil || err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	server := serve(t, recommended)
	_, port, _ := net.SplitHostPort(server.address)
	for _, address := range []string{server.address, "localhost:" + port} {
		if _, err := recommend(connect(t, firstlight.Options{BearerToken: "secret"}, address)); err != nil {
			t.Fatal(err)
		}
	}
	for _, seen := range server.seen() {
		if got := seen.metadata.Get("authorization"); len(got) != 1 || got[0] != "Bearer secret" {
			t.Error(got)
		}
	}
}

func TestTLS(t *testing.T) {
	ca, certificate := authority(t)
	secure := grpc.Creds(credentials.NewServerTLSFromCert(&certificate))
	one, two := serve(t, recommended, secure), serve(t, recommended, secure)
	_, port, _ := net.SplitHostPort(two.address)
	// By name and by address: each server proves the name it was called by.
	client := connect(t, firstlight.Options{CAFile: ca, BearerToken: "secret"}, one.address, "localhost:"+port)
	for len(one.seen()) == 0 || len(two.seen()) == 0 {
		if _, err := recommend(client); err != nil {
			t.Fatal(err)
		}
	}
	if got := two.seen()[0].metadata.Get("authorization"); len(got) != 1 || got[0] != "Bearer secret" {
		t.Error(got)
	}
	stranger := connect(t, firstlight.Options{TLS: &tls.Config{}, FailFast: true}, one.address)
	if _, err := recommend(stranger); !errors.Is(err, firstlight.Unavailable) {
		t.Error("a certificate of an unknown authority was taken:", err)
	}
	if _, err := firstlight.Connect(firstlight.Options{CAFile: "absent.pem"}, one.address); err == nil {
		t.Error("no error for a CA file that is not there")
	}
}

func TestNoAddress(t *testing.T) {
	if _, err := firstlight.Connect(firstlight.Options{}); err == nil {
		t.Error("no error")
	}
}

// authority makes a certificate for this machine's loopback names, which is its own authority, and that in a file.
func authority(t *testing.T) (file string, certificate tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
