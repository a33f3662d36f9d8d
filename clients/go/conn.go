package firstlight

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// conn is what the stubs call: the channel with a default deadline, filled-in requests and errors of our type.
type conn struct {
	channel            *grpc.ClientConn
	address, catalogID string
	timeout            time.Duration
}

func (c conn) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	if _, set := ctx.Deadline(); !set {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	return c.failure(c.channel.Invoke(ctx, method, c.fill(request), reply, options...))
}

// NewStream sets no deadline: a stream follows a job for as long as that takes.
func (c conn) NewStream(ctx context.Context, d *grpc.StreamDesc, method string, o ...grpc.CallOption) (grpc.ClientStream, error) {
	opened, err := c.channel.NewStream(ctx, d, method, o...)
	return stream{opened, c}, c.failure(err)
}

type stream struct {
	grpc.ClientStream
	conn conn
}

func (s stream) SendMsg(m any) error { return s.conn.failure(s.ClientStream.SendMsg(s.conn.fill(m))) }
func (s stream) RecvMsg(m any) error { return s.conn.failure(s.ClientStream.RecvMsg(m)) }

// fill adds the client's catalogue, and a request id that makes retries of a write harmless, where a request has the
// field and it is empty. The caller's message stays as it is: it may be in use elsewhere.
func (c conn) fill(request any) any {
	filled := request
	if r, ok := request.(interface{ GetCatalogId() string }); ok && c.catalogID != "" && r.GetCatalogId() == "" {
		filled = with(filled, "catalog_id", c.catalogID)
	}
	if r, ok := request.(interface{ GetRequestId() string }); ok && r.GetRequestId() == "" {
		var b [16]byte // a UUID of version 4
		rand.Read(b[:])
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		filled = with(filled, "request_id", fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
	}
	return filled
}

// with returns a copy of a request, one level deep, with one field set.
func with(request any, field protoreflect.Name, value string) any {
	from := request.(proto.Message).ProtoReflect()
	to := from.New()
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(field, value)
		return true
	})
	to.Set(from.Descriptor().Fields().ByName(field), protoreflect.ValueOfString(value))
	return to.Interface()
}
