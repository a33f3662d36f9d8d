package dev.firstlight.client;

import io.grpc.Attributes;
import io.grpc.EquivalentAddressGroup;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.NameResolverRegistry;
import io.grpc.Status;
import io.grpc.StatusOr;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;

/** Looks up all hosts of a target such as {@code firstlight:///a:7070,b:7070}; gRPC's own resolvers take one host. */
final class Addresses extends NameResolverProvider {
    private static final String SCHEME = "firstlight";

    static {
        NameResolverRegistry.getDefaultRegistry().register(new Addresses());
    }

    static String target(String... addresses) {
        if (addresses.length == 0 || !List.of(addresses).stream().allMatch(each -> each.matches("[^/,]+:\\d{1,5}"))) {
            throw new IllegalArgumentException("not addresses with host:port: " + List.of(addresses));
        }
        return SCHEME + ":///" + String.join(",", addresses).replace("[", "%5B").replace("]", "%5D"); // IPv6
    }

    static boolean isLoopback(String address) {
        return address.matches("(localhost|127(\\.\\d{1,3}){3}|\\[::1]):\\d+");
    }

    @Override
    public NameResolver newNameResolver(URI target, NameResolver.Args args) {
        if (!SCHEME.equals(target.getScheme())) {
            return null;
        }
        var addresses = target.getPath().substring(1).split(",");
        return new NameResolver() {
            private Listener2 listener;

            @Override
            public String getServiceAuthority() {
                return addresses[0];
            }

            @Override
            public void start(Listener2 listener) {
                this.listener = listener;
                refresh();
            }

            @Override
            public void refresh() {
                args.getOffloadExecutor().execute(() -> {
                    var found = ResolutionResult.newBuilder().setAddressesOrError(lookUp(addresses));
                    args.getSynchronizationContext().execute(() -> listener.onResult2(found.build()));
                });
            }

            @Override
            public void shutdown() {}
        };
    }

    @Override
    public String getDefaultScheme() {
        return SCHEME;
    }

    @Override
    protected boolean isAvailable() {
        return true;
    }

    @Override
    protected int priority() {
        return 0; // never the scheme of targets that name none
    }

    /** A host that cannot be looked up is left out, unless none can. */
    private static StatusOr<List<EquivalentAddressGroup>> lookUp(String... addresses) {
        List<EquivalentAddressGroup> found = new ArrayList<>();
        Status failure = Status.UNAVAILABLE;
        for (String address : addresses) {
            int colon = address.lastIndexOf(':');
            int port = Integer.parseInt(address.substring(colon + 1));
            var name = Attributes.newBuilder() // its certificate is for this name
                    .set(EquivalentAddressGroup.ATTR_AUTHORITY_OVERRIDE, address);
            try {
                for (InetAddress host : InetAddress.getAllByName(address.substring(0, colon))) {
                    found.add(new EquivalentAddressGroup(new InetSocketAddress(host, port), name.build()));
                }
            } catch (UnknownHostException error) {
                failure = Status.UNAVAILABLE.withDescription("unknown host in " + address);
            }
        }
        return found.isEmpty() ? StatusOr.fromStatus(failure) : StatusOr.fromValue(found);
    }
}
