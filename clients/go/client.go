// Package firstlight is a client of a Firstlight server: the stubs of firstlight.dev/go/firstlight/v1 on a channel that
// retries, balances over several servers and keeps deadlines. Every failure of a call is an *Error.
package firstlight

import (
	"cmp"
	"context"
	"crypto/tls"
	_ "embed"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // of several servers, those that say they are SERVING are called
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	v1 "firstlight.dev/go/firstlight/v1"
)

//go:embed service_config.json
var serviceConfig string // the retries, balancing and health checks that all Firstlight clients share

// Options of a client; the zero value is ready to use.
type Options struct {
	CatalogID   string            // for requests that name none; empty is the server's "default"
	Timeout     time.Duration     // of a call with its retries, where its context has no deadline; 0 is 10 s
	FailFast    bool              // fail at once while no server can be reached, instead of waiting until the deadline
	TLS         *tls.Config       // &tls.Config{} trusts the system's authorities; nil is plaintext, unless CAFile is set
	CAFile      string            // TLS that trusts the authorities in this PEM file alone
	BearerToken string            // sent with every call; needs TLS, except to loopback addresses
	Dialing     []grpc.DialOption // come last
}

// Client calls one server, or several in turn, through the generated stubs. Safe for use by many goroutines.
type Client struct {
	Recommendations v1.RecommendationServiceClient
	Items           v1.ItemServiceClient
	Users           v1.UserServiceClient
	Interactions    v1.InteractionServiceClient
	Bundles         v1.BundleServiceClient
	Training        v1.TrainingServiceClient
	Plugins         v1.PluginServiceClient
	conn            conn
	open            func(...grpc.DialOption) (*grpc.ClientConn, error)
}

// Connect returns a client of the servers at addresses, each "host:port"; of several, those that report NOT_SERVING are
// left out. It does not wait: the first call connects.
func Connect(options Options, addresses ...string) (*Client, error) {
	transport, err := transportOf(options, addresses)
	if err != nil {
		return nil, err
	}
	names := manual.NewBuilderWithScheme("firstlight")
	alive := keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second, PermitWithoutStream: true}
	dialing := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDisableServiceConfig(), // DNS cannot change ours
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithResolvers(names),
		grpc.WithKeepaliveParams(alive),
		grpc.WithDefaultCallOptions(
			grpc.WaitForReady(!options.FailFast), grpc.MaxCallRecvMsgSize(64<<20), grpc.MaxCallSendMsgSize(64<<20),
			grpc.MaxRetryRPCBufferSize(16<<20), // the server's limit: grpc-go's 256 KiB would leave batches unrepeated
		),
	}
	if options.BearerToken != "" {
		dialing = append(dialing, grpc.WithPerRPCCredentials(bearer(options.BearerToken)))
	}
	target := addresses[0]
	if len(addresses) == 1 {
		dialing = append(dialing, grpc.WithDisableHealthCheck()) // while it drains, it answers: no other one would
	} else {
		target = "firstlight:///several"
		var servers resolver.State // each name is looked up when it is dialled, and TLS expects that name there
		for _, address := range addresses {
			servers.Addresses = append(servers.Addresses, resolver.Address{Addr: address, ServerName: address})
		}
		names.InitialState(servers)
	}
	open := func(more ...grpc.DialOption) (*grpc.ClientConn, error) {
		return grpc.NewClient(target, slices.Concat(dialing, options.Dialing, more)...)
	}
	channel, err := open()
	if err != nil {
		return nil, err
	}
	c := conn{channel, strings.Join(addresses, ", "), options.CatalogID, cmp.Or(options.Timeout, 10*time.Second)}
	return &Client{
		v1.NewRecommendationServiceClient(c), v1.NewItemServiceClient(c), v1.NewUserServiceClient(c),
		v1.NewInteractionServiceClient(c), v1.NewBundleServiceClient(c), v1.NewTrainingServiceClient(c),
		v1.NewPluginServiceClient(c), c, open,
	}, nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.channel.Close() }

// Health asks a server for its state: "SERVING", or "NOT_SERVING" while it shuts down. It asks over a connection of its
// own: where there are several servers, that of other calls leaves this one out.
func (c *Client) Health(ctx context.Context) (string, error) {
	channel, err := c.open(grpc.WithDisableHealthCheck())
	if err != nil {
		return "", err
	}
	defer channel.Close()
	probe := c.conn
	probe.channel = channel
	answer, err := grpc_health_v1.NewHealthClient(probe).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return answer.GetStatus().String(), err
}

func transportOf(options Options, addresses []string) (credentials.TransportCredentials, error) {
	switch {
	case len(addresses) == 0:
		return nil, fmt.Errorf("no address to connect to")
	case options.CAFile != "":
		return credentials.NewClientTLSFromFile(options.CAFile, "")
	case options.TLS != nil:
		return credentials.NewTLS(options.TLS), nil
	}
	for _, address := range addresses {
		host, _, _ := net.SplitHostPort(address)
		if options.BearerToken != "" && host != "localhost" && !net.ParseIP(host).IsLoopback() {
			return nil, fmt.Errorf("a bearer token is not sent to %s without TLS", address)
		}
	}
	return insecure.NewCredentials(), nil
}

// bearer is a token sent as metadata; transportOf has refused to send it where others could read it.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}
func (bearer) RequireTransportSecurity() bool { return false }
