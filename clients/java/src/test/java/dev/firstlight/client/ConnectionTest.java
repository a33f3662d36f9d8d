package dev.firstlight.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import dev.firstlight.v1.*;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConnectionTest {
    private static final RecommendRequest ANY = RecommendRequest.getDefaultInstance();
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    @TempDir
    private Path folder;

    private static FakeServer named(FakeServer server, String name) {
        return server.on(
                RecommendationServiceGrpc.getRecommendMethod(),
                (request, attempt) -> RecommendResponse.newBuilder()
                        .setRecommendation(Recommendation.newBuilder().setStrategy(name))
                        .build());
    }

    private static String asked(FirstlightClient client) {
        return client.recommend(ANY).getRecommendation().getStrategy();
    }

    /** Calls until as many servers as wanted have answered, which they do once all are connected. */
    private static Set<String> seen(FirstlightClient client, int wanted) {
        var names = new TreeSet<String>();
        for (int call = 0; call < 2000 && names.size() < wanted; call++) {
            names.add(asked(client));
        }
        return names;
    }

    @Test
    void severalAddressesAnswerInTurn() {
        try (var one = named(new FakeServer(), "one");
                var two = named(new FakeServer(), "two");
                var three = named(new FakeServer(), "three");
                var client = FirstlightClient.connect(one.address(), two.address(), "localhost:" + three.port())) {
            assertEquals(Set.of("one", "two", "three"), seen(client, 3));
            var counts = Stream.generate(() -> asked(client)).limit(30).toList();
            for (String name : Set.of("one", "two", "three")) {
                assertEquals(10, counts.stream().filter(name::equals).count());
            }
        }
    }

    @Test
    void anAddressThatDoesNotAnswerIsLeftOutAndComesBack() {
        FakeServer gone = new FakeServer();
        gone.close();
        try (var one = named(new FakeServer(), "one");
                var client = FirstlightClient.connect(gone.address(), one.address())) {
            for (int call = 0; call < 10; call++) {
                assertEquals("one", asked(client));
            }
            try (var back = named(new FakeServer(gone.port(), InsecureServerCredentials.create()), "back")) {
                long start = System.nanoTime();
                while (seen(client, 2).size() < 2) {
                    assertTrue(System.nanoTime() - start < 20e9, "it did not come back");
                }
                assertTrue(back.requests.size() > 0);
            }
        }
    }

    @Test
    void aRetryGoesToTheOtherServer() {
        try (var one = named(new FakeServer(), "one");
                var two = new FakeServer();
                var client = FirstlightClient.connect(one.address(), two.address())) {
            two.on(RecommendationServiceGrpc.getRecommendMethod(), (request, attempt) -> {
                throw Status.UNAVAILABLE.asRuntimeException();
            });
            while (two.requests.isEmpty()) {
                assertEquals("one", asked(client));
            }
        }
    }

    @Test
    @Timeout(30)
    void aServerThatDoesNotServeIsLeftOut() {
        try (var one = named(new FakeServer(), "one");
                var two = named(new FakeServer(), "two");
                var client = FirstlightClient.connect(one.address(), two.address())) {
            assertEquals(2, seen(client, 2).size());
            two.health.setStatus("", ServingStatus.NOT_SERVING);
            int before;
            do { // until the word has come round
                before = two.requests.size();
                Stream.generate(() -> asked(client)).limit(10).forEach(each -> {});
            } while (two.requests.size() > before);
            two.health.setStatus("", ServingStatus.SERVING);
            assertEquals(2, seen(client, 2).size());
        }
    }

    @Test
    void aHostThatIsNotKnownIsLeftOut() {
        try (var one = named(new FakeServer(), "one");
                var client = FirstlightClient.connect("no_such_host.invalid:1", one.address())) {
            assertEquals("one", asked(client));
        }
        var options = FirstlightClient.options().waitForReady(false).timeout(Duration.ofSeconds(20));
        try (var client = options.connect("no-such-host.invalid:1")) {
            var error = assertThrows(FirstlightException.Unavailable.class, () -> client.recommend(ANY));
            assertTrue(error.getMessage().contains("no-such-host.invalid"), error.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "", "a:b", "host:", "http://host:1", "host:1,other:2"})
    void whatIsNoAddressIsRefused(String address) {
        assertThrows(IllegalArgumentException.class, () -> FirstlightClient.connect(address));
        assertThrows(IllegalArgumentException.class, FirstlightClient::connect);
    }

    @ParameterizedTest
    @ValueSource(strings = {"reco.example.com:7070", "10.0.0.1:7070", "127.evil.example:7070", "localhost.example:1"})
    void aTokenDoesNotGoInClear(String address) {
        var options = FirstlightClient.options().bearerToken("secret");
        assertThrows(IllegalArgumentException.class, () -> options.connect(address));
        assertThrows(IllegalArgumentException.class, () -> options.connect("127.0.0.1:7070", address));
        options.credentials(TlsChannelCredentials.create()).connect(address).close();
    }

    @Test
    void aTokenGoesToLoopback() {
        try (var server = named(new FakeServer(), "one")) {
            for (String host : Set.of("127.0.0.1", "localhost")) {
                try (var client =
                        FirstlightClient.options().bearerToken("secret").connect(host + ":" + server.port())) {
                    asked(client);
                }
            }
            try (var client = FirstlightClient.connect(server.address())) {
                asked(client);
            }
            assertEquals("Bearer secret", server.headers.get(0).get(AUTHORIZATION));
            assertEquals("Bearer secret", server.headers.get(1).get(AUTHORIZATION));
            assertEquals(null, server.headers.get(2).get(AUTHORIZATION));
        }
        FirstlightClient.options().bearerToken("secret").connect("[::1]:7070").close();
    }

    @Test
    void tlsChecksTheCertificateAndEachServersName() throws Exception {
        var first = certified("first", "ip:127.0.0.1");
        var second = certified("second", "dns:localhost");
        var both = folder.resolve("both.pem");
        Files.writeString(both, Files.readString(first.certificate()) + Files.readString(second.certificate()));
        try (var one = named(new FakeServer(0, first.credentials()), "one");
                var two = named(new FakeServer(0, second.credentials()), "two")) {
            String[] addresses = {"127.0.0.1:" + one.port(), "localhost:" + two.port()};
            var trusting = FirstlightClient.options().bearerToken("secret").credentials(trusting(both.toFile()));
            try (var client = trusting.connect(addresses)) {
                assertEquals(Set.of("one", "two"), seen(client, 2));
            }
            assertEquals("Bearer secret", one.headers.get(0).get(AUTHORIZATION));
            var hasty = FirstlightClient.options().waitForReady(false);
            try (var client = hasty.credentials(trusting(both.toFile())).connect("127.0.0.1:" + two.port())) {
                assertThrows(FirstlightException.Unavailable.class, () -> asked(client)); // another name
            }
            try (var client = hasty.credentials(TlsChannelCredentials.create()).connect(addresses[0])) {
                assertThrows(FirstlightException.Unavailable.class, () -> asked(client)); // not known to the system
            }
        }
    }

    @Test
    void theServiceConfigIsTheOneThatAllClientsShare() throws Exception {
        var mine =
                ConnectionTest.class.getResourceAsStream("service_config.json").readAllBytes();
        assertArrayEquals(Files.readAllBytes(Path.of("../../protos/service_config.json")), mine);
        assertTrue(JsonParser.parseString(new String(mine)).isJsonObject());
    }

    private static io.grpc.ChannelCredentials trusting(File certificates) throws Exception {
        return TlsChannelCredentials.newBuilder().trustManager(certificates).build();
    }

    private record Certified(io.grpc.ServerCredentials credentials, Path certificate) {}

    /** A new key and a certificate that it signed itself, by the JDK's own tool. */
    private Certified certified(String alias, String name) throws Exception {
        Path store = folder.resolve(alias + ".p12");
        Path certificate = folder.resolve(alias + ".pem");
        keytool(store, alias, "-genkeypair", "-keyalg", "EC", "-dname", "CN=" + alias, "-ext", "san=" + name);
        keytool(store, alias, "-exportcert", "-rfc", "-file", certificate.toString());
        var keys = KeyStore.getInstance(store.toFile(), "secret".toCharArray());
        var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(keys, "secret".toCharArray());
        var credentials = TlsServerCredentials.newBuilder()
                .keyManager(factory.getKeyManagers())
                .build();
        return new Certified(credentials, certificate);
    }

    private static void keytool(Path store, String alias, String... arguments) throws Exception {
        String tool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
        var command = Stream.concat(
                Stream.of(tool),
                Stream.concat(
                        Stream.of(arguments),
                        Stream.of("-alias", alias, "-keystore", store.toString(), "-storepass", "secret")));
        var process =
                new ProcessBuilder(command.toList()).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), said);
    }
}
